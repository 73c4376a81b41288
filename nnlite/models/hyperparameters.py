"""The hyperparameters of each model: name, type, range, default and meaning, in one place.

Sweep files, the command line, the run's id and the documentation all read them from here. `identity` is what a run's id
is made of: a change of it, or of a default, gives every run a new id.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator

Sizes = Annotated[
    tuple[Annotated[int, Strict(), Field(ge=1, le=100_000)], ...], Field(strict=False, min_length=1, max_length=50)
]
Epochs = Annotated[tuple[Annotated[int, Strict(), Field(ge=1)], ...], Field(strict=False, max_length=50)]
Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu"]

SCHEDULES_OF_THE_WHOLE_BUDGET = ("linear", "cosine", "one_cycle")
BUDGET = "epochs"

# What came after the first runs were published: no part of the identity while it stands at its default, which does what
# was done before it came. Whatever is added from now on is added here too.
ADDED_LATER = frozenset(
    {
        "initializer",
        "initial_scale",
        "batch_norm",
        "dropout",
        "input_dropout",
        "nesterov",
        "clip_norm",
        "weight_average",
        "warmup_epochs",
        "lr_milestones",
        "input_scaling",
        "label_smoothing",
        "max_norm",
        "augment_shift",
        "augment_rotation",
        "augment_scale",
        "augment_shear",
        "augment_elastic",
        "augment_sigma",
        "augment_mirror",
        "discriminator_lr_milestones",
        "instance_noise",
        "gradient_penalty",
        "gradient_penalty_every",
        "feature_matching",
    }
)


def depends_on_budget(config: Mapping[str, object]) -> bool:
    """Whether training for more epochs, all else in `config` being equal, makes another training from its beginning."""
    return config.get("lr_schedule") in SCHEDULES_OF_THE_WHOLE_BUDGET or bool(config.get("instance_noise"))


class Hyperparameters(BaseModel):
    """What every model has.

    Attributes:
        FALLBACKS: of what may be left out (None): the hyperparameter whose value counts then.
    """

    FALLBACKS: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    epochs: int = Field(10, ge=1, le=1_000_000, description="passes over the training images")
    batch_size: int = Field(50, ge=1, le=60_000, description="images in one update")
    activation: Activation = Field("sigmoid", description="of the hidden layers")
    initializer: Literal["glorot", "he", "uniform"] = Field("glorot", description="how the first weights are drawn")
    initial_scale: float = Field(0.01, gt=0, description="of uniform: the first weights lie within plus or minus this")
    optimizer: Literal["sgd", "adam"] = Field("sgd", description="how gradients become updates")
    learning_rate: float = Field(0.1, gt=0, description="size of the first updates")
    momentum: float = Field(0.0, ge=0, lt=1, description="of SGD: how much of the last update goes on")
    nesterov: bool = Field(False, description="of SGD with momentum: each step looks one ahead")
    beta1: float = Field(0.9, ge=0, lt=1, description="of Adam: how slowly its mean gradient follows")
    weight_decay: float = Field(
        0.0, ge=0, description="shrinks weights and biases by learning_rate times this at each update"
    )
    clip_norm: float = Field(0.0, ge=0, description="the length that all gradients together are cut to; 0: never")
    weight_average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="evaluates with an average of the weights, which keeps this share of itself an update; 0: none",
    )
    lr_schedule: Literal["constant", "step", "exponential", "linear", "cosine", "one_cycle"] = Field(
        "constant",
        description="how the learning rate changes; linear, cosine and one_cycle reach 0 with the last epoch",
    )
    lr_decay: float = Field(0.5, gt=0, le=1, description="of step and exponential: the factor")
    lr_decay_epochs: int = Field(10, ge=1, description="of step and exponential: epochs until the factor is reached")
    lr_milestones: Epochs = Field(
        (), description="of step: the epochs after which the factor is applied, instead of every lr_decay_epochs"
    )
    warmup_epochs: float = Field(
        0.0, ge=0, le=1_000_000, description="epochs in which the learning rate rises from near 0, before its schedule"
    )
    validation: int = Field(10_000, ge=0, description="training images held out to select by; 0 for a final fit")

    @field_validator("*")
    @classmethod
    def _has_one_zero(cls, value: Any) -> Any:
        return value + 0.0 if isinstance(value, float) else value  # -0.0 trains as 0.0 and shall have its id

    @field_validator("lr_milestones")
    @classmethod
    def _is_in_order(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(milestones))

    def identity(self) -> dict[str, Any]:
        """What makes two trainings differ.

        All fields, but the budget only where the first epochs depend on it, and those of `ADDED_LATER` only where they
        are not at their defaults.
        """
        fields = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            if name in ADDED_LATER and getattr(self, name) == field.default:
                del fields[name]
        if not depends_on_budget(fields):
            del fields[BUDGET]
        return fields

    def effective(self) -> dict[str, Any]:
        """All fields with the values that training takes, where one that is not given falls back to another."""
        fields = self.model_dump()
        return fields | {name: fields[other] for name, other in self.FALLBACKS.items() if fields[name] is None}


class ClassifierHyperparameters(Hyperparameters):
    """A fully-connected classifier; the defaults are 784-392-10 with sigmoid units."""

    hidden: Sizes = Field((392,), description="units of each hidden layer")
    batch_norm: bool = Field(False, description="standardizes what enters the activation of each hidden layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of each hidden layer's units left out of an update")
    input_dropout: float = Field(0.0, ge=0, lt=1, description="share of the pixels left out of an update")
    loss: Literal["cross_entropy", "squared_error"] = Field("cross_entropy", description="what training lowers")
    input_scaling: Literal["unit", "symmetric", "standardized"] = Field(
        "unit",
        description="pixels enter from 0 to 1, from -1 to 1, or with mean 0 and variance 1 over the training images",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each training target that is spread evenly over all classes"
    )
    max_norm: float = Field(
        0.0, ge=0, description="the length that a hidden unit's incoming weights are kept within; 0: any"
    )
    augment_shift: float = Field(0.0, ge=0, le=1000, description="training images move by up to so many pixels")
    augment_rotation: float = Field(0.0, ge=0, le=180, description="they turn by up to so many degrees")
    augment_scale: float = Field(
        0.0, ge=0, lt=1, description="their width and their height grow or shrink by up to this share"
    )
    augment_shear: float = Field(0.0, ge=0, lt=90, description="they slant by up to so many degrees")
    augment_elastic: float = Field(
        0.0, ge=0, le=10_000, description="strength of random waves that distort them: Simard's alpha, such as 34"
    )
    augment_sigma: float = Field(
        4.0, gt=0, le=1000, description="of augment_elastic: how smooth the waves are, in pixels"
    )
    augment_mirror: bool = Field(
        False, description="half of them are mirrored, left to right: garments may be, digits not"
    )


class GanHyperparameters(Hyperparameters):
    """A generative adversarial network; the defaults are 100-200-400-784 against 784-400-50-1."""

    FALLBACKS = {"generator_lr": "learning_rate", "discriminator_lr": "learning_rate"}

    batch_size: int = Field(100, ge=1, le=60_000, description="images in one update")
    activation: Activation = Field("leaky_relu", description="of the hidden layers of both networks")
    optimizer: Literal["sgd", "adam"] = Field("adam", description="how gradients become updates")
    learning_rate: float = Field(5e-4, gt=0, description="size of the first updates")
    generator_lr: float | None = Field(None, gt=0, description="the generator's own learning_rate")
    discriminator_lr: float | None = Field(None, gt=0, description="the discriminator's own learning_rate")
    beta1: float = Field(0.5, ge=0, lt=1, description="of Adam: how slowly its mean gradient follows")
    hidden: Sizes = Field((200, 400), description="units of each hidden layer of the generator")
    batch_norm: bool = Field(
        False, description="standardizes what enters the activation of the generator's hidden layers"
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the discriminator's hidden units left out of an update"
    )
    discriminator_hidden: Sizes = Field((400, 50), description="units of each hidden layer of the discriminator")
    latent_dim: int = Field(100, ge=1, le=100_000, description="length of the random vector an image is made from")
    discriminator_skip: int = Field(
        0, ge=0, description="the discriminator sits out every N-th batch, N >= 2; 0: never"
    )
    discriminator_steps: int = Field(1, ge=1, le=1000, description="discriminator updates a batch")
    discriminator_lr_milestones: Epochs = Field(
        (),
        description="the epochs after which lr_decay is applied to the discriminator's rate alone, beside lr_schedule",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="how far below 1 the discriminator's target for real images lies"
    )
    instance_noise: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="spread of the noise on all that the discriminator sees, falling to 0 with the last epoch",
    )
    gradient_penalty: float = Field(
        0.0, ge=0, description="R1: weight of the squared slope of the discriminator at real images"
    )
    gradient_penalty_every: int = Field(
        1, ge=1, le=1000, description="it is taken in every so many discriminator updates, and counts as often then"
    )
    feature_matching: float = Field(
        0.0, ge=0, description="weight of the distance between the mean hidden features of real and drawn images"
    )

    @field_validator("discriminator_lr_milestones")
    @classmethod
    def _are_in_order(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(milestones))

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
