"""Functions that join arrays to one, or split one into several: all of them are concatenation or indexing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import composed


def _take_apart(g: Any, y: Any, *arrays: Any, position: int, axis: int) -> Any:
    start = sum(np.shape(array)[axis] for array in arrays[:position])
    window = [slice(None)] * np.ndim(g)
    window[axis] = slice(start, start + np.shape(arrays[position])[axis])
    return g[tuple(window)]


@primitive(_take_apart, variadic=True)
def joined(*arrays: Any, axis: int) -> Any:
    """np.concatenate, each array an argument."""
    return np.concatenate(arrays, axis)


@composed(np.concatenate)
def concatenate(arrays: Any, /, axis: int | None = 0) -> Any:
    """One after the other along an axis."""
    return joined(*map(np.ravel, arrays), axis=0) if axis is None else joined(*arrays, axis=axis)


@composed(np.stack)
def stack(arrays: Any, axis: int = 0) -> Any:
    """One after the other along a new axis."""
    shapes = {np.shape(each) for each in arrays}
    if len(shapes) > 1:
        raise ValueError(f"np.stack of arrays of different shapes: {sorted(shapes)}")
    return np.concatenate([np.expand_dims(each, axis) for each in arrays], axis)


@composed(np.vstack)
def vstack(tup: Any) -> Any:
    """One above the other."""
    return np.concatenate([np.atleast_2d(each) for each in tup])


@composed(np.hstack)
def hstack(tup: Any) -> Any:
    """Side by side."""
    arrays = [np.atleast_1d(each) for each in tup]
    return np.concatenate(arrays, 0 if np.ndim(arrays[0]) == 1 else 1)


@composed(np.dstack)
def dstack(tup: Any) -> Any:
    """One behind the other."""
    return np.concatenate([np.atleast_3d(each) for each in tup], 2)


@composed(np.column_stack)
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


composed(np.hsplit)(lambda ary, indices_or_sections: np.split(ary, indices_or_sections, min(np.ndim(ary) - 1, 1)))
composed(np.vsplit)(lambda ary, indices_or_sections: np.split(ary, indices_or_sections, 0))
composed(np.dsplit)(lambda ary, indices_or_sections: np.split(ary, indices_or_sections, 2))
composed(np.unstack)(lambda x, /, *, axis=0: tuple(np.moveaxis(x, axis, 0)))
