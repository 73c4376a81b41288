"""Rules of the extremes of an array: the largest and the smallest element, also so far, and without NaNs.

The gradient goes to the elements that attain the extreme. Those that tie share it equally; where there are NaNs, these
are the extreme.
"""

import functools
from typing import Any

import numpy as np

from nnlite.autodiff.conventions import by_convention
from nnlite.autodiff.reductions import Axis, restored
from nnlite.autodiff.rule import composed, derivative
from nnlite.autodiff.tensor import stop_gradient


def _extreme(
    g: Any,
    y: Any,
    a: Any,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    shape = np.shape(a)
    ties = (np.equal(a, restored(y, shape, axis)) | np.isnan(a)) & where
    count = np.sum(ties, axis=axis, keepdims=keepdims, dtype=int)
    # `initial` is one more candidate, unless it stands for there being none.
    taken = count + (0 if initial is None or np.isinf(initial) else np.equal(y, initial))
    share = np.astype(g / np.maximum(taken, 1), y.dtype)
    shared = np.where(ties, restored(share, shape, axis), 0.0)
    return by_convention(shared, ties & (restored(taken, shape, axis) > 1), a)


for extreme in (np.max, np.amax, np.min, np.amin):
    derivative(extreme, _extreme)


@composed(np.ptp)
def ptp(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """From the least to the greatest."""
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


def _reduce(function: Any, array: Any, axis: Axis = 0, *, keepdims: bool = False, **kwargs: Any) -> Any:
    return function(array, axis, keepdims=keepdims, **kwargs)


def _running(extreme: np.ufunc, array: Any, axis: int = 0) -> Any:
    """The element that was the extreme so far; of equal ones the last."""
    values = stop_gradient(array)
    best = extreme.accumulate(values, axis)
    steps = np.arange(np.shape(array)[axis]).reshape([-1] + [1] * (np.ndim(array) - axis % np.ndim(array) - 1))
    attained = np.maximum.accumulate(np.where((values == best) | np.isnan(values), steps, 0), axis)
    return np.take_along_axis(array, attained, axis)


def _without_nans(
    extreme: Any, worst: float, a: Any, axis: Axis = None, *, keepdims: bool = False, where: Any = True
) -> Any:
    """The extreme of what is not NaN; NaN where there is nothing else."""
    if not np.size(a):
        raise ValueError("an empty array has no extreme")
    known = ~np.isnan(a) & where
    found = extreme(a, axis, keepdims=keepdims, initial=worst, where=known)
    return np.where(np.any(known, axis=axis, keepdims=keepdims), found, np.nan)


for ufunc, function in ((np.maximum, np.max), (np.minimum, np.min)):
    composed((ufunc, "reduce"))(functools.partial(_reduce, function))
    composed((ufunc, "accumulate"))(functools.partial(_running, ufunc))
composed(np.nanmax)(functools.partial(_without_nans, np.max, -np.inf))
composed(np.nanmin)(functools.partial(_without_nans, np.min, np.inf))
