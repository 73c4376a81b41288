"""Rules of functions that act on each element alone, with broadcasting: arithmetic, exponentials, trigonometry.

Each line is dy/dx times the gradient `g`. At a kink the convention is stated beside the rule.
"""

import math
from typing import Any

import numpy as np

from nnlite.autodiff.conventions import by_convention, slope_of_absolute
from nnlite.autodiff.graph import widely
from nnlite.autodiff.hearing import as_array, listener
from nnlite.autodiff.rule import STEP, composed, derivative
from nnlite.autodiff.tensor import Tensor, stop_gradient

DEGREE = math.pi / 180


def _floating(x: Any, like: Any) -> Any:
    """Whole numbers in the dtype of `like`: their own would wrap around, or make a float16 of an int8's logarithm."""
    return as_array(x, like.dtype) if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "biu" else x


def _power_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    # b a^(b-1), and 0 where b = 0. A Python number stays one, or float32 would turn into float64.
    if isinstance(b, int | float):
        return g * _slope_of_power(y, a, b, b - 1) if b else np.zeros(np.shape(y), y.dtype)
    b = _floating(b, y)
    if isinstance(b, Tensor):  # may be differentiated with respect to b: not where 0^b is 1, 0 or infinite beside b
        slope = _slope_of_power(y, a, b, b - 1 + ((a == 0) & (b == 0)))
        return g * by_convention(slope, (a == 0) & (b <= 1), b)
    return np.where(b == 0, 0.0, g * _slope_of_power(y, a, b, np.where(b == 0, 1, b) - 1))


def _slope_of_power(y: Any, a: Any, b: Any, less: Any) -> Any:
    """B a^(b-1); b times what nearly a reciprocal is may fit into a float though that does not."""
    power = np.power(a, less)
    if isinstance(b, int | float) and abs(b) >= 1:
        return b * power
    beyond = np.isinf(power) & (np.abs(b) < 1) & (a != 0)
    if listener() is None and not np.any(beyond):  # what a trace replays has to hold for other numbers, too
        return b * power
    return np.where(beyond, b * y / np.where(beyond, a, 1), b * np.where(beyond, 0, power))


def _power_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    # a^b log a, with 0 where a = 0 and b >= 0 (the limit for b > 0); a negative base has a NaN.
    if isinstance(a, int | float):
        a = np.asarray(a, y.dtype)
    a = _floating(a, y)
    zero = a == 0
    slope = np.where(zero & (b >= 0), 0.0, g * (y * np.log(np.where(zero, 1.0, a))))
    return by_convention(slope, zero & (b <= 1), a, b)


