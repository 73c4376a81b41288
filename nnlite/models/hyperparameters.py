"""The hyperparameters of each model: name, type, range, default and meaning, in one place.

Sweep files, the command line, the run's id and the documentation all read them from here. `identity` is what a run's id
is made of: a change of it, or of a default, gives every run a new id.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator

Sizes = Annotated[
    tuple[Annotated[int, Strict(), Field(ge=1, le=100_000)], ...], Field(strict=False, min_length=1, max_length=50)
]
Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu"]

SCHEDULES_OF_THE_WHOLE_BUDGET = ("linear", "cosine")
BUDGET = "epochs"


class Hyperparameters(BaseModel):
    """What every model has."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    epochs: int = Field(10, ge=1, le=1_000_000, description="passes over the training images")
    batch_size: int = Field(50, ge=1, le=60_000, description="images in one update")
    activation: Activation = Field("sigmoid", description="of the hidden layers")
    optimizer: Literal["sgd", "adam"] = Field("sgd", description="how gradients become updates")
    learning_rate: float = Field(0.1, gt=0, description="size of the first updates")
    momentum: float = Field(0.0, ge=0, lt=1, description="of SGD: how much of the last update goes on")
    beta1: float = Field(0.9, ge=0, lt=1, description="of Adam: how slowly its mean gradient follows")
    weight_decay: float = Field(
        0.0, ge=0, description="shrinks weights and biases by learning_rate times this at each update"
    )
    lr_schedule: Literal["constant", "step", "exponential", "linear", "cosine"] = Field(
        "constant", description="how the learning rate falls; linear and cosine reach 0 with the last epoch"
    )
    lr_decay: float = Field(0.5, gt=0, le=1, description="of step and exponential: the factor")
    lr_decay_epochs: int = Field(10, ge=1, description="of step and exponential: epochs until the factor is reached")
    validation: int = Field(10_000, ge=0, description="training images held out to select by; 0 for a final fit")

    @field_validator("*")
    @classmethod
    def _has_one_zero(cls, value: Any) -> Any:
        return value + 0.0 if isinstance(value, float) else value  # -0.0 trains as 0.0 and shall have its id

    def identity(self) -> dict[str, Any]:
        """What makes two trainings differ: all fields, but the budget only where a schedule depends on it."""
        fields = self.model_dump(mode="json")
        if self.lr_schedule not in SCHEDULES_OF_THE_WHOLE_BUDGET:
            del fields[BUDGET]
        return fields


class ClassifierHyperparameters(Hyperparameters):
    """A fully-connected classifier; the defaults are 784-392-10 with sigmoid units."""

    hidden: Sizes = Field((392,), description="units of each hidden layer")
    loss: Literal["cross_entropy", "squared_error"] = Field("cross_entropy", description="what training lowers")


class GanHyperparameters(Hyperparameters):
    """A generative adversarial network; the defaults are 100-200-400-784 against 784-400-50-1."""

    batch_size: int = Field(100, ge=1, le=60_000, description="images in one update")
    activation: Activation = Field("leaky_relu", description="of the hidden layers of both networks")
    optimizer: Literal["sgd", "adam"] = Field("adam", description="how gradients become updates")
    learning_rate: float = Field(5e-4, gt=0, description="size of the first updates")
    generator_lr: float | None = Field(None, gt=0, description="the generator's own learning_rate")
    discriminator_lr: float | None = Field(None, gt=0, description="the discriminator's own learning_rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="of Adam: how slowly its mean gradient follows")
    hidden: Sizes = Field((200, 400), description="units of each hidden layer of the generator")
    discriminator_hidden: Sizes = Field((400, 50), description="units of each hidden layer of the discriminator")
    latent_dim: int = Field(100, ge=1, le=100_000, description="length of the random vector an image is made from")
    discriminator_skip: int = Field(
        0, ge=0, description="the discriminator sits out every N-th batch, N >= 2; 0: never"
    )
    discriminator_steps: int = Field(1, ge=1, le=1000, description="discriminator updates a batch")

    @field_validator("discriminator_skip")
    @classmethod
    def _is_meaningful(cls, skip: int) -> int:
        if skip == 1:
            raise ValueError("1 would never train the discriminator; 0 is never to skip")
        return skip


HYPERPARAMETERS: dict[str, type[Hyperparameters]] = {
    "classifier": ClassifierHyperparameters,
    "gan": GanHyperparameters,
}
