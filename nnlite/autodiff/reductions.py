"""Rules of functions that reduce axes: sums, means, extremes.

The gradient of a reduction is spread over the axes that were reduced; `_restored` first gives them back with length 1.
"""

from typing import Any

import numpy as np

from nnlite.autodiff.rule import RULES, Rule, constant, derivative

Axis = int | tuple[int, ...] | None


def _restored(array: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """The result of a reduction over `axis`, in a form that broadcasts against the argument of that `shape`."""
    if axis is None:
        kept = (1,) * len(shape)
    else:
        axes = {each % len(shape) for each in (axis if isinstance(axis, tuple) else (axis,))}
        kept = tuple(1 if each in axes else length for each, length in enumerate(shape))
    return np.reshape(array, kept)


def _sum(g: Any, y: Any, x: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Any:
    return np.broadcast_to(_restored(g, np.shape(x), axis), np.shape(x))


def _mean(
    g: Any, y: Any, x: Any, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False
) -> Any:
    count = np.size(x) / max(np.size(y), 1)
    return np.broadcast_to(_restored(g * (1.0 / count), np.shape(x), axis), np.shape(x))


def _extreme(g: Any, y: Any, x: Any, axis: Axis = None, out: None = None, keepdims: bool = False) -> Any:
    # Elements that tie for the extreme share the gradient equally.
    ties = np.equal(x, _restored(y, np.shape(x), axis)).astype(np.asarray(x).dtype)
    shared = ties / np.sum(ties, axis=axis, keepdims=True)
    return _restored(g, np.shape(x), axis) * shared


derivative(np.sum, _sum)
derivative(np.mean, _mean)
derivative(np.max, _extreme)
derivative(np.min, _extreme)
# np.add.reduce has another default axis than np.sum.
RULES[np.add, "reduce"] = Rule(
    "np.add.reduce",
    np.add.reduce,
    (lambda g, y, x, axis=0, dtype=None, out=None, keepdims=False: _sum(g, y, x, axis),),
)

constant(np.argmax, np.argmin, np.argsort, np.argpartition, np.all, np.any, np.nonzero, np.count_nonzero)
constant(np.searchsorted)
