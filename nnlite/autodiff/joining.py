"""Functions that join arrays to one, or split one into several: all of them are concatenation or indexing."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import Constant, composed


def _take_apart(g: Any, y: Any, *arrays: Any, position: int, axis: int) -> Any:
    start = sum(np.shape(array)[axis] for array in arrays[:position])
    window = [slice(None)] * np.ndim(g)
    window[axis] = slice(start, start + np.shape(arrays[position])[axis])
    return g[tuple(window)]


@primitive(_take_apart, variadic=True, name="np.concatenate")
def joined(*arrays: Any, axis: int) -> Any:
    """np.concatenate, each array an argument."""
    return np.concatenate(arrays, axis)


@composed(np.concatenate, of_arrays="arrays")
def concatenate(arrays: Any, /, axis: int | None = 0) -> Any:
    """One after the other along an axis."""
    return joined(*map(np.ravel, arrays), axis=0) if axis is None else joined(*arrays, axis=axis)


@composed(np.stack, of_arrays="arrays")
def stack(arrays: Any, axis: int = 0) -> Any:
    """One after the other along a new axis."""
    return np.concatenate([np.expand_dims(each, axis) for each in arrays], axis)


@composed(np.vstack, of_arrays="tup")
def vstack(tup: Any) -> Any:
    """One above the other."""
    return np.concatenate([np.atleast_2d(each) for each in tup])


@composed(np.hstack, of_arrays="tup")
def hstack(tup: Any) -> Any:
    """Side by side."""
    arrays = [np.atleast_1d(each) for each in tup]
    return np.concatenate(arrays, 0 if np.ndim(arrays[0]) == 1 else 1)


@composed(np.dstack, of_arrays="tup")
def dstack(tup: Any) -> Any:
    """One behind the other."""
    return np.concatenate([np.atleast_3d(each) for each in tup], 2)


@composed(np.column_stack, of_arrays="tup")
def column_stack(tup: Any) -> Any:
    """Vectors as columns, side by side."""
    return np.concatenate([each if np.ndim(each) > 1 else np.reshape(each, (-1, 1)) for each in tup], 1)


@composed(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """np.concatenate of two."""
    return np.concatenate([arr, values], axis)


@composed(np.array_split)
def array_split(ary: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """The pieces that a split of the axis' indices asks for."""
    pieces = np.array_split(np.arange(np.shape(ary)[axis]), indices_or_sections)
    return [np.take(ary, piece, axis) for piece in pieces]


@composed(np.split)
def split(ary: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """As np.array_split, of equal pieces."""
    pieces = np.split(np.arange(np.shape(ary)[axis]), indices_or_sections)
    return [np.take(ary, piece, axis) for piece in pieces]


def _of_rank(array: Any, ndim: int) -> Any:
    if np.ndim(array) < ndim:
        raise ValueError(f"an array of {ndim} or more dimensions is wanted")
    return array


composed(np.hsplit)(lambda ary, indices_or_sections: np.split(ary, indices_or_sections, min(np.ndim(ary) - 1, 1)))
composed(np.vsplit)(lambda ary, indices_or_sections: np.split(_of_rank(ary, 2), indices_or_sections, 0))
composed(np.dsplit)(lambda ary, indices_or_sections: np.split(_of_rank(ary, 3), indices_or_sections, 2))
composed(np.unstack)(lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)))


@composed(np.block, of_arrays="arrays", nested=True)
def block(arrays: Any) -> Any:
    """Nested lists joined along the last axis, the lists around them along the one before, and so on."""
    leaves, depths = zip(*_leaves(arrays, 0), strict=True)
    if len(set(depths)) > 1:
        raise ValueError("List depths are mismatched.")
    ndim = max(depths[0], *map(np.ndim, leaves))
    return _joined_blocks(arrays, ndim, depths[0])


def _leaves(arrays: Any, depth: int) -> Any:
    if isinstance(arrays, tuple):
        raise TypeError("np.block takes lists, no tuples")
    if not isinstance(arrays, list):
        yield arrays, depth
    for each in arrays if isinstance(arrays, list) else []:
        yield from _leaves(each, depth + 1)


def _joined_blocks(arrays: Any, ndim: int, depth: int) -> Any:
    if isinstance(arrays, list):
        return np.concatenate([_joined_blocks(each, ndim, depth - 1) for each in arrays], -depth)
    return np.reshape(arrays, (1,) * (ndim - np.ndim(arrays)) + np.shape(arrays))


@composed(np.insert)
def insert(arr: Any, obj: Constant, values: Any, axis: int | None = None) -> Any:
    """Where the places of the elements, and of the new values, come to stand, these are put."""
    count = np.size(arr)
    old = np.arange(count).reshape(np.shape(arr))
    new = np.arange(count, count + np.size(values)).reshape(np.shape(values))
    source = np.concatenate([np.ravel(arr), np.astype(np.ravel(values), arr.dtype)])
    return source[np.insert(old, obj, new, axis)]


@composed(np.linspace)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, *, axis: int = 0
) -> Any:
    """From start to stop in even steps."""
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    steps = num - 1 if endpoint else num
    step = (stop - start) / steps if steps > 0 else (stop - start) * np.nan
    apart = stop - start if steps <= 0 else step
    numbers = np.reshape(np.arange(num), (-1,) + (1,) * np.ndim(apart)).astype(apart.dtype)
    y = numbers * apart + start
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.expand_dims(np.astype(np.broadcast_to(stop, np.shape(apart)), y.dtype), 0)])
    y = np.moveaxis(y, 0, axis)
    return (y, step) if retstep else y


@composed(np.logspace)
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, *, axis: int = 0) -> Any:
    """The powers of the base, of exponents in even steps."""
    exponents = np.linspace(start, stop, num, endpoint, axis=axis)
    return np.power(base if np.ndim(base) == 0 else np.expand_dims(base, axis), exponents)
