"""Rules of the ufuncs of scipy.special, which arrive here as those of NumPy do.

This table is read when the first of them is met: SciPy is slow to import. The functions there that are no ufuncs, such
as logsumexp, turn a tensor into a plain array before anybody can hear of it.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from nnlite.autodiff.conventions import by_convention
from nnlite.autodiff.graph import widely
from nnlite.autodiff.hearing import ask
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import RULES, Gradient, Rule, name_of
from nnlite.autodiff.tensor import stop_gradient

FAR = -50.0
TINY = 1e-9
ROOT_PI = math.sqrt(math.pi)
ROOT_2_PI = math.sqrt(2.0 * math.pi)


def derivative(ufunc: Any, *products: Gradient | None) -> None:
    """Enter the rule of a ufunc, which makes float32 of half precision."""
    assert ufunc not in RULES, ufunc
    RULES[ufunc] = Rule(name_of(ufunc), ufunc, tuple(map(widely, products)))


# --- the normal distribution


def _hazard_slope(g: Any, y: Any, x: Any) -> Any:
    # -y (x + y); where the sum loses its digits, by the asymptotic series of Mills' ratio, x = -z, in 1 / z^2
    far = x < FAR
    inverse = np.reciprocal(np.where(far, x, 1.0))
    t = np.square(inverse)
    series = -inverse * (1.0 - t * (2.0 - t * (10.0 - t * (74.0 - t * 706.0))))
    return -g * y * np.where(far, series, np.where(far, 0.0, x + y))


@primitive(_hazard_slope, name="scipy.special.log_ndtr")
def _hazard(x: Any) -> Any:
    """The density of the normal distribution divided by its distribution function; -x far below 0."""
    return math.sqrt(2.0 / math.pi) / special.erfcx(x / -math.sqrt(2.0))


derivative(special.erf, lambda g, y, x: g * ((2.0 / ROOT_PI) * np.exp(-np.square(x))))
derivative(special.erfc, lambda g, y, x: g * ((-2.0 / ROOT_PI) * np.exp(-np.square(x))))
derivative(special.erfinv, lambda g, y, x: g * ((ROOT_PI / 2.0) * np.exp(np.square(y))))
derivative(special.erfcinv, lambda g, y, x: g * ((-ROOT_PI / 2.0) * np.exp(np.square(y))))
derivative(special.ndtr, lambda g, y, x: g * (np.exp(-0.5 * np.square(x)) / ROOT_2_PI))
derivative(special.log_ndtr, lambda g, y, x: g * _hazard(x))
derivative(special.ndtri, lambda g, y, x: g * (np.exp(0.5 * np.square(y)) * ROOT_2_PI))

# --- probabilities and entropies


def _log_ratio(a: Any, b: Any) -> Any:
    """log(a / b), also where the quotient is beyond the range."""
    quotient = stop_gradient(a) / stop_gradient(b)
    within = np.isfinite(quotient) & (quotient > np.finfo(quotient.dtype).tiny)
    near = np.log(np.where(within, a, 1.0) / np.where(within, b, 1.0))
    return np.where(within, near, np.log(np.where(within, 1.0, a)) - np.log(np.where(within, 1.0, b)))


derivative(special.expit, lambda g, y, x: g * y * special.expit(-x))
derivative(special.log_expit, lambda g, y, x: g * special.expit(-x))
derivative(special.logit, lambda g, y, x: g / x / (1.0 - x))
derivative(special.entr, lambda g, y, x: -g * (np.log(x) + 1.0))
derivative(special.rel_entr, lambda g, y, a, b: g * (_log_ratio(a, b) + 1.0), lambda g, y, a, b: -g * (a / b))
derivative(special.kl_div, lambda g, y, a, b: g * _log_ratio(a, b), lambda g, y, a, b: g * (1.0 - a / b))


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


def _rgamma_slope(y: Any, x: Any) -> Any:
    # 1 + 2 gamma x near 0, and (-1)^n n! at -n, where the digamma function has poles
    near, pole = np.abs(x) < TINY, (x < 0) & (x == np.floor(x))
    elsewhere = -y * special.digamma(np.where(near | pole, 1.0, x))
    factorial = by_convention(np.cos(math.pi * x) * special.gamma(np.where(pole, 1.0 - x, 1.0)), pole, x)
    return np.where(pole, factorial, np.where(near, 1.0 + 2.0 * np.euler_gamma * x, elsewhere))


def _digamma_apart(b: Any, a: Any) -> Any:
    """digamma(b) - digamma(a + b), by the Taylor series where the difference would lose its digits."""
    near = np.abs(stop_gradient(a)) < 1e-4 * np.abs(stop_gradient(b))
    step, place = np.where(near, a, 0.0), np.where(near, b, 1.0)
    series = _polygamma(place, 1) + step * (_polygamma(place, 2) / 2.0 + step * (_polygamma(place, 3) / 6.0))
    return np.where(near, -step * series, special.digamma(b) - special.digamma(a + b))


derivative(special.gammaln, lambda g, y, x: g * special.digamma(x))
derivative(special.loggamma, lambda g, y, x: g * special.digamma(x))
derivative(special.gamma, lambda g, y, x: g * (y * special.digamma(x)))
derivative(special.rgamma, lambda g, y, x: g * _rgamma_slope(y, x))
derivative(special.digamma, lambda g, y, x: g * _polygamma(x, 1))
derivative(
    special.beta,
    lambda g, y, a, b: g * (y * _digamma_apart(a, b)),
    lambda g, y, a, b: g * (y * _digamma_apart(b, a)),
)
derivative(
    special.betaln,
    lambda g, y, a, b: g * _digamma_apart(a, b),
    lambda g, y, a, b: g * _digamma_apart(b, a),
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
