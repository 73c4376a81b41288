"""Rules of functions that reorder or stretch axes without changing an element.

Each is a linear map; its gradient sends every copy's share back to where it came from.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.autodiff.rule import composed, derivative


def _back_to_shape(g: Any, y: Any, a: Any, axis: Any = None) -> Any:
    return np.reshape(g, np.shape(a))


def _unreshape(g: Any, y: Any, a: Any, shape: Any, order: Any = "C", *, copy: Any = None) -> Any:
    return np.reshape(g, np.shape(a), order=_order(a, order))


def _unravel(g: Any, y: Any, a: Any, order: Any = "C") -> Any:
    if order != "K":
        return np.reshape(g, np.shape(a), order=_order(a, order))
    axes = _as_in_memory(a)
    return np.transpose(np.reshape(g, [np.shape(a)[axis] for axis in axes]), inverse(axes))


def inverse(axes: Any) -> tuple[int, ...]:
    """The order of axes that undoes this one."""
    return tuple(np.argsort(axes).tolist())


def _order(a: Any, order: Any) -> Any:
    """The order "A" of this array, told."""
    return ("F" if a.flags.fnc else "C") if order == "A" else order


def _as_in_memory(a: Any) -> list[int]:
    """The axes of an array as NumPy reads them in the order "K": from the slowest to the fastest in memory."""
    # NumPy tells in which order it visits elements; two along each axis are enough to see it. Nothing is read.
    few = np.lib.stride_tricks.as_strided(a, np.minimum(np.shape(a), 2), np.abs(a.strides), writeable=False)
    visited = np.nditer(few, ["multi_index", "zerosize_ok"], order="K")
    places = [visited.multi_index for _ in visited]
    first = [next((k for k, place in enumerate(places) if place[axis]), 0) for axis in range(np.ndim(a))]
    return sorted(range(np.ndim(a)), key=lambda axis: -first[axis])


def _untranspose(g: Any, y: Any, a: Any, axes: int | Sequence[int] | None = None) -> Any:
    return np.transpose(g, None if axes is None else inverse(np.ravel(axes) % np.ndim(a)))


derivative(np.reshape, _unreshape)
derivative(np.ravel, _unravel)
derivative(np.squeeze, _back_to_shape)
derivative(np.expand_dims, _back_to_shape)
derivative(np.transpose, _untranspose)
derivative(np.swapaxes, lambda g, y, a, axis1, axis2: np.swapaxes(g, axis1, axis2))
derivative(np.moveaxis, lambda g, y, a, source, destination: np.moveaxis(g, destination, source))
derivative(np.matrix_transpose, lambda g, y, x: np.matrix_transpose(g))
derivative(np.linalg.matrix_transpose, lambda g, y, x: np.matrix_transpose(g))
derivative(np.broadcast_to, lambda g, y, array, shape, subok=False: g)  # the walk back sums over what was stretched


@composed(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> Any:
    """Each in the shape of all together."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(each, shape) for each in args)


@composed(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> Any:
    """Each by the indices that the grid of their indices gives."""
    grids = np.meshgrid(*(np.arange(np.size(x)) for x in xi), copy=copy, sparse=sparse, indexing=indexing)
    return tuple(np.ravel(x)[grid] for x, grid in zip(xi, grids, strict=True))


def _of_one_or_many(reshape: Any) -> Any:
    return lambda *arys: reshape(arys[0]) if len(arys) == 1 else tuple(map(reshape, arys))


def _atleast_3d(a: Any) -> Any:
    shapes = {0: (1, 1, 1), 1: (1, -1, 1), 2: (*np.shape(a), 1)}
    return np.reshape(a, shapes.get(np.ndim(a), np.shape(a)))


composed(np.atleast_1d)(_of_one_or_many(lambda a: np.reshape(a, np.shape(a) or (1,))))
composed(np.atleast_2d)(_of_one_or_many(lambda a: np.reshape(a, (1,) * (2 - np.ndim(a)) + np.shape(a))))
composed(np.atleast_3d)(_of_one_or_many(_atleast_3d))
