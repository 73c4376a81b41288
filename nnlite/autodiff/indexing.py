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

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import RULES, Gradient, Rule, composed, derivative


@primitive(lambda g, y, values, index, shape: g[index], None, None)
def scatter(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, to which `values` have been added at `index`."""
    result = np.zeros(shape, values.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if any(np.ndim(part) > 0 and np.asarray(part).dtype.kind != "b" for part in parts):
        np.add.at(result, index, values)
    else:  # slices, numbers and masks name nothing twice
        result[index] = values
    return result


RULES[operator.getitem] = Rule(
    "x[index]", operator.getitem, (lambda g, y, x, index: scatter(g, index, np.shape(x)), None)
)


def moves(function: Callable[..., Any]) -> Gradient:
    """The product of a function that builds its result of elements of its first argument, and of zeros."""

    def product(g: Any, y: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        places = np.empty_like(np.asarray(x), np.intp)  # with the memory order of x, which order="K" asks for
        places[...] = np.arange(1, places.size + 1).reshape(places.shape)
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
    np.diag,
    np.diagflat,
    np.diagonal,
    np.flip,
    np.fliplr,
    np.flipud,
    np.lib.stride_tricks.sliding_window_view,
    np.repeat,
    np.resize,
    np.roll,
    np.rollaxis,
    np.rot90,
    np.take,
    np.take_along_axis,
    np.tile,
    np.tril,
    np.triu,
    np.linalg.diagonal,
    np.delete,
):
    derivative(mover, moves(mover))


@composed(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """Indexing with a mask along an axis."""
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
def partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    """As np.sort."""
    a, axis = (np.ravel(a), 0) if axis is None else (a, axis)
    return np.take_along_axis(a, np.argpartition(a, kth, axis), axis)


@primitive(lambda g, y, x, width, constant_values=0: g[inside(np.shape(x), width)], None)
def pad_constant(x: Any, width: Any, *, constant_values: Any = 0) -> Any:
    """np.pad with given values, which carry no derivative."""
    return np.pad(x, width, constant_values=constant_values)


def inside(shape: tuple[int, ...], width: Any) -> tuple[slice, ...]:
    """Where in the padded array the array of that `shape` is."""
    before = np.broadcast_to(width, (len(shape), 2))[:, 0]
    return tuple(slice(start, start + length) for start, length in zip(before.tolist(), shape, strict=True))


pad_copies = primitive(moves(np.pad))(np.pad)


@composed(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """Modes that put constants or copies of elements around the array."""
    if isinstance(pad_width, dict):
        pad_width, widths = np.zeros((np.ndim(array), 2), int), pad_width
        for axis, width in widths.items():
            pad_width[axis] = width
    if mode == "constant":
        return pad_constant(array, pad_width, **kwargs)
    if mode in ("edge", "reflect", "symmetric", "wrap") and not kwargs:
        return pad_copies(array, pad_width, mode)
    raise TypeError(f"np.pad with mode={mode!r} and {sorted(kwargs)} has no derivative rule; modes that copy have")
