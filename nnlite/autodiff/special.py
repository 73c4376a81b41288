"""Rules of the ufuncs of scipy.special, which arrive here as those of NumPy do.

This table is read when the first of them is met: SciPy is slow to import. The functions there that are no ufuncs, such
as logsumexp, turn a tensor into a plain array before anybody can hear of it.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from nnlite.autodiff.conventions import by_convention
from nnlite.autodiff.hearing import ask
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import derivative

ROOT_PI = math.sqrt(math.pi)
ROOT_2_PI = math.sqrt(2.0 * math.pi)


# --- the normal distribution
derivative(special.erf, lambda g, y, x: g * ((2.0 / ROOT_PI) * np.exp(-np.square(x))))
derivative(special.erfc, lambda g, y, x: g * ((-2.0 / ROOT_PI) * np.exp(-np.square(x))))
derivative(special.erfinv, lambda g, y, x: g * ((ROOT_PI / 2.0) * np.exp(np.square(y))))
derivative(special.erfcinv, lambda g, y, x: g * ((-ROOT_PI / 2.0) * np.exp(np.square(y))))
derivative(special.ndtr, lambda g, y, x: g * (np.exp(-0.5 * np.square(x)) / ROOT_2_PI))
derivative(special.log_ndtr, lambda g, y, x: g * (np.exp(-0.5 * np.square(x) - y) / ROOT_2_PI))
derivative(special.ndtri, lambda g, y, x: g * (np.exp(0.5 * np.square(y)) * ROOT_2_PI))

# --- probabilities and entropies
derivative(special.expit, lambda g, y, x: g * y * special.expit(-x))
derivative(special.log_expit, lambda g, y, x: g * special.expit(-x))
derivative(special.logit, lambda g, y, x: g / x / (1.0 - x))
derivative(special.entr, lambda g, y, x: -g * (np.log(x) + 1.0))
derivative(special.rel_entr, lambda g, y, a, b: g * (np.log(a / b) + 1.0), lambda g, y, a, b: -g * (a / b))
derivative(special.kl_div, lambda g, y, a, b: g * np.log(a / b), lambda g, y, a, b: g * (1.0 - a / b))


def _over(a: Any, b: Any) -> Any:
    # a / b; 0 / 0 is 0, as 0 log(0) is
    nothing = (a == 0) & (b == 0)
    return by_convention(a / (b + nothing), nothing, a, b)


derivative(special.xlogy, lambda g, y, a, b: g * np.log(b), lambda g, y, a, b: g * _over(a, b))
derivative(special.xlog1py, lambda g, y, a, b: g * np.log1p(b), lambda g, y, a, b: g * _over(a, 1.0 + b))

# --- the gamma function


def _next(g: Any, y: Any, x: Any, order: int) -> Any:
    return g * _polygamma(x, order + 1)


@primitive(_next, None, name="scipy.special.polygamma")
def _polygamma(x: Any, order: int) -> Any:
    """The derivative of digamma, so many times."""
    return ask(_polygamma_of, order, x)


def _polygamma_of(order: int, x: Any) -> Any:
    return np.asarray(special.polygamma(order, x)).astype(x.dtype)


derivative(special.gammaln, lambda g, y, x: g * special.digamma(x))
derivative(special.loggamma, lambda g, y, x: g * special.digamma(x))
derivative(special.gamma, lambda g, y, x: g * (y * special.digamma(x)))
derivative(special.rgamma, lambda g, y, x: -g * (y * special.digamma(x)))
derivative(special.digamma, lambda g, y, x: g * _polygamma(x, 1))
derivative(
    special.beta,
    lambda g, y, a, b: g * (y * (special.digamma(a) - special.digamma(a + b))),
    lambda g, y, a, b: g * (y * (special.digamma(b) - special.digamma(a + b))),
)
derivative(
    special.betaln,
    lambda g, y, a, b: g * (special.digamma(a) - special.digamma(a + b)),
    lambda g, y, a, b: g * (special.digamma(b) - special.digamma(a + b)),
)


# --- Bessel functions, of an order that counts as constant
derivative(special.i0, lambda g, y, x: g * special.i1(x))
derivative(special.i1, lambda g, y, x: g * (0.5 * (special.i0(x) + special.iv(2.0, x))))
derivative(
    special.iv, None, lambda g, y, order, x: g * (0.5 * (special.iv(order - 1.0, x) + special.iv(order + 1.0, x)))
)
derivative(special.j0, lambda g, y, x: -g * special.j1(x))
derivative(special.j1, lambda g, y, x: g * (0.5 * (special.j0(x) - special.jv(2.0, x))))
derivative(
    special.jv, None, lambda g, y, order, x: g * (0.5 * (special.jv(order - 1.0, x) - special.jv(order + 1.0, x)))
)

# --- SciPy's own of what NumPy has too
derivative(special.exp2, lambda g, y, x: g * (y * math.log(2.0)))
derivative(special.exp10, lambda g, y, x: g * (y * math.log(10.0)))
derivative(special.expm1, lambda g, y, x: g * np.exp(x))
derivative(special.log1p, lambda g, y, x: g / (1.0 + x))
derivative(special.cbrt, lambda g, y, x: g / (3.0 * np.square(y)))
