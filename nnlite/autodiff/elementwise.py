"""Rules of functions that act on each element alone, with broadcasting: arithmetic, exponentials, trigonometry.

Each line is dy/dx times the gradient `g`. At a kink the convention is stated beside the rule.
"""

from typing import Any

import numpy as np

from nnlite.autodiff.rule import constant, derivative

# Arithmetic.
derivative(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
derivative(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
derivative(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
derivative(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
derivative(
    np.power,
    # b a^(b-1), and 0 where b = 0 even at a = 0
    lambda g, y, a, b: g * np.where(b == 0, 0.0, b * np.power(a, np.where(b == 0, 1.0, b - 1))),
    # a^b log a, and 0 where a = 0 (the limit for b > 0)
    lambda g, y, a, b: g * y * np.log(np.where(a == 0, 1.0, a)),
)
derivative(np.negative, lambda g, y, x: -g)
derivative(np.positive, lambda g, y, x: g)
derivative(np.absolute, lambda g, y, x: g * np.sign(x))  # 0 at 0
derivative(np.square, lambda g, y, x: g * (2.0 * x))
derivative(np.sqrt, lambda g, y, x: g / (2.0 * y))  # infinite at 0
derivative(np.cbrt, lambda g, y, x: g / (3.0 * np.square(y)))
derivative(np.reciprocal, lambda g, y, x: -g * np.square(y))

# Exponentials and logarithms.
derivative(np.exp, lambda g, y, x: g * y)
derivative(np.exp2, lambda g, y, x: g * y * float(np.log(2.0)))
derivative(np.expm1, lambda g, y, x: g * (y + 1.0))
derivative(np.log, lambda g, y, x: g / x)
derivative(np.log2, lambda g, y, x: g / (x * float(np.log(2.0))))
derivative(np.log10, lambda g, y, x: g / (x * float(np.log(10.0))))
derivative(np.log1p, lambda g, y, x: g / (1.0 + x))
derivative(np.logaddexp, lambda g, y, a, b: g * np.exp(a - y), lambda g, y, a, b: g * np.exp(b - y))

# Trigonometric and hyperbolic functions.
derivative(np.sin, lambda g, y, x: g * np.cos(x))
derivative(np.cos, lambda g, y, x: -g * np.sin(x))
derivative(np.tan, lambda g, y, x: g * (1.0 + np.square(y)))
derivative(np.arcsin, lambda g, y, x: g / np.sqrt(1.0 - np.square(x)))
derivative(np.arccos, lambda g, y, x: -g / np.sqrt(1.0 - np.square(x)))
derivative(np.arctan, lambda g, y, x: g / (1.0 + np.square(x)))
derivative(
    np.arctan2,
    lambda g, y, a, b: g * b / (np.square(a) + np.square(b)),
    lambda g, y, a, b: -g * a / (np.square(a) + np.square(b)),
)
derivative(np.sinh, lambda g, y, x: g * np.cosh(x))
derivative(np.cosh, lambda g, y, x: g * np.sinh(x))
derivative(np.tanh, lambda g, y, x: g * (1.0 - np.square(y)))

# Choices. Where two candidates are equal, each gets half of the gradient.
derivative(np.maximum, lambda g, y, a, b: g * _share(a, b), lambda g, y, a, b: g * _share(b, a))
derivative(np.minimum, lambda g, y, a, b: g * _share(b, a), lambda g, y, a, b: g * _share(a, b))
derivative(np.where, None, lambda g, y, c, a, b: np.where(c, g, 0.0), lambda g, y, c, a, b: np.where(c, 0.0, g))
derivative(np.astype, lambda g, y, x, dtype, copy=True: g)
derivative(np.copy, lambda g, y, x, order="K", subok=False: g)


def _share(winner: Any, loser: Any) -> Any:
    """1 where `winner` is greater, 1/2 where they are equal, else 0."""
    return 0.5 * (np.sign(winner - loser) + 1.0)


# Steps: their derivative is 0 wherever it exists.
constant(np.sign, np.floor, np.ceil, np.rint, np.trunc, np.round, np.floor_divide, np.heaviside)
constant(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
constant(np.isfinite, np.isinf, np.isnan, np.signbit, np.isclose, np.allclose, np.array_equal, np.array_equiv)
constant(np.logical_and, np.logical_or, np.logical_not, np.logical_xor)
