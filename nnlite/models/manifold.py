"""Precision and recall of drawn images: how many look real, and how much of what is real is drawn.

The Fréchet distance mixes the two up. A set of images stands for a region of the feature space: the union of balls,
one around each image's features, that reach to its k-th nearest neighbour in the set. Precision is the share of drawn
images that lie in the region of the real ones, recall the share of real ones that lie in that of the drawn ones.

Source: T. Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, 2019, section 2,
with k = 3 as there.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

K = 3
ROWS = 250  # of a table of distances in memory at a time; with 10,000 columns that is 10 MB

Features = NDArray[np.float32]


def precision_recall(real: Features, drawn: Features, k: int = K) -> tuple[float, float]:
    """Precision and recall of `drawn` (n, d) as against `real` (m, d).

    Both sets should be as large: a small one has large balls.

    Raises:
        ValueError: a set has no more than `k` images.
    """
    if min(len(real), len(drawn)) <= k:
        raise ValueError(f"the {k} nearest neighbours of {len(real)} and {len(drawn)} images: more than {k} are needed")
    return share_within(drawn, real, radii(real, k)), share_within(real, drawn, radii(drawn, k))


def radii(features: Features, k: int = K) -> NDArray[np.float32]:
    """The squared distance from each of `features` (n, d) to its `k`-th nearest neighbour among the others, (n,)."""
    found = np.empty(len(features), np.float32)
    for start, distances in _squared_distances(features, features):
        own = np.arange(len(distances))
        distances[own, start + own] = np.inf
        found[start : start + len(distances)] = np.partition(distances, k - 1, axis=1)[:, k - 1]
    return found


def share_within(points: Features, centres: Features, squared_radii: NDArray[np.float32]) -> float:
    """The share of `points` (n, d) that lie in at least one of the balls around `centres` (m, d)."""
    within = sum(int(np.any(table <= squared_radii, axis=1).sum()) for _, table in _squared_distances(points, centres))
    return within / len(points)


def nearest(points: Features, others: Features, k: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The `k` nearest of `others` (m, d) to each of `points` (n, d), nearest first: indices and distances, (n, k)."""
    indices, distances = [], []
    for _, table in _squared_distances(points, others):
        chosen = np.argpartition(table, k - 1, axis=1)[:, :k]
        squares = np.take_along_axis(table, chosen, axis=1)
        order = np.argsort(squares, axis=1, kind="stable")
        indices.append(np.take_along_axis(chosen, order, axis=1))
        distances.append(np.sqrt(np.take_along_axis(squares, order, axis=1)))
    return np.concatenate(indices), np.concatenate(distances)


def _squared_distances(points: Features, others: Features) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """|a - b|^2 for each pair as |a|^2 - 2 a.b + |b|^2, some rows at a time: the number of the first, and the table."""
    squares = np.einsum("ij,ij->i", others, others)
    for start in range(0, len(points), ROWS):
        rows = points[start : start + ROWS]
        table = rows @ others.T
        table *= -2.0
        table += squares
        table += np.einsum("ij,ij->i", rows, rows)[:, np.newaxis]
        yield start, np.maximum(table, 0.0, out=table)
