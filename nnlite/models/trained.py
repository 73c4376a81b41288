"""Trained models in use: a network made from a run's hyperparameters and its saved weights."""

import itertools
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlite.data import Dataset
from nnlite.models.adversaries import build_generator, draw
from nnlite.models.classifier import build_classifier, class_probabilities, input_range
from nnlite.models.hyperparameters import ClassifierHyperparameters, GanHyperparameters
from nnlite.models.training import EVALUATION_BATCH, scaled
from nnlite.nn import load_arrays

STRAIGHT = 1e-3  # points whose directions have a sine below this are joined by a line


class TrainedClassifier:
    """A classifier that was trained on `dataset` as `config` says.

    Args:
        config: its hyperparameters.
        dataset: what it learned to tell apart.
        weights: the .npz file of them.

    Raises:
        InputError: the file is missing or damaged, or its weights are of another network.
    """

    def __init__(self, config: ClassifierHyperparameters, dataset: Dataset, weights: Path) -> None:
        self._config = config
        self._range = input_range(config, dataset)
        self._model = build_classifier(config, dataset, np.random.default_rng(0))
        self._model.load_state(load_arrays(weights))

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """How likely each class is (n, classes), for images (n, pixels)."""
        batches = [images[start : start + EVALUATION_BATCH] for start in range(0, len(images), EVALUATION_BATCH)]
        outputs = [np.asarray(self._model(scaled(each, *self._range), training=False)) for each in batches]
        return class_probabilities(np.concatenate(outputs), self._config)


class TrainedGenerator:
    """A generator that was trained as `config` says.

    Args:
        config: its hyperparameters.
        image_shape: height and width of what it learned to draw.
        weights: the .npz file of them.

    Raises:
        InputError: the file is missing or damaged, or its weights are of another network.
    """

    def __init__(self, config: GanHyperparameters, image_shape: tuple[int, int], weights: Path) -> None:
        self._latent_dim = config.latent_dim
        self._shape = image_shape
        self._model = build_generator(config, math.prod(image_shape), np.random.default_rng(0))
        self._model.load_state(load_arrays(weights))

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """New images (count, height, width), drawn from `rng`."""
        return self._draw(rng.standard_normal((count, self._latent_dim), dtype=np.float32))

    def interpolate(self, paths: int, steps: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Images on the way between latent points drawn from `rng`: (paths * steps, height, width), path by path.

        Each path begins at the point at which the one before it ends, and both ends are drawn.
        """
        points = rng.standard_normal((paths + 1, self._latent_dim), dtype=np.float32)
        return self._draw(np.concatenate([arc(one, other, steps) for one, other in itertools.pairwise(points)]))

    def _draw(self, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
        return draw(self._model, latents).reshape(len(latents), *self._shape)


def arc(one: NDArray[np.float32], other: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """Points (steps, d) from `one` to `other` along a great arc, which keeps a normal vector's usual length on the way.

    In d dimensions normal vectors are about sqrt(d) long; halfway between two of them a straight line would be at 0.7
    of that, where no training has been.

    Source: T. White, Sampling generative networks, 2016, section 2.1 (K. Shoemake's slerp of 1985).
    """
    shares = np.linspace(0.0, 1.0, steps)[:, np.newaxis]
    cosine = float(one @ other / max(np.linalg.norm(one) * np.linalg.norm(other), np.finfo(np.float32).tiny))
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    if np.sin(angle) < STRAIGHT:
        points = (1.0 - shares) * one + shares * other
    else:
        points = (np.sin((1.0 - shares) * angle) * one + np.sin(shares * angle) * other) / np.sin(angle)
    return points.astype(np.float32)
