"""Rules of products of matrices and vectors.

The gradient of `y = a @ b` is `g @ b.T` for a and `a.T @ g` for b, batch by batch; a vector is a matrix with one row
or one column that has been left out, and is treated as such. All other products are composed of this one, except for
np.einsum (see `contraction`).
"""

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from nnlite.autodiff.accumulation import product
from nnlite.autodiff.rule import composed, derivative


def _matmul_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(b) == 1:  # ... n, n -> ...
        return np.expand_dims(g, -1) * b
    if np.ndim(a) == 1:  # n, ... n m -> ... m
        return np.matmul(b, np.expand_dims(g, -1))[..., 0]
    return np.matmul(g, np.matrix_transpose(b))


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 1:
        return a * g if np.ndim(b) == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if np.ndim(b) == 1:
        return np.matmul(np.matrix_transpose(a), np.expand_dims(g, -1))[..., 0]
    return product(np.matrix_transpose(a), g)


derivative(np.matmul, _matmul_left, _matmul_right)
composed(np.linalg.matmul)(lambda x1, x2, /: np.matmul(x1, x2))
composed(np.vecdot)(lambda a, b, /: np.matmul(np.expand_dims(a, -2), np.expand_dims(b, -1))[..., 0, 0])
composed(np.vdot)(lambda a, b, /: np.matmul(np.ravel(a), np.ravel(b)))
composed(np.outer)(lambda a, b: np.reshape(a, (-1, 1)) * np.ravel(b))
if hasattr(np, "matvec"):  # since NumPy 2.2
    composed(np.matvec)(lambda a, x, /: np.matmul(a, np.expand_dims(x, -1))[..., 0])
    composed(np.vecmat)(lambda x, a, /: np.matmul(np.expand_dims(x, -2), a)[..., 0, :])


@composed(np.linalg.outer)
def outer_of_vectors(x1: Any, x2: Any, /) -> Any:
    """As np.outer, of vectors alone."""
    if not np.ndim(x1) == np.ndim(x2) == 1:
        raise ValueError("np.linalg.outer takes vectors")
    return np.outer(x1, x2)


composed(np.linalg.vecdot)(
    lambda x1, x2, /, *, axis=-1: np.vecdot(*(np.moveaxis(each, operator.index(axis), -1) for each in (x1, x2)))
)


@composed(np.linalg.multi_dot, of_arrays="arrays")
def multi_dot(arrays: Any) -> Any:
    """One matrix product after another; the first and the last may be vectors."""
    ends, inner = {np.ndim(arrays[0]), np.ndim(arrays[-1])}, {np.ndim(each) for each in arrays[1:-1]}
    if len(arrays) < 2 or not ends <= {1, 2} or not inner <= {2}:
        raise ValueError("np.linalg.multi_dot takes two matrices or more, of which the first and last may be vectors")
    return functools.reduce(np.dot, arrays)


@composed(np.dot)
def dot(a: Any, b: Any) -> Any:
    """Of the last axis of a and the last but one of b."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) == 1 or np.ndim(a) <= 2 >= np.ndim(b):
        return np.matmul(a, b)
    return np.tensordot(a, b, (-1, -2))


@composed(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """Of the last axes of both."""
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else np.tensordot(a, b, (-1, -1))


@composed(np.tensordot)
def tensordot(a: Any, b: Any, axes: int | Sequence[Any] = 2) -> Any:
    """One matrix product, with the axes that are summed over brought together."""
    pair = (range(-axes, 0), range(axes)) if isinstance(axes, int) else axes
    of_a, of_b = (normalize_axis_tuple(each, np.ndim(x)) for x, each in zip((a, b), pair, strict=True))
    kept_a, kept_b = ([k for k in range(np.ndim(x)) if k not in axes] for x, axes in ((a, of_a), (b, of_b)))
    summed, summed_of_b = [np.shape(a)[k] for k in of_a], [np.shape(b)[k] for k in of_b]
    if summed != summed_of_b:
        raise ValueError(f"axes of lengths {summed} cannot be summed over with axes of lengths {summed_of_b}")
    left, right = [np.shape(a)[k] for k in kept_a], [np.shape(b)[k] for k in kept_b]
    rows = np.reshape(np.transpose(a, [*kept_a, *of_a]), (math.prod(left), math.prod(summed)))
    columns = np.reshape(np.transpose(b, [*of_b, *kept_b]), (math.prod(summed), math.prod(right)))
    return np.reshape(rows @ columns, left + right)


composed(np.linalg.tensordot)(lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes))


@composed(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Every element of a times the whole of b."""
    ndim = max(np.ndim(a), np.ndim(b))
    of_a, of_b = ((1,) * (ndim - np.ndim(x)) + np.shape(x) for x in (a, b))
    spread_a = np.reshape(a, [length for each in of_a for length in (each, 1)])
    spread_b = np.reshape(b, [length for each in of_b for length in (1, each)])
    return np.reshape(spread_a * spread_b, [n * m for n, m in zip(of_a, of_b, strict=True)])


@composed(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), -1)


composed(np.linalg.trace)(lambda x, /, *, offset=0: np.trace(x, offset, -2, -1))


@composed(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Of vectors of three elements."""
    axisa, axisb, axisc = map(operator.index, (axisa, axisb, axisc) if axis is None else (axis,) * 3)
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if not np.shape(a)[-1] == np.shape(b)[-1] == 3:
        raise TypeError("np.cross has a derivative rule for vectors of three elements alone")
    left = a[..., [1, 2, 0]] * b[..., [2, 0, 1]]
    return np.moveaxis(left - a[..., [2, 0, 1]] * b[..., [1, 2, 0]], -1, axisc)


composed(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=operator.index(axis)))
