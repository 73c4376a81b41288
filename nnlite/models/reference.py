"""The reference classifier of a dataset: the judge of what a GAN draws.

It is trained by nnlite itself, the same way every time, when it is first needed, and cached for the user. Its last
hidden layer gives the features that the Fréchet distance compares, its outputs the class of an image. Distances are
comparable between runs that had the same judge, whose `fingerprint` every such run logs.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlite.data import Dataset, Subset, cache_dir
from nnlite.data.cache import writing
from nnlite.errors import InputError
from nnlite.models.classifier import ClassifierTraining, build_classifier
from nnlite.models.hyperparameters import ClassifierHyperparameters
from nnlite.models.quality import Gaussian
from nnlite.models.training import EVALUATION_BATCH, Epoch, scaled
from nnlite.nn import Sequential, load_arrays, save_arrays

RECIPE = ClassifierHyperparameters(
    hidden=(256, 64), activation="relu", optimizer="adam", learning_rate=1e-3, lr_schedule="linear", epochs=10
)
SEED = 0
REFERENCE = r"[0-9a-f]{16}\.npz"  # the name of a judge in the cache


class ReferenceClassifier:
    """A trained judge of images.

    Args:
        model: the network; its last layer gives the logits, what enters that layer are the features.
        fingerprint: a hash of its weights.
    """

    def __init__(self, model: Sequential, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._trunk = Sequential(*model.layers[:-1])
        self._head = model.layers[-1]

    def judge(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Features (n, d) and classes (n,) of images (n, pixels)."""
        features, labels = [], []
        for start in range(0, len(images), EVALUATION_BATCH):
            batch = np.asarray(self._trunk(scaled(images[start : start + EVALUATION_BATCH], 0.0, 1.0)))
            features.append(batch)
            labels.append(np.argmax(self._head(batch), axis=1))
        return np.concatenate(features), np.concatenate(labels)

    def features_of(self, subset: Subset) -> NDArray[np.float32]:
        """The features (n, d) of real images."""
        images, _ = subset.take(np.arange(len(subset)))
        return self.judge(images)[0]

    def summarise(self, subset: Subset) -> Gaussian:
        """The distribution of the features of real images."""
        return Gaussian.fitted_to(self.features_of(subset))


def reference_path(dataset: Dataset) -> Path:
    """Where the judge of `dataset` is cached: a name that changes with the data and with how it is trained."""
    recipe = json.dumps(recipe_for(dataset).identity(), separators=(",", ":"))
    name = hashlib.sha256(f"{dataset.checksum} {SEED} {recipe}".encode()).hexdigest()
    return cache_dir() / "reference" / f"{name[:16]}.npz"


def recipe_for(dataset: Dataset) -> ClassifierHyperparameters:
    """How the judge of `dataset` is trained: `RECIPE`, with fewer images held out of a small dataset."""
    images = len(dataset.split(0).train)
    return RECIPE.model_copy(update={"validation": min(RECIPE.validation, images // 6)})


def load_reference(dataset: Dataset) -> ReferenceClassifier:
    """The judge of `dataset` from the cache.

    Raises:
        InputError: it is not there, or damaged; `prepare_reference` makes it.
    """
    weights = load_arrays(reference_path(dataset))
    model = build_classifier(RECIPE, dataset, np.random.default_rng(SEED))
    model.load_state(weights)
    digest = hashlib.sha256(b"".join(array.tobytes() for _, array in sorted(weights.items())))
    return ReferenceClassifier(model, digest.hexdigest()[:16])


def is_prepared(dataset: Dataset) -> bool:
    """Whether the judge of `dataset` is in the cache."""
    return reference_path(dataset).exists()


def save_stand_in(dataset: Dataset, cache: Path) -> None:
    """Put an untrained judge into the folder `cache`: it judges nothing, but takes as long and as much memory."""
    path = cache / reference_path(dataset).relative_to(cache_dir())
    path.parent.mkdir(parents=True, exist_ok=True)
    save_arrays(path, build_classifier(RECIPE, dataset, np.random.default_rng(SEED)).state())


def prepare_reference(dataset: Dataset, progress: Callable[[Epoch], None] = lambda _epoch: None) -> ReferenceClassifier:
    """The judge of `dataset`: trained and put into the cache, unless it is there.

    Args:
        dataset: what it shall judge.
        progress: is told of each epoch.

    Raises:
        DataUnavailableError: the cache cannot be written.
    """
    with contextlib.suppress(InputError):
        return load_reference(dataset)
    training = ClassifierTraining(recipe_for(dataset), dataset, SEED)
    for epoch in training.epochs():
        progress(epoch)
    path = reference_path(dataset)
    with writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        save_arrays(path, training.weights())
    return load_reference(dataset)
