"""Rules of functions that act on each element alone, with broadcasting: arithmetic, exponentials, trigonometry.

Each line is dy/dx times the gradient `g`. At a kink the convention is stated beside the rule.
"""

import math
from typing import Any

import numpy as np

from nnlite.autodiff.rule import composed, derivative

DEGREE = math.pi / 180


def _power_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    # b a^(b-1), with 0 for the derivative of 0^0. A Python number stays one, or float32 would turn into float64.
    if isinstance(b, int | float):
        return g * (b * np.power(a, b - 1)) if b else g * 0.0
    return g * (b * np.power(a, b - 1 + ((a == 0) & (b == 0))))


def _power_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    # a^b log a, with 0 where a = 0 (the limit for b > 0); a negative base has a NaN.
    logarithm = np.log(a + (a == 0))
    return g * (y * (float(logarithm) if isinstance(a, int | float) else logarithm))


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
derivative(np.reciprocal, lambda g, y, x: -g * np.square(y))
derivative(np.hypot, lambda g, y, a, b: g * (a / (y + (y == 0))), lambda g, y, a, b: g * (b / (y + (y == 0))))  # 0 at 0
for power in (np.power, np.float_power):
    derivative(power, _power_base, _power_exponent)

# Remainders: the quotient is a step, so it counts as constant, also where it jumps.
derivative(np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b))
derivative(np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.rint((a - y) / b))
composed(np.divmod)(lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)))
composed(np.modf)(lambda x: (np.fmod(x, 1), np.trunc(x)))

# Signs.
for absolute in (np.absolute, np.fabs):
    derivative(absolute, lambda g, y, x: g * np.sign(x))  # 0 at 0
derivative(np.copysign, lambda g, y, a, b: g * (np.sign(y) * np.sign(a)), None)  # 0 at a = 0; b is a step
derivative(np.conjugate, lambda g, y, x: g)
derivative(np.real, lambda g, y, val: g)

# Exponentials and logarithms.
derivative(np.exp, lambda g, y, x: g * y)
derivative(np.exp2, lambda g, y, x: g * (y * math.log(2.0)))
derivative(np.expm1, lambda g, y, x: g * (y + 1.0))
derivative(np.log, lambda g, y, x: g / x)
derivative(np.log2, lambda g, y, x: g / (x * math.log(2.0)))
derivative(np.log10, lambda g, y, x: g / (x * math.log(10.0)))
derivative(np.log1p, lambda g, y, x: g / (1.0 + x))
derivative(np.logaddexp, lambda g, y, a, b: g * np.exp(a - y), lambda g, y, a, b: g * np.exp(b - y))
derivative(np.logaddexp2, lambda g, y, a, b: g * np.exp2(a - y), lambda g, y, a, b: g * np.exp2(b - y))
derivative(np.ldexp, lambda g, y, x, exponent: np.ldexp(g, exponent), None)

# Trigonometric and hyperbolic functions.
derivative(np.sin, lambda g, y, x: g * np.cos(x))
derivative(np.cos, lambda g, y, x: -g * np.sin(x))
derivative(np.tan, lambda g, y, x: g * (1.0 + np.square(y)))
derivative(np.arcsin, lambda g, y, x: g / np.sqrt((1.0 - x) * (1.0 + x)))
derivative(np.arccos, lambda g, y, x: -g / np.sqrt((1.0 - x) * (1.0 + x)))
derivative(np.arctan, lambda g, y, x: g / (1.0 + np.square(x)))
derivative(
    np.arctan2,  # NaN at the origin, which it jumps around
    lambda g, y, a, b: g * (b / (a * a + b * b)),
    lambda g, y, a, b: -g * (a / (a * a + b * b)),
)
derivative(np.sinh, lambda g, y, x: g * np.cosh(x))
derivative(np.cosh, lambda g, y, x: g * np.sinh(x))
derivative(np.tanh, lambda g, y, x: g * (1.0 - np.square(y)))
derivative(np.arcsinh, lambda g, y, x: g / np.sqrt(1.0 + np.square(x)))
derivative(np.arccosh, lambda g, y, x: g / np.sqrt((x - 1.0) * (x + 1.0)))
derivative(np.arctanh, lambda g, y, x: g / ((1.0 - x) * (1.0 + x)))
for radians in (np.radians, np.deg2rad):
    derivative(radians, lambda g, y, x: g * DEGREE)
for degrees in (np.degrees, np.rad2deg):
    derivative(degrees, lambda g, y, x: g / DEGREE)

# Changes of representation.
derivative(np.astype, lambda g, y, x, dtype, copy=True, device=None: g)
derivative(np.copy, lambda g, y, a, order="K", subok=False: g)
