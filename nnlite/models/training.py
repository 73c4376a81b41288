"""What a training is, to whoever runs it: a source of epochs whose state can be saved and restored.

Training knows neither log nor sweep. It yields one `Epoch` after the other and leaves it to the caller to write them
down, to keep weights, or to stop.
"""

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.data import Split
from nnlite.errors import InputError
from nnlite.models.hyperparameters import Hyperparameters
from nnlite.nn import (
    SGD,
    Adam,
    Initializer,
    Optimizer,
    Sequential,
    WeightAverage,
    glorot_uniform,
    he_normal,
    uniform,
)
from nnlite.nn.schedules import (
    Schedule,
    constant,
    cosine_decay,
    exponential_decay,
    linear_decay,
    multi_step_decay,
    one_cycle,
    product,
    step_decay,
    warm_up,
)
from nnlite.nn.weights import Arrays

EVALUATION_BATCH = 1000  # fixed, because the rounding of a matrix product depends on its shape
BLACK_TO_WHITE = 255


@dataclass(frozen=True)
class Epoch:
    """One pass over the training images.

    Attributes:
        number: from 1.
        metrics: what was measured, by the names in `nnlite.runs.metrics`.
        samples: a generator's images of the same latent points at every epoch, (n, height, width) uint8, if it is one.
        class_counts: how many of the images that it was judged by are of each class, if it is one.
    """

    number: int
    metrics: dict[str, float]
    samples: NDArray[np.uint8] | None = None
    class_counts: list[int] | None = None


@dataclass(frozen=True)
class Mistake:
    """A test image, by its index, that was taken for another class with some probability."""

    index: int
    label: int
    predicted: int
    probability: float


@dataclass(frozen=True)
class Examination:
    """What a classifier did with the test images.

    Attributes:
        confusion: how many of each class (row) were taken for each class (column).
        mistakes: the most confident ones, in order.
        images: theirs, (n, height, width) uint8.
    """

    confusion: list[list[int]]
    mistakes: list[Mistake]
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class Score:
    """What a model is worth on the test images.

    Attributes:
        metrics: by the names in `nnlite.runs.metrics`.
        examination: what it did with each class; None if it tells no classes.
    """

    metrics: dict[str, float]
    examination: Examination | None = None


class Training(ABC):
    """A model, its data, its optimizers and its random generators, somewhere between two epochs.

    Args:
        config: the hyperparameters.

    Attributes:
        split: the images; those to train on may be exchanged between two epochs, to measure a piece of one.
    """

    split: Split

    def __init__(self, config: Hyperparameters) -> None:
        self._budget = config.epochs
        self._epoch = 0

    def epochs(self) -> Iterator[Epoch]:
        """Train on, from after the last epoch up to the budget."""
        while self._epoch < self._budget:
            self._epoch += 1
            # A diverging network overflows; it is its metrics that tell so.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                epoch = self._train_one_epoch()
            yield epoch

    @abstractmethod
    def state(self) -> Arrays:
        """Everything that the epochs to come depend on."""

    @abstractmethod
    def restore(self, state: Arrays) -> None:
        """Go on from what `state` returned, to the bit as if never stopped."""

    @abstractmethod
    def weights(self) -> Arrays:
        """What it takes to use the model."""

    @abstractmethod
    def score(self, weights: Arrays) -> Score:
        """What the model is worth on the test images, with those `weights`; called once, after the last epoch."""

    def program(self) -> str:
        """The NumPy program of a step on a whole batch, see `nnlite.traced`; it takes a step to tell.

        Raises:
            InputError: its steps are not traced.
        """
        raise InputError(f"the steps of a {type(self).__name__} are not traced, so there is no program of them")

    @abstractmethod
    def _train_one_epoch(self) -> Epoch:
        """Train through epoch number `self._epoch`, and measure."""


@contextlib.contextmanager
def borrowed(model: Sequential, weights: Arrays) -> Iterator[None]:
    """Have `model` use `weights` inside the block, and its own again after it."""
    own = model.state()
    model.load_state(weights)
    try:
        yield
    finally:
        model.load_state(own)


@contextlib.contextmanager
def averaged(model: Sequential, average: WeightAverage | None) -> Iterator[None]:
    """Have `model` use its averaged weights inside the block, if there are any."""
    with contextlib.nullcontext() if average is None else borrowed(model, average.weights()):
        yield


