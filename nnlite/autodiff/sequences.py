"""Functions of neighbors: differences, slopes, integrals, convolutions, and values between given points."""

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from nnlite.autodiff.hearing import heard
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import Constant, composed
from nnlite.autodiff.tensor import stop_gradient

MISSING: Any = np._NoValue  # NumPy's own, for which None is no substitute


def _part(a: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """The elements from `start` to `stop` along an axis."""
    return a[(slice(None),) * axis + (slice(start, stop),)]


def _ends(a: Any, value: Any, axis: int) -> Any:
    """What np.diff puts before or behind an array: `value`, or as many of it as there are rows."""
    shape = list(np.shape(a))
    shape[axis] = 1
    return np.broadcast_to(value, shape) if np.ndim(value) == 0 else value


@composed(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = MISSING, append: Any = MISSING) -> Any:
    """Each element less the one before, n times."""
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if n == 0:
        return np.positive(a)
    axis = normalize_axis_index(axis, np.ndim(a))
    parts = [] if prepend is MISSING else [_ends(a, prepend, axis)]
    parts += [a] if append is MISSING else [a, _ends(a, append, axis)]
    a = np.concatenate(parts, axis) if len(parts) > 1 else a
    for _ in range(n):
        a = _part(a, axis, 1, None) - _part(a, axis, None, -1)
    return a


@composed(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """The differences of all elements, with what is asked for at the ends."""
    flat = np.ravel(ary)
    ends = [None if each is None else np.astype(np.ravel(each), flat.dtype) for each in (to_begin, to_end)]
    return np.concatenate([each for each in (ends[0], flat[1:] - flat[:-1], ends[1]) if each is not None])


@composed(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The mean of neighbors times the step between them."""
    y = np.moveaxis(y, operator.index(axis), -1)
    if x is not None:
        dx = np.diff(x) if np.ndim(x) == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2.0, -1)


def _slopes(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """The second-order differences of np.gradient along an axis, for a step or for coordinates."""
    f = np.moveaxis(f, axis, 0)
    if np.shape(f)[0] < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient")
    shape = (-1,) + (1,) * (np.ndim(f) - 1)
    even = np.ndim(spacing) == 0
    if not even and np.shape(spacing) != np.shape(f)[:1]:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    steps = np.ones(len(f) - 1) * spacing if even else np.diff(spacing)
    steps = np.reshape(steps, shape)
    before, after = steps[:-1], steps[1:]
    if even:
        inner = (f[2:] - f[:-2]) / (2.0 * before)
    else:
        left, right = -after / (before * (before + after)), before / (after * (before + after))
        inner = left * f[:-2] + (after - before) / (before * after) * f[1:-1] + right * f[2:]
    if edge_order == 1:
        first, last = (f[1:2] - f[:1]) / steps[:1], (f[-1:] - f[-2:-1]) / steps[-1:]
    else:
        first = _at_edge(f[:1], f[1:2], f[2:3], steps[:1], steps[1:2])
        last = -_at_edge(f[-1:], f[-2:-1], f[-3:-2], steps[-1:], steps[-2:-1])
    return np.astype(np.moveaxis(np.concatenate([first, inner, last]), 0, axis), f.dtype)


def _at_edge(f0: Any, f1: Any, f2: Any, h1: Any, h2: Any) -> Any:
    """The slope at f0 of the parabola through it and its two neighbors."""
    return -(2.0 * h1 + h2) / (h1 * (h1 + h2)) * f0 + (h1 + h2) / (h1 * h2) * f1 - h1 / (h2 * (h1 + h2)) * f2


@composed(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Constant = None, edge_order: int = 1) -> Any:
    """The slope along each axis, from the neighbors on both sides."""
    axes = tuple(range(np.ndim(f))) if axis is None else normalize_axis_tuple(axis, np.ndim(f))
    spacings = varargs or (1.0,)
    spacings = spacings * len(axes) if len(spacings) == 1 and np.ndim(spacings[0]) == 0 else spacings
    if len(spacings) != len(axes) or edge_order not in (1, 2):
        raise TypeError("invalid number of arguments")
    slopes = tuple(_slopes(f, spacing, each, edge_order) for spacing, each in zip(spacings, axes, strict=True))
    return slopes[0] if len(slopes) == 1 else slopes


# y_k = sum_i a_i v_(k-i): each argument has the correlation of g with the other
@primitive(
    lambda g, y, a, v: np.correlate(g, v, "valid"), lambda g, y, a, v: np.correlate(g, a, "valid"), name="np.convolve"
)
def convolved(a: Any, v: Any) -> Any:
    """np.convolve of vectors, in full length."""
    return np.convolve(a, v)


@composed(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """A part of the full convolution."""
    full, (long, short) = convolved(np.atleast_1d(a), np.atleast_1d(v)), sorted((np.size(a), np.size(v)), reverse=True)
    if mode == "full":
        return full
    start, length = {"same": ((short - 1) // 2, long), "valid": (short - 1, long - short + 1)}[mode]
    return full[start : start + length]


@composed(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """A part of the full convolution with the reversed second sequence."""
    if np.ndim(a) == 0 or np.ndim(v) == 0:
        raise ValueError("np.correlate takes vectors")
    n, m = np.size(a), np.size(v)
    full = convolved(np.atleast_1d(a), np.atleast_1d(v)[::-1])
    if mode == "full":
        return full
    short, long = min(n, m), max(n, m)
    middle = (short - 1) // 2 if n >= m else short // 2
    start, length = {"same": (middle, long), "valid": (short - 1, long - short + 1)}[mode]
    return full[start : start + length]


@composed(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Straight lines between points; at a point the derivative is that of the line to its right."""
    x, xp, fp = (
        np.astype(each if isinstance(each, np.ndarray) else heard(np.asarray(each)), np.float64) for each in (x, xp, fp)
    )
    count = np.size(xp)
    if np.shape(xp) != np.shape(fp) or np.ndim(xp) != 1 or not count:
        raise ValueError("fp and xp are not of the same length.")
    place = np.clip(np.searchsorted(stop_gradient(xp), stop_gradient(x), side="right") - 1, 0, max(count - 2, 0))
    following = np.minimum(place + 1, count - 1)
    below, above = xp[place], xp[following]
    width = above - below
    slope = (fp[following] - fp[place]) / np.where(width == 0, 1.0, width)
    y = slope * (x - below) + fp[place]
    y = np.where(stop_gradient(x) < xp[0], fp[0] if left is None else left, y)
    y = np.where(x == xp[-1], fp[-1], y)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)


@composed(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Horner's scheme."""
    y = np.zeros_like(x)
    for coefficient in p:
        y = y * x + coefficient
    return y


@composed(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803 - NumPy's name
    """The powers of each element as columns."""
    if np.ndim(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    x = np.astype(x, np.promote_types(x.dtype, int))
    powers = [np.ones_like(x)]
    for _ in range(1, np.size(x) if N is None else N):
        powers.append(powers[-1] * x)
    powers = powers[: np.size(x) if N is None else N]
    return np.stack(powers if increasing else powers[::-1], 1)


@composed(np.unwrap)
def unwrap(p: Any, discont: Constant = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """Each element plus a multiple of the period, which is a step."""
    plain = stop_gradient(p)
    return p + (np.unwrap(plain, discont, axis, period=period) - plain)
