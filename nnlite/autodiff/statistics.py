"""Statistics of arrays: quantiles, covariances, weighted counts, and reductions that leave NaNs out."""

import functools
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from nnlite.autodiff.hearing import as_array, ask
from nnlite.autodiff.indexing import scatter
from nnlite.autodiff.reductions import Axis, restored
from nnlite.autodiff.rule import Constant, composed
from nnlite.autodiff.tensor import stop_gradient

# Where among n sorted elements the quantile q is: at n q + alpha + q (1 - alpha - beta) - 1, counted from 0.
# Source: R. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996.
POSITIONS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
    "lower": (1.0, 1.0),
    "higher": (1.0, 1.0),
    "midpoint": (1.0, 1.0),
    "nearest": (1.0, 1.0),
}
STEPS = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


def _rows(a: Any, axis: Axis) -> Any:
    """The axes that are reduced, as one, behind all others."""
    axes = tuple(range(np.ndim(a))) if axis is None else normalize_axis_tuple(axis, np.ndim(a))
    kept = [each for each in range(np.ndim(a)) if each not in axes]
    moved = np.transpose(a, [*kept, *sorted(axes)])
    return np.reshape(moved, [np.shape(a)[each] for each in kept] + [-1])


def _quantile(rows: Any, count: Any, q: Any, method: str, dtype: Any) -> Any:
    """The quantile of the first `count` of sorted rows."""
    alpha, beta = POSITIONS[method]
    virtual = np.clip(count * q + (alpha + q * (1.0 - alpha - beta)) - 1.0, 0.0, np.maximum(count - 1.0, 0.0))
    virtual = STEPS.get(method, np.asarray)(virtual)
    before = np.floor(virtual).astype(int)
    after = np.minimum(before + 1, np.maximum(count - 1, 0)).astype(int)
    share = np.where(virtual == before, 0.0, 0.5) if method == "midpoint" else virtual - before
    share = np.broadcast_to(share, np.shape(rows)[:-1]).astype(dtype)
    below, above = (_elements(rows, place) for place in (before, after))
    apart = above - below
    return np.where(share < 0.5, below + apart * share, above - apart * (1.0 - share))


def _elements(rows: Any, places: Any) -> Any:
    places = np.broadcast_to(places, np.shape(rows)[:-1])
    return np.take_along_axis(rows, places[..., None], -1)[..., 0]