def scaled(images: NDArray[np.uint8], low: float, high: float) -> NDArray[np.float32]:
    """Bytes (black 0, white 255) as float32 from `low` to `high`; read-only, as the engine copies what may change."""
    result = images.astype(np.float32)
    result *= np.float32((high - low) / BLACK_TO_WHITE)
    if low:
        result += np.float32(low)
    result.setflags(write=False)
    return result


def make_initializer(config: Hyperparameters) -> Initializer:
    """How `config` has the first weights drawn."""
    match config.initializer:
        case "glorot":
            return glorot_uniform
        case "he":
            return he_normal
        case "uniform":
            return uniform(config.initial_scale)


def make_schedule(config: Hyperparameters, rate: float, steps_an_epoch: float) -> Schedule:
    """The learning-rate schedule that `config` describes: the warm-up, if any, and then what begins with `rate`."""
    decay_steps = max(1, round(config.lr_decay_epochs * steps_an_epoch))
    warm_up_steps = round(config.warmup_epochs * steps_an_epoch)
    steps_left = max(1, round(config.epochs * steps_an_epoch) - warm_up_steps)
    match config.lr_schedule:
        case "step" if config.lr_milestones:
            milestones = [round(epoch * steps_an_epoch) for epoch in config.lr_milestones]
            schedule = multi_step_decay(rate, config.lr_decay, milestones)
        case "step":
            schedule = step_decay(rate, config.lr_decay, decay_steps)
        case "exponential":
            schedule = exponential_decay(rate, config.lr_decay, decay_steps)
        case "linear":
            schedule = linear_decay(rate, steps_left)
        case "cosine":
            schedule = cosine_decay(rate, steps_left)
        case "one_cycle":
            schedule = one_cycle(rate, steps_left)
        case "constant":
            schedule = constant(rate)
    return warm_up(schedule, warm_up_steps) if warm_up_steps else schedule


def make_optimizer(
    config: Hyperparameters,
    parameters: list[Any],
    rate: float,
    steps_an_epoch: float,
    milestones: Sequence[int] = (),
) -> Optimizer:
    """The optimizer that `config` describes; after each of the `milestones`, in epochs, `lr_decay` slows it further."""
    schedule = make_schedule(config, rate, steps_an_epoch)
    if milestones:
        steps = [round(epoch * steps_an_epoch) for epoch in milestones]
        schedule = product(schedule, multi_step_decay(1.0, config.lr_decay, steps))
    decay, clip = config.weight_decay, config.clip_norm
    if config.optimizer == "adam":
        return Adam(parameters, schedule, beta1=config.beta1, weight_decay=decay, clip_norm=clip)
    return SGD(parameters, schedule, config.momentum, weight_decay=decay, clip_norm=clip, nesterov=config.nesterov)


def make_average(config: Hyperparameters, model: Sequential) -> WeightAverage | None:
    """The average of the weights of `model` that `config` asks for, if it does."""
    return WeightAverage(model, config.weight_average) if config.weight_average else None


def check_batches(batch_size: int, images: int) -> None:
    """Refuse to standardize batches if an epoch would end with one of a single image.

    Raises:
        InputError: it would.
    """
    if images % batch_size == 1 or batch_size == 1:
        raise InputError(
            f"batch_norm takes two images or more in each batch: with batch_size = {batch_size}, the last of the "
            f"{images:,} training images is alone"
        )


def nested(**parts: Arrays) -> Arrays:
    """One flat dict of several, each name prefixed with its part's: `nested(a={"x": ...})` has "a/x"."""
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def part_of(arrays: Arrays, part: str) -> Arrays:
    """What `nested` put under `part`."""
    prefix = f"{part}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def generator_states(generators: Mapping[str, np.random.Generator]) -> Arrays:
    """The state of each random generator by its name, as arrays that need no pickle."""
    return {name: np.array(json.dumps(rng.bit_generator.state)) for name, rng in generators.items()}


def restore_generators(generators: Mapping[str, np.random.Generator], states: Arrays) -> None:
    """Undo `generator_states`."""
    for name, rng in generators.items():
        rng.bit_generator.state = json.loads(str(states[name]))
