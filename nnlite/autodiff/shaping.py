"""Rules of functions that move elements without changing them: reshaping, joining, broadcasting.

Each is a linear map that copies elements; its gradient sends every copy's share back to where it came from.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.autodiff.rule import RULES, Rule, constant, derivative


def _back_to_shape(g: Any, y: Any, x: Any, *_args: Any, **_kwargs: Any) -> Any:
    return np.reshape(g, np.shape(x))


def _untranspose(g: Any, y: Any, x: Any, axes: Sequence[int] | None = None) -> Any:
    return np.transpose(g, None if axes is None else np.argsort([axis % np.ndim(x) for axis in axes]))


def _take_apart(g: Any, y: Any, *arrays: Any, position: int, axis: int = 0, **_kwargs: Any) -> Any:
    start = sum(np.shape(array)[axis] for array in arrays[:position])
    window = [slice(None)] * np.ndim(g)
    window[axis] = slice(start, start + np.shape(arrays[position])[axis])
    return g[tuple(window)]


def _unstack(g: Any, y: Any, *_arrays: Any, position: int, axis: int = 0, **_kwargs: Any) -> Any:
    return np.moveaxis(g, axis, 0)[position]


derivative(np.reshape, _back_to_shape)
derivative(np.ravel, _back_to_shape)
derivative(np.squeeze, _back_to_shape)
derivative(np.expand_dims, _back_to_shape)
derivative(np.transpose, _untranspose)
derivative(np.matrix_transpose, lambda g, y, x: np.matrix_transpose(g))
derivative(np.swapaxes, lambda g, y, x, axis1, axis2: np.swapaxes(g, axis1, axis2))
derivative(np.moveaxis, lambda g, y, x, source, destination: np.moveaxis(g, destination, source))
derivative(np.broadcast_to, lambda g, y, x, shape, subok=False: g)  # the walk back sums over what was stretched
RULES[np.concatenate] = Rule(
    "np.concatenate", lambda *arrays, **kwargs: np.concatenate(arrays, **kwargs), (_take_apart,), spread=True
)
RULES[np.stack] = Rule("np.stack", lambda *arrays, **kwargs: np.stack(arrays, **kwargs), (_unstack,), spread=True)

constant(np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like, np.empty_like)
constant(np.array_repr, np.array_str, np.array2string, np.result_type, np.may_share_memory, np.shares_memory)
constant(np.save, np.savez, np.savez_compressed, np.savetxt)
