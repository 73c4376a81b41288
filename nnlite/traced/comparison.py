"""Two traces of one function, call by call: what the second does otherwise was frozen by mistake in the first."""

from typing import Any

import numpy as np

from nnlite.traced.recording import Asked, Call, Memory, Place, Trace


def first_difference(one: Trace, other: Trace) -> str:
    """The first call that differs, in words; empty if there is none."""
    pairs: dict[Memory, Memory] = {}
    for mine, its in zip(one.calls, other.calls, strict=False):
        if what := _difference(mine, its, pairs):
            return f"{_called(mine)} {its.where or mine.where}: {what}"
    if len(one.calls) != len(other.calls):
        return f"{len(one.calls)} calls of NumPy at first, {len(other.calls)} now"
    return ""


def _difference(one: Call, other: Call, pairs: dict[Memory, Memory]) -> str:
    if one.kind != other.kind or not _is_same_function(one.function, other.function):
        return f"at first it was {_called(one)}, now it is {_called(other)}"
    return _apart((one.args, one.kwargs, one.results), (other.args, other.kwargs, other.results), pairs)


def _apart(one: Any, other: Any, pairs: dict[Memory, Memory]) -> str:
    if isinstance(one, Place) and isinstance(other, Place):
        return _places_apart(one, other, pairs)
    if isinstance(one, Asked) and isinstance(other, Asked):
        return "" if one.place == other.place else "another number that was asked for"
    if type(one) is not type(other):
        return f"at first it was given {one!r:.60}, now {other!r:.60}"
    if isinstance(one, tuple | list):
        if len(one) != len(other):
            return f"at first it was given {len(one)} values, now {len(other)}"
        return next(filter(None, (_apart(mine, its, pairs) for mine, its in zip(one, other, strict=True))), "")
    if isinstance(one, dict):
        return _apart(list(one.items()), list(other.items()), pairs)
    if one is other or one == other or (one != one and other != other):  # noqa: PLR0124 - NaN
        return ""
    if callable(one) or hasattr(one, "__dict__"):
        return ""
    return f"at first it was given {one!r:.60}, now {other!r:.60}"


def _places_apart(one: Place, other: Place, pairs: dict[Memory, Memory]) -> str:
    mine, its = one.memory, other.memory
    if one.array.shape != other.array.shape or one.array.dtype != other.array.dtype or mine.kind != its.kind:
        return "at first it was given an array of another form"
    if mine.kind != "outside":
        return "" if pairs.setdefault(mine, its) is its else "it is given another array than at first"
    if mine.array is its.array or mine.array.__array_interface__ == its.array.__array_interface__:
        return ""
    if np.array_equal(mine.array.view(), its.array.view(), equal_nan=mine.array.dtype.kind in "fc"):
        return ""
    return (
        "at first it was given an array, now one of other numbers, and neither was told of: make it an argument, or "
        "nnlite.ask(function, ...) for it"
    )


def _is_same_function(one: Any, other: Any) -> bool:
    if one is other or one == other:
        return True
    return getattr(one, "__code__", 0) is getattr(other, "__code__", 1)


def _called(call: Call) -> str:
    function = call.function[0] if isinstance(call.function, tuple) else call.function
    name = function if isinstance(function, str) else getattr(function, "__name__", str(function))
    return f"the call of {name}"
