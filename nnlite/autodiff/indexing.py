"""Indexing of every NumPy kind, and its transpose, which adds up what an index names twice.

Each is linear and is the other's derivative, so between them they can be differentiated as often as one likes. What
else only moves elements (np.roll, np.tile, np.tril ...) is indexing in disguise: applied to the places of the elements
instead of to the elements, it tells for each element of the result where that came from.
"""

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from nnlite.autodiff.accumulation import Scattered, computed
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import RULES, Constant, Gradient, Rule, composed, derivative
from nnlite.autodiff.shaping import inverse
from nnlite.autodiff.tensor import Tensor


@primitive(lambda g, y, values, index, shape: g[index], None, None)
def scatter(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, to which `values` have been added at `index`."""
    return Scattered(values, index, shape).compute()


def scattered(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """As `scatter`; left unwritten where nothing records it."""
    return scatter(values, index, shape) if isinstance(values, Tensor) else Scattered(values, index, shape)


RULES[operator.getitem] = Rule(
    "x[index]", operator.getitem, (lambda g, y, x, index: scattered(g, index, np.shape(x)), None)
)


def moves(function: Callable[..., Any]) -> Gradient:
    """The product of a function that builds its result of elements of its first argument, and of zeros.

    It must not depend on how the array lies in memory, which the array of places does not share.
    """

    def product(g: Any, y: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        places = np.arange(1, np.size(x) + 1).reshape(np.shape(x))
        origins = function(places, *args, **kwargs)  # 0 where zeros were put
        return np.reshape(scatter(g, origins, (places.size + 1,))[1:], places.shape)

    # What may be given is what the function takes, except that nothing from `out` on is positional.
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in "gy"]
    behind_out = False
    for parameter in inspect.signature(function).parameters.values():
        behind_out |= parameter.name == "out"
        if parameter.kind is not parameter.VAR_KEYWORD:
            keyword_only = behind_out or parameter.kind is parameter.KEYWORD_ONLY
            kind = parameter.KEYWORD_ONLY if keyword_only else parameter.POSITIONAL_OR_KEYWORD
            parameters += [parameter.replace(kind=kind)] if parameter.name != "out" else []
    product.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return product


for mover in (
    np.diagflat,
    np.lib.stride_tricks.sliding_window_view,
    np.resize,
    np.take_along_axis,
    np.tile,
    np.delete,
):
    derivative(mover, moves(mover))


def _unroll(g: Any, y: Any, a: Any, shift: Any, axis: Any = None) -> Any:
    return np.roll(g, np.negative(shift), axis)


def _untake(g: Any, y: Any, a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    shape = (np.size(a),) if axis is None else np.shape(a)
    axis = 0 if axis is None else normalize_axis_index(axis, len(shape))
    if mode != "raise":
        indices = np.clip(indices, 0, shape[axis] - 1) if mode == "clip" else np.remainder(indices, shape[axis])
    # The axis first, where `scattered` is fastest.
    axes = range(axis, axis + np.ndim(indices))
    first = (shape[axis], *shape[:axis], *shape[axis + 1 :])
    summed = scattered(np.moveaxis(g, axes, range(len(axes))), indices, first)
    return summed if len(shape) == 1 == np.ndim(a) else np.reshape(np.moveaxis(computed(summed), 0, axis), np.shape(a))


def _undiagonal(g: Any, y: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    shape = np.shape(a)
    rest = [length for axis, length in enumerate(shape) if axis not in (axis1 % len(shape), axis2 % len(shape))]
    along = np.arange(np.shape(g)[-1])
    index = (along + max(-offset, 0), along + max(offset, 0))
    matrices = scattered(np.moveaxis(g, -1, 0), index, (shape[axis1], shape[axis2], *rest))
    return matrices if len(shape) == 2 and axis1 % 2 == 0 else np.moveaxis(computed(matrices), (0, 1), (axis1, axis2))


def _undiag(g: Any, y: Any, v: Any, k: int = 0) -> Any:
    return np.diagonal(g, k) if np.ndim(v) == 1 else _undiagonal(g, y, v, k)


_unrepeat_each = moves(np.repeat)


def _unrepeat(g: Any, y: Any, a: Any, repeats: Any, axis: int | None = None) -> Any:
    shape = (np.size(a),) if axis is None else np.shape(a)
    if np.size(repeats) != 1 or not np.size(a):
        return _unrepeat_each(g, y, a, repeats, axis)
    axis = 0 if axis is None else normalize_axis_index(axis, len(shape))
    copies = np.reshape(g, (*shape[: axis + 1], int(np.ravel(repeats)[0]), *shape[axis + 1 :]))
    return np.reshape(np.sum(copies, axis + 1), np.shape(a))


# Those that only reorder are undone by another of their kind.
derivative(np.roll, _unroll)
derivative(np.flip, lambda g, y, m, axis=None: np.flip(g, axis))
derivative(np.fliplr, lambda g, y, m: np.fliplr(g))
derivative(np.flipud, lambda g, y, m: np.flipud(g))
derivative(np.rot90, lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
derivative(np.rollaxis, lambda g, y, a, axis, start=0: np.transpose(g, inverse(_rolled(np.ndim(a), axis, start))))
derivative(np.tril, lambda g, y, m, k=0: np.tril(g, k))
derivative(np.triu, lambda g, y, m, k=0: np.triu(g, k))
derivative(np.take, _untake)
derivative(np.repeat, _unrepeat)
derivative(np.diag, _undiag)
derivative(np.diagonal, _undiagonal)
derivative(np.linalg.diagonal, lambda g, y, x, *, offset=0: _undiagonal(g, y, x, offset, -2, -1))


def _rolled(ndim: int, axis: int, start: int) -> list[int]:
    """The axes in the order that np.rollaxis puts them in."""
    return list(np.shape(np.rollaxis(np.empty([0, *range(1, ndim)]), axis, start)))


@composed(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """Indexing with a mask along an axis."""
    if np.ndim(condition) != 1:
        raise ValueError("condition must be a 1-d array")
    return np.take(a, np.flatnonzero(condition), axis)


@composed(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """Indexing with a mask."""
    return np.ravel(arr)[np.flatnonzero(condition)]


@composed(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, *, stable: bool | None = None) -> Any:
    """Equal elements get their gradients in the order in which argsort has put them."""
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    return np.take_along_axis(a, np.argsort(a, axis, kind, stable=stable), axis)


@composed(np.partition)
def partition(a: Any, kth: Constant, axis: int | None = -1) -> Any:
    """As np.sort."""
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    return np.take_along_axis(a, np.argpartition(a, kth, axis), axis)


@primitive(lambda g, y, x, width, constant_values=0: g[inside(np.shape(x), width)], None, name="np.pad")
def pad_constant(x: Any, width: Any, *, constant_values: Any = 0) -> Any:
    """np.pad with given values, which carry no derivative."""
    return np.pad(x, width, constant_values=constant_values)


def inside(shape: tuple[int, ...], width: Any) -> tuple[slice, ...]:
    """Where in the padded array the array of that `shape` is."""
    before = np.broadcast_to(width, (len(shape), 2))[:, 0]
    return tuple(slice(start, start + length) for start, length in zip(before.tolist(), shape, strict=True))


pad_copies = primitive(moves(np.pad), name="np.pad")(np.pad)


@composed(np.pad)
def pad(array: Any, pad_width: Constant, mode: Constant = "constant", **kwargs: Any) -> Any:
    """Modes that put constants or copies of elements around the array."""
    if isinstance(pad_width, dict):
        pad_width, given = [(0, 0)] * np.ndim(array), pad_width
        for axis, width in given.items():
            pad_width[axis] = (width, width) if np.ndim(width) == 0 else tuple(width)
    if mode == "constant":
        return pad_constant(array, pad_width, **kwargs)
    if mode in ("edge", "reflect", "symmetric", "wrap") and not kwargs:
        return pad_copies(array, pad_width, mode)
    what = "".join(f", {keyword}=" for keyword in sorted(kwargs))
    raise TypeError(
        f"np.pad has no derivative rule for mode={mode!r}{what}: use 'constant' with constant_values=, or 'edge', "
        "'reflect', 'symmetric' or 'wrap' alone"
    )
