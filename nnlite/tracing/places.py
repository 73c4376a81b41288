"""What a trace is made of: memories, places in them, calls, and numbers that are asked for anew.

An array is one of these:

- *given*: an argument, what `ask` or `read` returned; another one at each call;
- *kept*: the result of a call; its memory is the program's own, and serves every call;
- *outside*: whatever was there before, such as a parameter; it is read, and written to, where it lies.
"""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import byte_bounds

Kind = Literal["given", "kept", "outside"]
Key = tuple[int, tuple[int, ...], tuple[int, ...], str]
Line = tuple[str, int]  # of a program: its file, and its number there

HIDDEN = ("nnlite.", "numpy.", "scipy.", "contextlib", "functools")  # modules whose lines are nobody's own
_base_of = np.ndarray.base.__get__  # which a tensor guards
_hidden: dict[CodeType, bool] = {}


class TracedValueError(TypeError):
    """A traced function looks at a number that will be another one at the next call."""


@dataclass(eq=False, slots=True)
class Memory:
    """A piece of memory that arrays lie in.

    Attributes:
        kind: whose it is.
        array: all of it, as it was while the function was traced; the program's own memory is made like it.
        made: the number of the call that made it; -1 of what was there before.
        scalar: whether NumPy made a scalar of it.
    """

    kind: Kind
    array: np.ndarray[Any, Any]
    made: int = -1
    scalar: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """An array: where it lies in which memory.

    Attributes:
        memory: which.
        array: as it was while the function was traced.
        source: what it is a view of; None if it is all of the memory.
        view: how it comes from there: an attribute or a call.
    """

    memory: Memory
    array: np.ndarray[Any, Any]
    source: "Place | None" = None
    view: "Call | None" = None


@dataclass(eq=False, slots=True)
class Call:
    """A call, with arrays replaced by their places.

    Attributes:
        function: what was called; of a method or attribute of arrays its name.
        args: the positional arguments.
        kwargs: the keyword arguments.
        results: the places that it made or wrote to, in order.
        kind: "call", "method", "attribute", "item", "set", "ask", "read", "store", "blas", or "bounds" and "part", by
            which a view can be told if no call of NumPy tells it.
        within: what it belongs to, such as a rule.
        several: whether what it returned is a tuple or list.
        errors: how floating-point errors were to be treated.
        line: the line of the user's code that led here.
    """

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)
    kind: str = "call"
    within: str = ""
    several: bool = False
    errors: dict[str, Any] = field(default_factory=dict)
    line: Line | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """A number that `ask` returned, which will be another one at the next call.

    Attributes:
        call: the call of `ask`.
        position: which of the numbers it returned; None if it returned this one alone.
        value: what it was.
        name: what it is called.
    """

    call: Call
    position: int | None
    value: Any
    name: str = ""


def key_of(array: Any) -> Key:
    """What tells an array from all others that are there at the same time: where it lies, and its form."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def address_of(array: Any) -> int:
    """Where an array begins."""
    address: int = np.ndarray.view(array, np.ndarray).__array_interface__["data"][0]
    return address


def bounds_of(array: Any) -> tuple[int, int]:
    """The first address of an array, and the one behind its last."""
    if array.flags.forc:
        start = array.__array_interface__["data"][0]
        return start, start + array.nbytes
    low, high = byte_bounds(array)
    return int(low), int(high)


def owner_of(array: Any) -> Any:
    """The array in whose memory an array lies."""
    base = _base_of(array)
    while isinstance(base, np.ndarray):
        array, base = base, _base_of(base)
    return array


def users_line() -> Line | None:
    """The innermost line, of those that are being executed, that is neither nnlite's nor NumPy's."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        code = frame.f_code
        hidden = _hidden.get(code)
        if hidden is None:
            name = frame.f_globals.get("__name__", "")
            hidden = _hidden[code] = (
                name.startswith(HIDDEN) or name in ("nnlite", "numpy") or code.co_filename[0] == "<"
            )
        if not hidden:
            return code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def in_words(line: Line | None) -> str:
    """A line as errors name it."""
    return "" if line is None else f"in {line[0]}, line {line[1]}"


def name_of(function: Any) -> str:
    """What errors call what was called."""
    if isinstance(function, tuple):
        return f"np.{function[0].__name__}.{function[1]}"
    if isinstance(function, str):
        return f"x.{function}"
    name = getattr(function, "__name__", str(function))
    return f"np.{name}" if getattr(np, name, None) is function else name


def places_in(value: Any) -> Iterable[Place]:
    """All places in the arguments of a call."""
    if isinstance(value, Place):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from places_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from places_in(each)


def is_dense(array: Any) -> bool:
    """Whether an array covers its memory without gaps, each element once."""
    low, high = bounds_of(array)
    return bool(high - low == array.nbytes)


def copied_with_gaps(array: Any) -> Any:
    """A copy with the same strides, in memory of its own."""
    low, high = bounds_of(array)
    memory = np.zeros(high - low, np.uint8)
    start = key_of(array)[0] - low
    copied: Any = np.ndarray(array.shape, array.dtype, memory, start, array.strides)
    if array.size and all(step or length == 1 for step, length in zip(array.strides, array.shape, strict=True)):
        copied[...] = array
    elif array.size:  # one that was broadcast
        part = tuple(slice(None) if step else slice(1) for step in array.strides)
        copied[part] = array[part]
    return copied
