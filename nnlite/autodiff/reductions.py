"""Rules of functions that reduce axes, or run along one: sums, products, extremes, spread.

The gradient of a reduction is spread over the axes that were reduced; `_restored` first gives them back with length 1.
"""

import functools
import math
from typing import Any

import numpy as np

from nnlite.autodiff.rule import composed, derivative

Axis = int | tuple[int, ...] | None


def _reduced(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The axes that a reduction over `axis` takes away, counted from the front."""
    if axis is None or not shape:  # np.sum(1.0, axis=0) is allowed
        return tuple(range(len(shape)))
    return tuple(each % len(shape) for each in (axis if isinstance(axis, tuple) else (axis,)))


def _restored(array: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """The result of a reduction over `axis`, in a form that broadcasts against the argument of that `shape`."""
    axes = _reduced(shape, axis)
    return np.reshape(array, tuple(1 if each in axes else length for each, length in enumerate(shape)))


def _sum(g: Any, y: Any, a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    return np.broadcast_to(_restored(g, np.shape(a), axis), np.shape(a))


def _mean(g: Any, y: Any, a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    share = np.size(y) / max(np.size(a), 1)
    return np.broadcast_to(_restored(g * share, np.shape(a), axis), np.shape(a))


def _prod(g: Any, y: Any, a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
    # The product of all other elements: y / a, or, where there are zeros, the product with a 1 in the place of a.
    shape, axes = np.shape(a), _reduced(np.shape(a), axis)
    if np.all(np.not_equal(y, 0)):
        return _restored(g * y, shape, axis) / a
    last = tuple(range(-len(axes), 0))
    rows = np.moveaxis(a, axes, last)
    count = math.prod(shape[each] for each in axes)
    flat = np.reshape(rows, (*np.shape(rows)[: len(shape) - len(axes)], count))
    others = np.prod(np.where(np.eye(count, dtype=bool), 1.0, np.expand_dims(flat, -2)), axis=-1)
    return _restored(g, shape, axis) * np.moveaxis(np.reshape(others, np.shape(rows)), last, axes)


def _extreme(g: Any, y: Any, a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    # Elements that tie for the extreme share the gradient equally; where there are NaNs, these are the extreme.
    ties = np.equal(a, _restored(y, np.shape(a), axis)) | np.isnan(a)
    return np.where(
        ties, _restored(g / np.sum(ties, axis=axis, dtype=y.dtype, keepdims=keepdims), np.shape(a), axis), 0.0
    )


def _cumsum(g: Any, y: Any, a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    # Each element is in all the sums from its own on.
    along = 0 if axis is None else axis
    return np.reshape(np.flip(np.cumsum(np.flip(g, along), along), along), np.shape(a))


derivative(np.sum, _sum)
derivative(np.mean, _mean)
derivative(np.prod, _prod)
derivative(np.cumsum, _cumsum)
for extreme in (np.max, np.amax, np.min, np.amin):
    derivative(extreme, _extreme)


@composed(np.var)
def var(a: Any, axis: Axis = None, *, ddof: float = 0, correction: float = 0, keepdims: bool = False) -> Any:
    """The mean square of what differs from the mean."""
    squares = np.square(a - np.mean(a, axis, keepdims=True))
    count = math.prod(np.shape(a)[each] for each in _reduced(np.shape(a), axis))
    return np.sum(squares, axis, keepdims=keepdims) / max(count - (ddof or correction), 0)


@composed(np.std)
def std(a: Any, axis: Axis = None, *, ddof: float = 0, correction: float = 0, keepdims: bool = False) -> Any:
    """The root of np.var, with the derivative 0 where all elements are equal."""
    return root(np.var(a, axis, ddof=ddof, correction=correction, keepdims=keepdims))


def root(x: Any) -> Any:
    """np.sqrt with the derivative 0 at 0, which is what the length of a vector should have there."""
    return np.where(x == 0, 0.0, np.sqrt(np.where(x == 0, 1.0, x)))


@composed(np.average)
def average(a: Any, axis: Axis = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    """The weighted mean; weights of one axis only are given the others."""
    if weights is None:
        return np.mean(a, axis, keepdims=keepdims)
    if np.shape(weights) != np.shape(a):
        weights = _restored(weights, np.shape(a), tuple(set(range(np.ndim(a))) - set(_reduced(np.shape(a), axis))))
    weights = np.broadcast_to(weights, np.shape(a))
    return np.sum(a * weights, axis, keepdims=keepdims) / np.sum(weights, axis, keepdims=keepdims)


@composed(np.ptp)
def ptp(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """From the least to the greatest."""
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


@composed(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Each element less the one before, n times."""
    for _ in range(n):
        last = np.shape(a)[axis]
        a = np.take(a, np.arange(1, last), axis) - np.take(a, np.arange(last - 1), axis)
    return a


@composed(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The mean of neighbours times the step between them."""
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(x) if np.ndim(x) == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(dx * (y[..., 1:] + y[..., :-1]), -1) * 0.5


@composed(np.cumprod)
def cumprod(a: Any, axis: int | None = None) -> Any:
    """The products of all beginnings, of which there are n of length n: quadratic, but right at zeros."""
    axis = None if np.ndim(a) == 0 else axis
    rows = np.ravel(a) if axis is None else np.moveaxis(a, axis, -1)
    beginnings = np.tri(np.shape(rows)[-1], dtype=bool)
    products = np.prod(np.where(beginnings, np.expand_dims(rows, -2), 1.0), -1)
    return products if axis is None else np.moveaxis(products, -1, axis)


def _running(extreme: np.ufunc, array: Any, axis: int = 0) -> Any:
    """The element that was the extreme so far; of equal ones the last."""
    values = np.asarray(array)
    best = extreme.accumulate(values, axis)
    steps = np.arange(np.shape(array)[axis]).reshape([-1] + [1] * (np.ndim(array) - axis % np.ndim(array) - 1))
    attained = np.maximum.accumulate(np.where((values == best) | np.isnan(values), steps, 0), axis)
    return np.take_along_axis(array, attained, axis)


composed(np.cumulative_sum)(lambda x, /, *, axis=None: np.cumsum(x, axis))
composed(np.cumulative_prod)(lambda x, /, *, axis=None: np.cumprod(x, axis))

# The methods of ufuncs, whose axis is the first and not all.
composed((np.add, "reduce"))(lambda array, axis=0, *, keepdims=False: np.sum(array, axis, keepdims=keepdims))
composed((np.multiply, "reduce"))(lambda array, axis=0, *, keepdims=False: np.prod(array, axis, keepdims=keepdims))
composed((np.maximum, "reduce"))(lambda array, axis=0, *, keepdims=False: np.max(array, axis, keepdims=keepdims))
composed((np.minimum, "reduce"))(lambda array, axis=0, *, keepdims=False: np.min(array, axis, keepdims=keepdims))
composed((np.add, "accumulate"))(lambda array, axis=0: np.cumsum(array, axis))
composed((np.multiply, "accumulate"))(lambda array, axis=0: np.cumprod(array, axis))
for ufunc in (np.maximum, np.minimum):
    composed((ufunc, "accumulate"))(functools.partial(_running, ufunc))
