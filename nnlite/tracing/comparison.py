"""Whether a function does the same at each call: run as it stands, listened to once more, and replayed.

All three are to come to the same numbers, to the bit, from the same state. What the function asks for is asked once,
and the answer given to all of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.autodiff.hearing import ANSWERS
from nnlite.tracing.places import Asked, Call, Memory, Place, in_words, name_of, places_in
from nnlite.tracing.recording import Trace

WAY_OUT = "make it an argument of the step, or let nnlite.ask(function, ...) return it at each call"


class TracedStepError(RuntimeError):
    """A traced function does at a later call what its first call did not tell of."""


class Answers:
    """What a function asks for, asked once and then given as often as it is wanted."""

    def __init__(self) -> None:
        self._given: list[tuple[Any, list[Any]]] = []
        self._position = 0

    def first(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Ask."""
        arrays = _arrays_in((args, kwargs))
        before = [None if each is None else each.tobytes() for each in arrays]
        token = ANSWERS.set(None)
        try:
            result = function(*args, **kwargs)
        finally:
            ANSWERS.reset(token)
        written = [
            None if each is None or each.tobytes() == old else each.copy()
            for each, old in zip(arrays, before, strict=True)
        ]
        self._given.append((_copied(result), written))
        return result

    def again(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The next answer of those that `first` had.

        Raises:
            TracedStepError: there were fewer.
        """
        if self._position == len(self._given):
            raise TracedStepError(f"{name_of(function)} is asked more often than when the step ran as it stands")
        result, written = self._given[self._position]
        self._position += 1
        for array, values in zip(_arrays_in((args, kwargs)), written, strict=True):
            if values is not None:
                array[...] = values
        return _copied(result)

    def rewind(self) -> None:
        """Begin with the first answer again."""
        self._position = 0


class State:
    """What a trace's calls change, as it is now: to go back to, and to compare."""

    def __init__(self, trace: Trace, gradients: list[tuple[Any, bool]]) -> None:
        written = {
            id(place.memory): place.memory.array
            for call in trace.calls
            for place in (places_in((call.args, call.kwargs)) if call.kind == "ask" else call.results)
            if isinstance(place, Place) and place.memory.kind == "outside" and place.memory.array.flags.writeable
        }
        self._arrays = list(written.values())
        stores = {(id(call.args[0]), call.args[1]): call.args[:2] for call in trace.calls if call.kind == "store"}
        tensors = [tensor for tensor, _ in gradients]
        self._attributes = [*stores.values(), *((tensor, "_gradient") for tensor in tensors)]
        self._before = self.now()

    def now(self) -> tuple[list[Any], list[Any]]:
        """All of it: the arrays, copied, and the attributes."""
        return [array.copy() for array in self._arrays], [_copied(getattr(*each)) for each in self._attributes]

    def restore(self) -> None:
        """Go back to how it was."""
        self.put(self._before)

    def put(self, state: tuple[list[Any], list[Any]]) -> None:
        """Make it like this."""
        for array, values in zip(self._arrays, state[0], strict=True):
            array[...] = values
        for (owner, name), value in zip(self._attributes, state[1], strict=True):
            setattr(owner, name, _copied(value))

    def equals(self, state: tuple[list[Any], list[Any]]) -> bool:
        """Whether it is like this, to the bit."""
        arrays, attributes = self.now()
        return all(map(same_numbers, [*arrays, *map(_computed, attributes)], [*state[0], *map(_computed, state[1])]))


def same_numbers(one: Any, other: Any) -> bool:
    """Whether two arrays, or values that are no arrays, are the same to the bit."""
    if not isinstance(one, np.ndarray | np.generic) or not isinstance(other, np.ndarray | np.generic):
        return one is other or (type(one) is type(other) and repr(one) == repr(other))
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def first_difference(one: Trace, other: Trace) -> str:
    """The first call of two traces that differs, in words; empty if there is none."""
    pairs: dict[Memory, Memory] = {}
    for mine, its in zip(one.calls, other.calls, strict=False):
        if what := _difference(mine, its, pairs):
            return f"{name_of(mine.function) if mine.function else mine.kind} {in_words(its.line or mine.line)}: {what}"
    if len(one.calls) != len(other.calls):
        longer = max(one.calls, other.calls, key=len)[min(len(one.calls), len(other.calls))]
        return (
            f"{len(one.calls)} calls of NumPy at first, {len(other.calls)} now, from {name_of(longer.function)} "
            f"{in_words(longer.line)} on"
        )
    what = _apart(one.results, other.results, pairs)
    return f"what it returns: {what}" if what else ""


def _difference(one: Call, other: Call, pairs: dict[Memory, Memory]) -> str:
    if one.kind != other.kind or not _is_same_function(one.function, other.function):
        return f"at first it was {name_of(one.function)}, now {name_of(other.function)} is called there"
    for mine, its in zip(one.results, other.results, strict=False):
        outside = (
            isinstance(mine, Place) and isinstance(its, Place) and mine.memory.kind == its.memory.kind == "outside"
        )
        if outside and mine.array.__array_interface__ != its.array.__array_interface__:
            return (
                "it writes to an array that is made anew at each call, by a function that tells nobody (np.zeros): "
                "np.zeros_like(x, shape=...) of an array x tells"
            )
    return _apart((one.args, one.kwargs, one.results), (other.args, other.kwargs, other.results), pairs)


def _apart(one: Any, other: Any, pairs: dict[Memory, Memory]) -> str:
    if isinstance(one, Place) and isinstance(other, Place):
        return _places_apart(one, other, pairs)
    if isinstance(one, Asked) and isinstance(other, Asked):
        return "" if one.position == other.position else "it is given another number that was asked for"
    if type(one) is not type(other):
        return f"at first it was given {one!r:.60}, now {other!r:.60}; {WAY_OUT}"
    if isinstance(one, tuple | list):
        if len(one) != len(other):
            return f"at first it was given {len(one)} values, now {len(other)}"
        return next(filter(None, (_apart(mine, its, pairs) for mine, its in zip(one, other, strict=True))), "")
    if isinstance(one, dict):
        return _apart(list(one.items()), list(other.items()), pairs)
    if one is other or callable(one) or hasattr(one, "__dict__") or repr(one) == repr(other):
        return ""
    return f"at first it was given {one!r:.60}, now {other!r:.60}; {WAY_OUT}"


def _places_apart(one: Place, other: Place, pairs: dict[Memory, Memory]) -> str:
    mine, its = one.memory, other.memory
    if one.array.shape != other.array.shape or one.array.dtype != other.array.dtype or mine.kind != its.kind:
        return "at first it was given an array of another form"
    if mine.kind != "outside":
        return "" if pairs.setdefault(mine, its) is its else "it is given another array than at first"
    if mine.array.__array_interface__ == its.array.__array_interface__:
        return ""
    if same_numbers(mine.array, its.array):
        return ""
    return (
        "it is given an array of other numbers than at first, and NumPy told nobody how they were made (np.asarray(x), "
        "table[x] and array[:] = x of plain arrays tell nothing; of an nnlite.Tensor they do): call NumPy's functions "
        f"with x itself, {WAY_OUT}"
    )


def _is_same_function(one: Any, other: Any) -> bool:
    return one is other or bool(one == other) or getattr(one, "__code__", 0) is getattr(other, "__code__", 1)


def _arrays_in(value: Any) -> list[Any]:
    """The arrays among the values in lists, tuples and dicts, as plain ones; None for each other value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [array for each in value for array in _arrays_in(each)]
    return [np.ndarray.view(value, np.ndarray) if isinstance(value, np.ndarray) else None]


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy("K")
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    return value


def _computed(gradient: Any) -> Any:
    return gradient.compute() if hasattr(gradient, "compute") else gradient
