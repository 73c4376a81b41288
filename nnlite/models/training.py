"""What a training is, to whoever runs it: a source of epochs whose state can be saved and restored.

Training knows neither log nor sweep. It yields one `Epoch` after the other and leaves it to the caller to write them
down, to keep weights, or to stop.
"""

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.models.hyperparameters import Hyperparameters
from nnlite.nn import SGD, Adam, Optimizer, Sequential
from nnlite.nn.schedules import Schedule, constant, cosine_decay, exponential_decay, linear_decay, step_decay
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
    """

    number: int
    metrics: dict[str, float]
    samples: NDArray[np.uint8] | None = None


class Training(ABC):
    """A model, its data, its optimizers and its random generators, somewhere between two epochs.

    Args:
        config: the hyperparameters.
    """

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
    def score(self, weights: Arrays) -> dict[str, float]:
        """The model's quality on the test images, with those `weights`; called once, after the last epoch."""

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


def scaled(images: NDArray[np.uint8], low: float, high: float) -> NDArray[np.float32]:
    """Bytes (black 0, white 255) as float32 from `low` to `high`."""
    result = np.multiply(images, np.float32((high - low) / BLACK_TO_WHITE), dtype=np.float32)
    if low:
        result += np.float32(low)
    return result


def make_schedule(config: Hyperparameters, rate: float, steps_an_epoch: float) -> Schedule:
    """The learning-rate schedule that `config` describes, starting from `rate`."""
    decay_steps = max(1, round(config.lr_decay_epochs * steps_an_epoch))
    all_steps = max(1, round(config.epochs * steps_an_epoch))
    match config.lr_schedule:
        case "step":
            return step_decay(rate, config.lr_decay, decay_steps)
        case "exponential":
            return exponential_decay(rate, config.lr_decay, decay_steps)
        case "linear":
            return linear_decay(rate, all_steps)
        case "cosine":
            return cosine_decay(rate, all_steps)
        case "constant":
            return constant(rate)


def make_optimizer(config: Hyperparameters, parameters: list[Any], rate: float, steps_an_epoch: float) -> Optimizer:
    """The optimizer that `config` describes."""
    schedule = make_schedule(config, rate, steps_an_epoch)
    if config.optimizer == "adam":
        return Adam(parameters, schedule, beta1=config.beta1, weight_decay=config.weight_decay)
    return SGD(parameters, schedule, momentum=config.momentum, weight_decay=config.weight_decay)


def nested(**parts: Arrays) -> Arrays:
    """One flat dict of several, each name prefixed with its part's: `nested(a={"x": ...})` has "a/x"."""
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def part_of(arrays: Arrays, part: str) -> Arrays:
    """What `nested` put under `part`."""
    prefix = f"{part}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def generator_state(rng: np.random.Generator) -> NDArray[Any]:
    """The state of a random generator as an array that needs no pickle."""
    return np.array(json.dumps(rng.bit_generator.state))


def restore_generator(rng: np.random.Generator, state: NDArray[Any]) -> None:
    """Undo `generator_state`."""
    rng.bit_generator.state = json.loads(str(state))
