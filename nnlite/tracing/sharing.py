"""Which arrays of a program lie in the same memory: those whose lives do not overlap."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlite.tracing.places import Call, Memory, Place, places_in


def shared_memory(calls: list[Call], results: Iterable[Place]) -> dict[Memory, Memory]:
    """For each memory that a program keeps, the one in whose place it is: itself, or an earlier one that is done with.

    Args:
        calls: of the program, in order.
        results: what is still needed after the last of them.
    """
    last: dict[Memory, int] = {}
    for number, call in enumerate(calls):
        for place in places_in((call.args, call.kwargs, call.results)):
            last[place.memory] = number
    last.update((place.memory, len(calls)) for place in results)
    free: dict[Any, list[Memory]] = {}
    ending: dict[int, list[Memory]] = {}
    shared: dict[Memory, Memory] = {}
    for number, call in enumerate(calls):
        for place in call.results:
            memory = place.memory if isinstance(place, Place) else None
            if memory is None or memory.kind != "kept" or memory.made != number or memory in shared:
                continue
            done = ending.get(number, [])
            over = _overwritten(call, memory, done, shared)
            waiting = free.get(_form(memory.array))
            if over is not None:
                done.remove(over)
                shared[memory] = over
            elif waiting:
                shared[memory] = waiting.pop()
            else:
                shared[memory] = memory
            ending.setdefault(last[memory], []).append(shared[memory])
        for memory in ending.pop(number, ()):
            free.setdefault(_form(memory.array), []).append(memory)
    return shared


def _form(array: Any) -> Any:
    """What two arrays have in common that can lie in the same memory."""
    return (array.size, array.dtype) if array.flags.c_contiguous else (array.shape, array.strides, array.dtype)


def _overwritten(call: Call, memory: Memory, done: list[Memory], shared: dict[Memory, Memory]) -> Memory | None:
    """The memory of an argument that may be written over with the result, element by element."""
    if call.kind != "call" or not isinstance(call.function, np.ufunc) or call.function.signature is not None:
        return None
    array = memory.array
    for each in call.args:
        if not isinstance(each, Place) or each.array is not each.memory.array:
            continue
        form = each.array.shape, each.array.strides, each.array.dtype
        own = shared.get(each.memory)
        if own in done and form == (array.shape, array.strides, array.dtype) and call.args.count(each) == 1:
            others = [place.memory for place in places_in((call.args, call.kwargs)) if place is not each]
            if all(shared.get(other) is not own for other in others) and len(call.results) == 1:
                return own
    return None