def _scaled(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Both numbers divided by the larger, which is constant, so that their squares fit into a float; and the larger."""
    larger = np.maximum(np.abs(stop_gradient(a)), np.abs(stop_gradient(b)))
    scale = np.where(larger == 0, 1, larger).astype(larger.dtype)
    return a / scale, b / scale, scale


def _hypot(g: Any, y: Any, a: Any, b: Any) -> Any:
    # a / sqrt(a^2 + b^2), 0 at the origin
    a_, b_, _ = _scaled(a, b)
    origin = (a == 0) & (b == 0)
    return g * by_convention(a_ / (np.hypot(a_, b_) + origin), origin, a, b)


def _arctan2(g: Any, y: Any, a: Any, b: Any) -> Any:
    # b / (a^2 + b^2), NaN at the origin
    a, b = _floating(a, y), _floating(b, y)
    a_, b_, scale = _scaled(a, b)
    return g * (b_ / (a_ * a_ + b_ * b_) / scale)


def _share(a: Any, b: Any) -> Any:
    # exp(a) / (exp(a) + exp(b)), from the difference alone: a sum may have lost it, or be infinite
    return np.exp(-np.logaddexp(0.0, b - a))


def _share2(a: Any, b: Any) -> Any:
    return np.exp2(-np.logaddexp2(0.0, b - a))


# Arithmetic.
derivative(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
derivative(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
derivative(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
derivative(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
derivative(np.negative, lambda g, y, x: -g)
derivative(np.positive, lambda g, y, x: g)
derivative(np.square, lambda g, y, x: g * (2.0 * x))
derivative(np.sqrt, lambda g, y, x: g / (2.0 * y))  # infinite at 0
derivative(np.cbrt, lambda g, y, x: g / (3.0 * np.square(y)))  # infinite at 0
derivative(np.reciprocal, lambda g, y, x: -(g * y) * y)
derivative(np.hypot, _hypot, lambda g, y, a, b: _hypot(g, y, b, a))
derivative(np.power, _power_base, _power_exponent)
derivative(np.float_power, widely(_power_base), widely(_power_exponent))

# Remainders: the quotient is a step, so it counts as constant, also where it jumps.
derivative(np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
derivative(np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.rint((a - y) / b))
composed(np.divmod)(lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)))
composed(np.modf)(lambda x: (np.fmod(x, 1), np.trunc(x)))

# Signs.
for absolute in (np.absolute, np.fabs):
    derivative(absolute, lambda g, y, x: g * slope_of_absolute(x))  # 0 at 0
derivative(np.copysign, lambda g, y, a, b: g * (np.sign(y) * slope_of_absolute(a)), STEP)  # 0 at a = 0
derivative(np.conjugate, lambda g, y, x: g)
derivative(np.real, lambda g, y, val: g)

# Exponentials and logarithms.
derivative(np.exp, lambda g, y, x: g * y)
derivative(np.exp2, lambda g, y, x: g * (y * math.log(2.0)))
derivative(np.expm1, lambda g, y, x: g * np.exp(x))
derivative(np.log, lambda g, y, x: g / x)
derivative(np.log2, lambda g, y, x: g / x / math.log(2.0))
derivative(np.log10, lambda g, y, x: g / x / math.log(10.0))
derivative(np.log1p, lambda g, y, x: g / (1.0 + x))
derivative(np.logaddexp, lambda g, y, a, b: g * _share(a, b), lambda g, y, a, b: g * _share(b, a))
derivative(np.logaddexp2, lambda g, y, a, b: g * _share2(a, b), lambda g, y, a, b: g * _share2(b, a))
derivative(np.ldexp, lambda g, y, x, exponent: np.ldexp(g, exponent), None)

# Trigonometric and hyperbolic functions.
derivative(np.sin, lambda g, y, x: g * np.cos(x))
derivative(np.cos, lambda g, y, x: -g * np.sin(x))
derivative(np.tan, lambda g, y, x: g * (1.0 + np.square(y)))
derivative(np.arcsin, lambda g, y, x: g / np.sqrt((1.0 - x) * (1.0 + x)))
derivative(np.arccos, lambda g, y, x: -g / np.sqrt((1.0 - x) * (1.0 + x)))
derivative(np.arctan, lambda g, y, x: g / (1.0 + np.square(x)))
derivative(np.arctan2, _arctan2, lambda g, y, a, b: _arctan2(-g, y, b, a))
derivative(np.sinh, lambda g, y, x: g * np.cosh(x))
derivative(np.cosh, lambda g, y, x: g * np.sinh(x))
derivative(np.tanh, lambda g, y, x: g * (1.0 - np.square(y)))
derivative(np.arcsinh, lambda g, y, x: g / np.hypot(1.0, x))
derivative(np.arccosh, lambda g, y, x: g / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)))
derivative(np.arctanh, lambda g, y, x: g / ((1.0 - x) * (1.0 + x)))
for radians in (np.radians, np.deg2rad):
    derivative(radians, lambda g, y, x: g * DEGREE)
for degrees in (np.degrees, np.rad2deg):
    derivative(degrees, lambda g, y, x: g / DEGREE)

# Changes of representation.
derivative(np.astype, lambda g, y, x, dtype, copy=True, device=None: g)
derivative(np.copy, lambda g, y, a, order="K", subok=False: g)
