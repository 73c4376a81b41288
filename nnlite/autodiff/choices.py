"""Rules of functions that choose between values: maximum, where, clip.

The gradient goes to what was chosen, also where that is a NaN. Where two candidates are equal, each gets half of it.
"""

from typing import Any

import numpy as np

from nnlite.autodiff.conventions import by_convention
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import STEP, composed, derivative
from nnlite.autodiff.tensor import Tensor, stop_gradient


def _shared(g: Any, a: Any, b: Any, chosen: Any) -> Any:
    equal = a == b
    shared = np.where(chosen, g, np.where(equal, 0.5 * g, 0.0))
    return shared if _same(a, b) else by_convention(shared, equal, a, b)


def _same(a: Any, b: Any) -> bool:
    """Whether both are one tensor, so that it does not matter which is chosen."""
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a._node is b._node


derivative(
    np.maximum,
    lambda g, y, a, b: _shared(g, a, b, (a > b) | np.isnan(a)),
    lambda g, y, a, b: _shared(g, a, b, (b > a) | np.isnan(b)),
)
derivative(
    np.minimum,
    lambda g, y, a, b: _shared(g, a, b, (a < b) | np.isnan(a)),
    lambda g, y, a, b: _shared(g, a, b, (b < a) | np.isnan(b)),
)
# fmax and fmin choose the other where one is NaN.
derivative(
    np.fmax,
    lambda g, y, a, b: _shared(g, a, b, (a > b) | np.isnan(b)),
    lambda g, y, a, b: _shared(g, a, b, (b > a) | np.isnan(a)),
)
derivative(
    np.fmin,
    lambda g, y, a, b: _shared(g, a, b, (a < b) | np.isnan(b)),
    lambda g, y, a, b: _shared(g, a, b, (b < a) | np.isnan(a)),
)


@primitive(
    STEP,
    lambda g, y, condition, a, b: np.where(condition, g, 0.0),
    lambda g, y, condition, a, b: np.where(condition, 0.0, g),
    name="np.where",
)
def chosen(condition: Any, a: Any, b: Any) -> Any:
    """np.where of three arguments."""
    return np.where(condition, a, b)


@composed(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """Of three arguments, or the indices of what is not zero."""
    return np.nonzero(condition) if x is None else chosen(condition, x, y)


@composed(np.heaviside)
def heaviside(x1: Any, x2: Any, /) -> Any:
    """A step, and x2 where x1 is 0."""
    step = np.heaviside(stop_gradient(x1), 0.0)
    return np.where(np.equal(x1, 0), x2, step) if isinstance(x2, Tensor) else np.heaviside(stop_gradient(x1), x2)


@composed(np.select, of_arrays="choicelist")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The first choice whose condition holds."""
    if any(np.asarray(condition).dtype.kind != "b" for condition in condlist):
        raise TypeError("np.select takes conditions that are boolean arrays")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(condition, choice, result)
    return result


@composed(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """Also where a bound is met exactly, the gradient is halved between the array and the bound."""
    if not (a_min is None and a_max is None) and not (min is None and max is None):
        raise ValueError("min= and max= are forbidden where bounds are given by position")
    lower, upper = a_min if min is None else min, a_max if max is None else max
    raised = np.positive(a) if lower is None else np.maximum(a, lower)
    return raised if upper is None else np.minimum(raised, upper)


@composed(np._core.umath.clip)  # type: ignore[attr-defined] # the ufunc behind np.clip, of which NumPy also tells
def clip_ufunc(x: Any, lower: Any, upper: Any, /) -> Any:
    """As np.clip."""
    return np.minimum(np.maximum(x, lower), upper)
