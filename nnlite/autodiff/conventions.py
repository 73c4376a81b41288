"""What the engine says where a function has no derivative: at the kink of |x|, where maxima tie, at the root of 0.

The first derivative is a convention there, such as 0 for |x| at 0, half for each of two maxima that are equal. A value
between the slopes on both sides has no derivative that would make sense in a chain rule: |x|^2 has the second
derivative 2 at 0, and 2 sign(x)^2 says 0. So the derivative of such a convention is NaN. Conventions that follow one
side consistently (relu, sorting, remainders) need none of this: they are the derivatives of that side, to any order.
"""

from typing import Any

import numpy as np

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.tensor import Tensor, stop_gradient


def _undefined(g: Any, y: Any, slope: Any, kink: Any, x: Any) -> Any:
    return np.where(np.broadcast_to(kink, np.shape(y)), np.nan, 0.0)


@primitive(lambda g, y, slope, kink, x: g, None, _undefined)
def _undefined_at(slope: Any, kink: Any, x: Any) -> Any:
    return np.asarray(slope)


def by_convention(slope: Any, kink: Any, *arrays: Any) -> Any:
    """`slope`, which is a convention where `kink` holds: there its derivatives with respect to `arrays` are NaN."""
    for x in arrays:
        if isinstance(x, Tensor):  # else nobody differentiates it
            slope = _undefined_at(slope, kink, x)
    return slope


def slope_of_absolute(x: Any) -> Any:
    """The derivative of |x|: its sign, 0 at 0."""
    sign = np.sign(x)
    return by_convention(sign, sign == 0, x)


def direction(x: Any, axis: Any) -> Any:
    """The unit vector x / sqrt(sum(x^2)) over `axis`, whatever its length; 0 for a vector of zeros."""
    longest = np.max(np.abs(stop_gradient(x)), axis=axis, keepdims=True, initial=0.0)
    flat = longest == 0
    scale = np.where(flat, 1.0, longest).astype(longest.dtype)  # constant: the quotient does not depend on it
    scaled = x / scale
    length = np.sqrt(np.sum(np.square(scaled), axis=axis, keepdims=True) + flat)
    return by_convention(scaled / length, flat, x)
