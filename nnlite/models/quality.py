"""How good generated images are: the Fréchet distance, how many classes they cover, and how evenly.

Pure functions of features (n, d) and labels (n,) that a reference classifier has found in the images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COVERED_FROM = 0.01  # a class counts as covered if more than this share of the images is of it


@dataclass(frozen=True)
class Gaussian:
    """The normal distribution that a cloud of features is summarised by: mean (d,) and covariance (d, d), float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def fitted_to(cls, features: NDArray[np.float32]) -> "Gaussian":
        """The mean and the sample covariance of `features`, (n, d)."""
        features = features.astype(np.float64)
        mean = features.mean(axis=0)
        centred = features - mean
        return cls(mean, centred.T @ centred / max(1, len(features) - 1))


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)), the squared Fréchet distance of two normal distributions.

    Source: D. Dowson and B. Landau, The Fréchet distance between multivariate normal distributions, 1982; used for
    generated images by M. Heusel et al., GANs trained by a two time-scale update rule, 2017.
    """
    # C1 C2 has the eigenvalues of C1^(1/2) C2 C1^(1/2), which is symmetric: no complex square root is needed.
    root = _square_root(first.covariance)
    eigenvalues = np.linalg.eigvalsh(root @ second.covariance @ root)
    overlap = float(np.sum(np.sqrt(np.maximum(eigenvalues, 0.0))))
    difference = first.mean - second.mean
    return float(difference @ difference + np.trace(first.covariance) + np.trace(second.covariance) - 2.0 * overlap)


def class_counts(labels: NDArray[np.intp], classes: int) -> NDArray[np.intp]:
    """How often each class is among `labels`."""
    return np.bincount(labels, minlength=classes)


def mode_coverage(shares: NDArray[np.float64]) -> int:
    """How many classes have a share of more than 1 %."""
    return int(np.count_nonzero(shares > COVERED_FROM))


def label_entropy(shares: NDArray[np.float64]) -> float:
    """The entropy of the classes in bits: log2(10) = 3.32 where all ten are equally common, 0 where one is alone."""
    present = shares[shares > 0]
    return float(-np.sum(present * np.log2(present))) + 0.0  # + 0.0 turns -0.0 into 0.0


def _square_root(symmetric: NDArray[np.float64]) -> NDArray[np.float64]:
    eigenvalues, vectors = np.linalg.eigh(symmetric)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(eigenvalues, 0.0))) @ vectors.T
    return root
