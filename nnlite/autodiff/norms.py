"""Norms of vectors and matrices, of every order that NumPy knows.

At the origin a norm has a kink, and the derivative 0 by convention.
"""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from nnlite.autodiff.conventions import by_convention, direction, slope_of_absolute
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.reductions import Axis, reduced, restored
from nnlite.autodiff.rule import Constant, composed


def _euclidean(g: Any, y: Any, x: Any, axis: Axis, keepdims: bool = False) -> Any:
    # x / |x|
    return restored(g, np.shape(x), axis) * direction(x, reduced(np.shape(x), axis))


@primitive(_euclidean, name="np.linalg.norm")
def euclidean(x: Any, axis: Axis, keepdims: bool = False) -> Any:
    """The square root of the sum of squares, as np.linalg.norm has it."""
    if axis is None or np.size(axis) in (1, 2):
        return np.linalg.norm(x, None, axis, keepdims)
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims)


def _of_order(g: Any, y: Any, x: Any, order: float, axis: Axis, keepdims: bool = False) -> Any:
    # sign(x) (|x| / y)^(p - 1)
    y = restored(y, np.shape(x), axis)
    origin = y == 0
    share = np.absolute(x) / np.where(origin, 1.0, y)
    slope = slope_of_absolute(x) * np.power(np.where(share == 0, 1.0, share), order - 1) * (share != 0)
    return restored(g, np.shape(x), axis) * by_convention(slope, share == 0, x)


@primitive(_of_order, None, name="np.linalg.norm")
def of_order(x: Any, order: float, axis: Axis, keepdims: bool = False) -> Any:
    """The p-norm sum(|x|^p)^(1/p), for p other than 0, 1, 2 and infinity."""
    return np.linalg.vector_norm(x, axis=reduced(np.shape(x), axis), keepdims=keepdims, ord=order)


def _of_vectors(x: Any, order: Any, axis: Axis, keepdims: bool) -> Any:
    if order is None or order == 2:
        return euclidean(x, axis, keepdims)
    if order == 0:  # how many are not 0: a step
        return np.sum(np.astype(np.not_equal(x, 0), x.dtype), axis=axis, keepdims=keepdims)
    if order == 1:
        return np.sum(np.absolute(x), axis, keepdims=keepdims)
    if np.isinf(order):
        return (np.max if order > 0 else np.min)(np.absolute(x), axis, keepdims=keepdims)
    return of_order(x, order, axis, keepdims)


def _of_matrices(x: Any, order: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    if order is None or order == "fro":
        return euclidean(x, axes, keepdims)
    moved = np.moveaxis(x, axes, (-2, -1))
    if order in (1, -1, np.inf, -np.inf):  # of the sums of columns, or of rows
        sums = np.sum(np.absolute(moved), -2 if abs(order) == 1 else -1)
        y = (np.max if order > 0 else np.min)(sums, -1)
    elif order in (2, -2, "nuc"):
        values = np.linalg.svd(moved, compute_uv=False)
        y = np.sum(values, -1) if order == "nuc" else (np.max if order > 0 else np.min)(values, -1)
    else:
        raise ValueError("Invalid norm order for matrices.")
    return restored(y, np.shape(x), axes) if keepdims else y


def _check_axis(axis: Any) -> None:
    if isinstance(axis, list):
        raise TypeError("'axis' must be None, an integer or a tuple of integers")


@composed(np.linalg.norm)
def norm(x: Any, ord: Constant = None, axis: Constant = None, keepdims: bool = False) -> Any:  # noqa: A002
    """Of vectors over one axis, of matrices over two; of all elements if neither an order nor an axis is given."""
    ndim = np.ndim(x)
    _check_axis(axis)
    if axis is None and (ord is None or (ord == 2 and ndim == 1) or (ord == "fro" and ndim == 2)):
        return euclidean(x, None, keepdims)
    axes = tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)
    if len(axes) == 1:
        return _of_vectors(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    return _of_matrices(x, ord, axes, keepdims)


@composed(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Constant = None, keepdims: bool = False, ord: float = 2) -> Any:  # noqa: A002
    """As np.linalg.norm of vectors, over any axes."""
    _check_axis(axis)
    return _of_vectors(x, ord, reduced(np.shape(x), axis), keepdims)


@composed(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Constant = "fro") -> Any:  # noqa: A002
    """As np.linalg.norm, of the last two axes."""
    return np.linalg.norm(x, ord, (-2, -1), keepdims)
