"""Rules of functions that reduce axes, or run along one: sums, means, products, spread.

The gradient of a reduction is spread over the axes that were reduced; `restored` first gives them back with length 1.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from nnlite.autodiff.accumulation import blas
from nnlite.autodiff.conventions import direction
from nnlite.autodiff.hearing import ask, listener
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import composed, derivative
from nnlite.autodiff.shaping import inverse

Axis = int | tuple[int, ...] | None


def reduced(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The axes that a reduction over `axis` takes away, counted from the front."""
    if axis is None or not shape:  # np.sum(1.0, axis=0) is allowed
        return tuple(range(len(shape)))
    return normalize_axis_tuple(axis, len(shape))


def restored(array: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """The result of a reduction over `axis`, in a form that broadcasts against the argument of that `shape`."""
    axes = reduced(shape, axis)
    return np.reshape(array, tuple(1 if each in axes else length for each, length in enumerate(shape)))


def _spread(g: Any, a: Any, axis: Axis, where: Any) -> Any:
    """The gradient of each element of a sum over `axis`, of those that `where` takes in."""
    return _taken(np.broadcast_to(restored(g, np.shape(a), axis), np.shape(a)), where)


def _taken(gradient: Any, where: Any) -> Any:
    """The gradient, 0 for those elements that `where` leaves out, also where a product would make that 0 a NaN."""
    return gradient if where is True else np.where(where, gradient, 0.0)


def _count(a: Any, y: Any, axis: Axis, where: Any) -> Any:
    """How many elements go into each element of the result."""
    if where is True:
        return np.size(a) / max(np.size(y), 1)
    shape = np.shape(a)
    return np.reshape(np.sum(np.broadcast_to(where, shape), axis=axis), np.shape(y)).astype(y.dtype)


def _sum(
    g: Any,
    y: Any,
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = 0,
    where: Any = True,
) -> Any:
    return _spread(g, a, axis, where)


def _mean(
    g: Any, y: Any, a: Any, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True
) -> Any:
    if where is True:
        return _spread(g * (np.size(y) / max(np.size(a), 1)), a, axis, where)
    return _spread(g / _count(a, y, axis, where), a, axis, where)


def _prod(
    g: Any,
    y: Any,
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = 1,
    where: Any = True,
) -> Any:
    # The product of all other elements: of those before and those behind. A quotient fails at 0, inf and subnormals.
    shape, axes = np.shape(a), reduced(np.shape(a), axis)
    if where is not True:
        a = np.where(where, a, 1.0)
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(a, axes, last)
    flat = np.reshape(moved, (*np.shape(moved)[: len(shape) - len(axes)], math.prod(shape[each] for each in axes)))
    others = _before(flat) * np.flip(_before(np.flip(flat, -1)), -1)
    others = np.moveaxis(np.reshape(others, np.shape(moved)), last, axes)
    return _taken(_spread(g if initial is None else g * initial, a, axis, True) * others, where)


def _before(rows: Any) -> Any:
    """The product of all elements before each, along the last axis."""
    first = np.ones((*np.shape(rows)[:-1], min(np.shape(rows)[-1], 1)), rows.dtype)
    return np.concatenate([first, np.cumprod(rows[..., :-1], -1)], -1)


def _deviations(a: Any, axis: Axis, where: Any) -> Any:
    """How far each element is from the mean; 0 for those that `where` leaves out."""
    deviations = a - np.mean(a, axis, keepdims=True, where=where)
    return deviations if where is True else np.where(where, deviations, 0.0)


def _freedom(a: Any, y: Any, axis: Axis, where: Any, ddof: float, correction: float) -> Any:
    return np.maximum(_count(a, y, axis, where) - (ddof or correction), 0)


def _var(
    g: Any,
    y: Any,
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    correction: float = 0,
) -> Any:
    # twice the deviation from the mean, divided by n - ddof
    freedom = _freedom(a, y, axis, where, ddof, correction).astype(y.dtype)
    return _taken(restored(g / freedom, np.shape(a), axis) * (2.0 * _deviations(a, axis, where)), where)


def _std(
    g: Any,
    y: Any,
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    correction: float = 0,
) -> Any:
    # (a - mean) / |a - mean| / sqrt(n - ddof), and 0 where all elements are equal
    freedom = np.sqrt(_freedom(a, y, axis, where, ddof, correction)).astype(y.dtype)
    axes = reduced(np.shape(a), axis)
    return _taken(restored(g / freedom, np.shape(a), axis) * direction(_deviations(a, axis, where), axes), where)


def _cumsum(g: Any, y: Any, a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    # Each element is in all the sums from its own on.
    along = 0 if axis is None else axis
    return np.reshape(np.flip(np.cumsum(np.flip(g, along), along), along), np.shape(a))


def _cumprod(g: Any, y: Any, a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    # y_k = a_k y_(k-1), so y_(i-1) times h_i = g_i + a_(i+1) h_(i+1): nothing is divided by, nor squared in memory.
    shape = np.shape(a)
    rows = np.reshape(a, -1) if axis is None or not shape else np.moveaxis(a, axis, -1)
    g = np.reshape(g, -1) if axis is None or not shape else np.moveaxis(g, axis, -1)
    behind = np.concatenate([rows[..., 1:], np.zeros((*np.shape(rows)[:-1], min(np.shape(rows)[-1], 1)), a.dtype)], -1)
    sums = np.flip(recurrence(np.flip(behind, -1), np.flip(g, -1)), -1)
    before = _before(rows)
    beyond = np.isinf(before) & (sums == 0)
    if listener() is not None or np.any(beyond):  # products beyond the range, which no gradient comes from
        before = np.where(beyond, 0.0, before)
    product = before * sums
    return np.reshape(product, shape) if axis is None or not shape else np.moveaxis(product, -1, axis)


def _recurrence_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    return _recurrence_addend(g, y, a, b) * np.concatenate([np.zeros_like(y[..., :1]), y[..., :-1]], -1)


def _recurrence_addend(g: Any, y: Any, a: Any, b: Any) -> Any:
    behind = np.concatenate([a[..., 1:], np.zeros_like(a[..., :1])], -1)
    return np.flip(recurrence(np.flip(behind, -1), np.flip(g, -1)), -1)


@primitive(_recurrence_base, _recurrence_addend)
def recurrence(a: Any, b: Any) -> Any:
    """y_k = a_k y_(k-1) + b_k along the last axis, from y_(-1) = 0."""
    return ask(_recurrence, a, b)


def _recurrence(a: Any, b: Any) -> Any:
    y = np.array(b, np.result_type(a, b), order="C")
    count, length = math.prod(y.shape[:-1]), y.shape[-1] if y.ndim else 0
    if count < length and y.dtype.char in "fd":
        # BLAS solves y_k - a_k y_(k-1) = b_k by the same steps: a triangle with ones and a band of one below them.
        solve = blas("tbsv", y.dtype.char)
        rows, factors = y.reshape(count, length), np.broadcast_to(a, y.shape).reshape(count, length)
        band = np.zeros((2, length), y.dtype, order="F")
        for k in range(count):
            np.negative(factors[k, 1:], out=band[1, :-1])
            rows[k] = solve(1, band, rows[k], lower=1, diag=1)
        return y
    for k in range(1, length):
        y[..., k] += a[..., k] * y[..., k - 1]
    return y


derivative(np.sum, _sum)
derivative(np.mean, _mean)
derivative(np.prod, _prod)
derivative(np.var, _var)
derivative(np.std, _std)
derivative(np.cumsum, _cumsum)
derivative(np.cumprod, _cumprod)


@composed(np.average)
def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """The weighted mean; weights of some axes only are given the others."""
    if weights is None:
        mean = np.mean(a, axis, keepdims=keepdims)
        return (mean, np.full(np.shape(mean), np.size(a) / np.size(mean), mean.dtype)) if returned else mean
    shape = np.shape(a)
    if np.shape(weights) != shape:
        if axis is None:
            raise TypeError("np.average: the axis must be given where weights are of another shape")
        axes = normalize_axis_tuple(axis, len(shape))
        if np.shape(weights) != tuple(shape[each] for each in axes):
            raise ValueError(f"np.average of the axes {axes} of {shape} with weights of {np.shape(weights)}")
        weights = restored(np.transpose(weights, inverse(axes)), shape, tuple(set(range(len(shape))) - set(axes)))
    weights = np.broadcast_to(weights, shape)
    total = np.sum(weights, axis, keepdims=keepdims)
    ask(_check_total, total)
    mean = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, np.shape(mean))) if returned else mean


def _check_total(total: Any) -> None:
    if np.any(total == 0):
        raise ZeroDivisionError("np.average: weights sum to zero, can't be normalized")


def _accumulated(function: Any, neutral: float, x: Any, axis: int | None, include_initial: bool) -> Any:
    if np.ndim(x) != 1 and axis is None:
        raise ValueError("the axis must be given of an array of other than one dimension")
    along = 0 if axis is None else normalize_axis_index(axis, np.ndim(x))
    y = function(x, along)
    if include_initial:
        start = np.full((*np.shape(y)[:along], 1, *np.shape(y)[along + 1 :]), neutral, y.dtype)
        y = np.concatenate([start, y], along)
    return y


@composed(np.cumulative_sum)
def cumulative_sum(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
    """As np.cumsum, with a 0 before it if asked for."""
    return _accumulated(np.cumsum, 0.0, x, axis, include_initial)


@composed(np.cumulative_prod)
def cumulative_prod(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
    """As np.cumprod, with a 1 before it if asked for."""
    return _accumulated(np.cumprod, 1.0, x, axis, include_initial)


# The methods of ufuncs, whose axis is the first and not all.
composed((np.add, "reduce"))(
    lambda array, axis=0, dtype=None, *, keepdims=False, **kwargs: np.sum(
        array, axis, dtype, keepdims=keepdims, **kwargs
    )
)
composed((np.multiply, "reduce"))(
    lambda array, axis=0, dtype=None, *, keepdims=False, **kwargs: np.prod(
        array, axis, dtype, keepdims=keepdims, **kwargs
    )
)


def _along(function: Any, array: Any, axis: int | None = 0) -> Any:
    if np.ndim(array) == 0:
        raise TypeError("cannot accumulate on a scalar")
    if axis is None:
        raise ValueError("accumulate does not allow multiple axes")
    return function(array, axis)


composed((np.add, "accumulate"))(functools.partial(_along, np.cumsum))
composed((np.multiply, "accumulate"))(functools.partial(_along, np.cumprod))