def _quantiles(
    ignore_nan: bool,
    scale: float,
    a: Any,
    q: Constant,
    axis: Axis = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Any:
    """Of the elements over `axis`, one for each of `q`; a NaN makes them NaN unless it is to be ignored."""
    fractions = as_array(stop_gradient(q), float) / scale
    ask(_check_fractions, fractions)
    if ignore_nan and fractions.ndim > 1:
        raise TypeError("np.nanquantile has no derivative rule for quantiles in more than one dimension: ravel them")
    if method not in POSITIONS:
        raise TypeError(f"np.quantile has no derivative rule for method={method!r}: use one of {', '.join(POSITIONS)}")
    rows = np.sort(_rows(a, axis), -1)
    missing = np.isnan(rows)
    count = np.sum(~missing, -1) if ignore_nan else np.shape(rows)[-1]
    dtype = rows.dtype if isinstance(q, int | float) else np.result_type(rows, np.float64)
    results = []
    for each in fractions.ravel():
        y = _quantile(rows, count, each, method, dtype)
        results.append(y if ignore_nan else np.where(missing[..., -1], np.nan, y))
    shape = np.shape(restored(results[0], np.shape(a), axis)) if keepdims else np.shape(results[0])
    return np.reshape(np.stack(results), fractions.shape + shape)


composed(np.quantile)(functools.partial(_quantiles, False, 1.0))
composed(np.percentile)(functools.partial(_quantiles, False, 100.0))
composed(np.nanquantile)(functools.partial(_quantiles, True, 1.0))
composed(np.nanpercentile)(functools.partial(_quantiles, True, 100.0))


@composed(np.median)
def median(a: Any, axis: Axis = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The mean of the one or two elements in the middle."""
    rows = np.sort(_rows(a, axis), -1)
    n = np.shape(rows)[-1]
    y = np.mean(rows[..., (n - 1) // 2 : n // 2 + 1], -1)
    y = np.where(np.isnan(rows[..., -1]), np.nan, y)
    return restored(y, np.shape(a), axis) if keepdims else y


@composed(np.nanmedian)
def nanmedian(a: Any, axis: Axis = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The median of what is not NaN."""
    return np.nanquantile(a, 0.5, axis, keepdims=keepdims)


# --- without NaNs


def _known(a: Any, where: Any) -> Any:
    return ~np.isnan(stop_gradient(a)) & where


def _without_nans(function: Any, a: Any, axis: Axis = None, *args: Any, where: Any = True, **kwargs: Any) -> Any:
    return function(a, axis, *args, where=_known(a, where), **kwargs)


composed(np.nansum)(functools.partial(_without_nans, np.sum))
composed(np.nanprod)(functools.partial(_without_nans, np.prod))
composed(np.nanmean)(functools.partial(_without_nans, np.mean))
composed(np.nanvar)(functools.partial(_without_nans, np.var))
composed(np.nanstd)(functools.partial(_without_nans, np.std))
composed(np.nancumsum)(lambda a, axis=None: np.cumsum(np.where(np.isnan(a), 0.0, a), axis))
composed(np.nancumprod)(lambda a, axis=None: np.cumprod(np.where(np.isnan(a), 1.0, a), axis))


@composed(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Numbers in the place of what is not finite."""
    if isinstance(copy, str):
        raise ValueError("strings are not allowed for 'copy' keyword")  # noqa: TRY004 - as NumPy
    if not copy:
        raise TypeError("np.nan_to_num has no derivative rule for copy=False: it changes the array in place")
    if any(isinstance(each, str) for each in (nan, posinf, neginf)):
        raise TypeError("np.nan_to_num takes numbers")
    largest = float(np.finfo(x.dtype).max)
    y = np.where(np.isnan(x), nan, x)
    y = np.where(np.isposinf(x), largest if posinf is None else posinf, y)
    return np.where(np.isneginf(x), -largest if neginf is None else neginf, y)


# --- several variables


@composed(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Constant = None,
    aweights: Constant = None,
) -> Any:
    """The mean product of what differs from the means, of each pair of variables."""
    if np.ndim(m) > 2 or (y is not None and np.ndim(y) > 2):
        raise ValueError("m has more than 2 dimensions")
    x = np.atleast_2d(m)
    x = np.transpose(x) if not rowvar and np.ndim(m) != 1 else x
    if y is not None:
        other = np.atleast_2d(y)
        x = np.concatenate([x, np.transpose(other) if not rowvar and np.shape(other)[0] != 1 else other])
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    ddof = int(bias == 0) if ddof is None else ddof
    weights = _weights(fweights, aweights, np.shape(x)[1])
    total = np.shape(x)[1] if weights is None else np.sum(weights)
    freedom = total - ddof
    if aweights is not None and ddof != 0:
        freedom = total - ddof * np.sum(weights * as_array(aweights)) / total
    apart = x - np.expand_dims(np.average(x, 1, weights), 1)
    weighted = apart if weights is None else apart * weights
    return np.squeeze(np.matmul(apart, np.transpose(weighted)) / np.maximum(freedom, 0.0))


def _weights(frequencies: Any, importances: Any, count: int) -> Any:
    """The weights of observations: how often each was made, times how much it counts; constant."""
    weights = None
    for each in (frequencies, importances):
        if each is not None:
            if np.shape(each) != (count,):
                raise ValueError("weights must be one for each observation, and not negative")
            ask(_check_weights, each)
            weights = as_array(each) if weights is None else weights * as_array(each)
    return weights


def _check_fractions(fractions: Any) -> None:
    if not np.all((fractions >= 0) & (fractions <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")


def _check_weights(weights: Any) -> None:
    if np.any(np.less(weights, 0)):
        raise ValueError("weights must be one for each observation, and not negative")


@composed(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    """The covariances divided by both standard deviations."""
    c = np.cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    deviations = np.sqrt(np.diagonal(c))
    c = c / np.expand_dims(deviations, 1) / deviations
    return c + (np.clip(stop_gradient(c), -1.0, 1.0) - stop_gradient(c))  # rounding does not count


@composed(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """The sum of the weights of each number."""
    places, minlength = stop_gradient(x), operator.index(minlength)
    if weights is None or np.shape(weights) != places.shape or places.ndim != 1 or minlength < 0:
        raise ValueError("The weights and list don't have the same length.")
    if places.dtype.kind not in "biu" or (places.size and places.min() < 0):
        raise ValueError("'list' argument must have no negative elements")
    length = max(int(places.max(initial=-1)) + 1, minlength)
    return scatter(np.astype(weights, np.float64), places.astype(np.intp), (length,))
