"""Arguments and results in their containers: what decides which program a call takes, and what it returns."""

import inspect
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.autodiff.accumulation import may_change
from nnlite.tracing.arrays import AskedNumber


def signature(value: Any, arrays: list[Any], objects: list[Any]) -> Any:
    """What decides which program a call takes; its arrays, and objects that are known by identity, are gathered."""
    kind = type(value)
    if isinstance(value, np.ndarray):
        array = value if kind is np.ndarray else as_plain(value)
        arrays.append(array)
        return kind, array.shape, array.strides, array.dtype, array.flags.writeable or may_change(array)
    if kind in (list, tuple):
        return kind, tuple([signature(each, arrays, objects) for each in value])
    if kind is dict:
        return tuple([(name, signature(each, arrays, objects)) for name, each in value.items()])
    if kind is float:
        return kind, value or repr(value)  # as 0.0 == -0.0
    if kind in (int, str, bytes, bool, type(None)):
        return kind, value
    if isinstance(value, np.generic):
        return kind, value.tobytes()
    objects.append(value)
    return kind, id(value)


SAMPLED = 1024  # numbers of an array, about


def checksum(arrays: list[Any]) -> int:
    """Of a sample of the numbers in arrays, evenly spread: all are looked at where there are few.

    It is taken at each call until batches have differed, so it has to cost next to nothing.
    """
    total = 0
    for array in arrays:
        each = max(1, round(SAMPLED ** (1 / max(1, array.ndim))))
        sample = array[tuple(slice(None, None, -(-length // each) or 1) for length in array.shape)]
        total = zlib.crc32(sample.tobytes(), total)
    return total


def outline_of(value: Any, leaves: list[Any]) -> Any:
    """The containers of a result, with the position of each leaf among all in its place."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(outline_of(each, leaves) for each in value))
    if type(value) in (list, tuple):
        return type(value)([outline_of(each, leaves) for each in value])
    if type(value) is dict:
        return {name: outline_of(each, leaves) for name, each in value.items()}
    leaves.append(value)
    return len(leaves) - 1


def rebuilt(outline: Any, leaves: list[Any]) -> Any:
    """The containers of a result with its leaves."""
    if isinstance(outline, tuple) and hasattr(outline, "_fields"):
        return type(outline)(*(rebuilt(each, leaves) for each in outline))
    if type(outline) in (list, tuple):
        return type(outline)([rebuilt(each, leaves) for each in outline])
    if type(outline) is dict:
        return {name: rebuilt(each, leaves) for name, each in outline.items()}
    return leaves[outline]


def leaves_of(value: Any) -> list[Any]:
    """The leaves of a result, in order."""
    leaves: list[Any] = []
    outline_of(value, leaves)
    return leaves


def is_numbers(leaf: Any) -> bool:
    """Whether a leaf is another one at each call."""
    return isinstance(leaf, np.ndarray | np.generic | AskedNumber)


def as_plain(array: Any) -> Any:
    """A tensor, or a NumPy scalar, as a plain array."""
    return np.ndarray.view(array, np.ndarray) if isinstance(array, np.ndarray) else np.asarray(array)


def parameters_of(function: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """What a function calls its positional arguments."""
    names: list[str] = []
    for each in inspect.signature(function).parameters.values():
        if each.kind is each.VAR_POSITIONAL:
            names += [f"{each.name}_{position}" for position in range(len(args) - len(names))]
        elif each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
            names.append(each.name)
    return [*names, *(f"argument_{position}" for position in range(len(args)))][: len(args)]


def named_objects(function: Callable[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments that are objects, by name."""
    named = {**dict(zip(parameters_of(function, args), args, strict=True)), **kwargs}
    return {name: value for name, value in named.items() if not isinstance(value, np.ndarray)}
