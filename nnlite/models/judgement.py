"""The judgement of a set of images: how real, how varied and how new they are, next to what real images get.

The figures are those that a GAN's log has, with precision and recall beside them. `Judge` holds what all sets are
compared with: the real images that were held out when the GAN was trained.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnlite.data import Dataset, Subset
from nnlite.models.manifold import K, nearest, precision_recall
from nnlite.models.quality import Gaussian, class_counts, frechet_distance, label_entropy, mode_coverage
from nnlite.models.reference import load_reference
from nnlite.models.training import scaled

COMPARED = 1000  # images of a set whose nearest training images are looked for


@dataclass(frozen=True)
class Figures:
    """What is said of a set of images; precision and recall are not numbers where there are too few."""

    fid: float
    mode_coverage: int
    label_entropy: float
    precision: float
    recall: float


class Judge:
    """Compares sets of images with the real ones held out of `dataset`.

    Args:
        dataset: what the images are to be like. Its reference classifier must be prepared.
        validation: how many of the training images are held out; with 0, the test images stand for them.

    Attributes:
        real: held-out images (n, pixels) that are none of those compared with: what real images get.
    """

    def __init__(self, dataset: Dataset, validation: int) -> None:
        split = dataset.split(validation)
        self._classes = dataset.classes
        self._train = split.train
        self._reference = load_reference(dataset)
        self._features, _ = self._reference.judge(_all(split.validation if validation else split.test))
        self._gaussian = Gaussian.fitted_to(self._features)
        self.real = _all(split.test if validation else split.train)[: len(split.test)]

    def figures(self, images: NDArray[np.uint8]) -> Figures:
        """The figures of `images` (n, pixels)."""
        features, labels = self._reference.judge(images)
        counts = class_counts(labels, self._classes)
        shares = counts / len(labels)
        size = min(len(features), len(self._features))
        precision, recall = (
            precision_recall(self._features[:size], features[:size]) if size > K else (float("nan"), float("nan"))
        )
        return Figures(
            fid=frechet_distance(self._gaussian, Gaussian.fitted_to(features)),
            mode_coverage=mode_coverage(shares),
            label_entropy=label_entropy(shares),
            precision=precision,
            recall=recall,
        )

    def nearest_training_images(
        self, images: NDArray[np.uint8], count: int = 1
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The training images nearest to each of `images` (n, pixels), nearest first, and how far they are.

        Returns:
            Images (n, count, pixels), and Euclidean distances (n, count) with black at 0 and white at 1.
        """
        training = _all(self._train)
        count = min(count, len(training))
        indices, distances = nearest(scaled(images, 0.0, 1.0), scaled(training, 0.0, 1.0), count)
        return training[indices], distances


def _all(subset: Subset) -> NDArray[np.uint8]:
    images, _ = subset.take(np.arange(len(subset)))
    return images
