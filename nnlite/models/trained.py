"""Trained models in use: a network made from a run's hyperparameters and its saved weights."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlite.data import Dataset
from nnlite.models.classifier import build_classifier, class_probabilities, input_range
from nnlite.models.gan import build_generator, draw
from nnlite.models.hyperparameters import ClassifierHyperparameters, GanHyperparameters
from nnlite.models.training import EVALUATION_BATCH, scaled
from nnlite.nn import load_arrays


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
    """A generator that was trained on `dataset` as `config` says; arguments and errors as of `TrainedClassifier`."""

    def __init__(self, config: GanHyperparameters, dataset: Dataset, weights: Path) -> None:
        self._latent_dim = config.latent_dim
        self._shape = dataset.image_shape
        self._model = build_generator(config, dataset, np.random.default_rng(0))
        self._model.load_state(load_arrays(weights))

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """New images (count, height, width), drawn from `rng`."""
        latents = rng.standard_normal((count, self._latent_dim), dtype=np.float32)
        return draw(self._model, latents).reshape(count, *self._shape)
