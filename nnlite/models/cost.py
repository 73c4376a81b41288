"""What a training costs, counted instead of measured: updates, multiply-adds and the bytes that it keeps."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.data import Dataset
from nnlite.models.gan import updates_a_batch
from nnlite.models.hyperparameters import ClassifierHyperparameters, GanHyperparameters, Hyperparameters

FLOAT = np.dtype(np.float32).itemsize


@dataclass(frozen=True)
class Cost:
    """The cost of one epoch, and the room that a training takes.

    Attributes:
        updates: of a network's weights, an epoch.
        multiply_adds: in the matrix products of an epoch's training, forward and backward.
        weights: bytes of what `Training.weights` returns.
        state: bytes of what `Training.state` returns.
    """

    updates: float
    multiply_adds: float
    weights: int
    state: int


def cost_of(config: Hyperparameters, dataset: Dataset) -> Cost:
    """The cost of training `config` on `dataset`."""
    images = dataset.train_size(config.validation)
    batches = -(-images // config.batch_size)
    kept = 1 + _moments(config)
    match config:
        case ClassifierHyperparameters():
            sizes = [dataset.pixels, *config.hidden, dataset.classes]
            weights = FLOAT * _parameters(sizes)
            return Cost(batches, images * _training(sizes), weights, kept * weights)
        case GanHyperparameters():
            generator = [config.latent_dim, *config.hidden, dataset.pixels]
            discriminator = [dataset.pixels, *config.discriminator_hidden, 1]
            updates = updates_a_batch(config)
            redrawn = updates - updates / config.discriminator_steps  # each update but a batch's first draws anew
            an_image = (
                _training(generator)
                + 2 * _forward(discriminator)  # the generator's loss goes through it and back
                + updates * 2 * _training(discriminator)  # real images and drawn ones
                + redrawn * _forward(generator)
                + updates * _penalty(config, discriminator)
                + bool(config.feature_matching) * _forward(discriminator)
            )
            weights = FLOAT * _parameters(generator)
            state = kept * (weights + FLOAT * _parameters(discriminator))
            return Cost(batches * (1 + updates), images * an_image, weights, state)
    raise AssertionError(type(config))


def _forward(sizes: list[int]) -> int:
    return sum(inputs * outputs for inputs, outputs in itertools.pairwise(sizes))


def _training(sizes: list[int]) -> int:
    """Multiply-adds an image: forward, for the weights, and for the inputs of all layers but the first."""
    return 3 * _forward(sizes) - sizes[0] * sizes[1]


def _penalty(config: GanHyperparameters, discriminator: list[int]) -> float:
    """Multiply-adds an image of the gradient penalty: forward, back to the image, and twice that back through it."""
    return 4 * _forward(discriminator) / config.gradient_penalty_every if config.gradient_penalty else 0.0


def _parameters(sizes: list[int]) -> int:
    return _forward(sizes) + sum(sizes[1:])


def _moments(config: Any) -> int:
    """Arrays that the optimizer keeps for each parameter."""
    return 2 if config.optimizer == "adam" else int(config.momentum > 0)
