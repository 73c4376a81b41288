"""Whether somebody listens to what is done to plain arrays, as a trace does (see `nnlite.tracing`).

A tape hears of tensors alone, and only of what has a derivative. A trace wants to know of every call that makes or
changes an array, also of those within a rule or an optimizer. So what the engine is about to compute with goes through
`heard`, which hands it on as it is, or, while a trace listens, as an array that tells the trace. Everything else that
a later call must do anew is said by `ask`, `read` and `assign`: without a trace, each does just that.

It costs a lookup where nobody listens.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np

T = TypeVar("T")


class Heard(np.ndarray[Any, np.dtype[Any]]):
    """A plain array that tells a trace of all that is done to it.

    Attributes:
        original: the array in whose place it is for as long as a function is traced; None of all others.
    """

    original: np.ndarray[Any, Any] | None = None


class Listener(Protocol):
    """A trace."""

    def heard(self, array: Any) -> Any:
        """The array as one that tells this listener."""

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a call that has to be made anew each time."""

    def read(self, owner: Any, name: str) -> Any:
        """The array that the owner has as this attribute."""

    def assign(self, owner: Any, name: str, value: Any) -> None:
        """Have the owner keep another array as this attribute."""

    def within(self, what: str) -> None:
        """What the calls to come belong to, such as a rule."""

    def recorded(self, value: Any, rule: str, arguments: Iterable[Any]) -> None:
        """A tape holds this value of a rule, which nobody may write to."""

    def contributed(self, gradient: Any, argument: Any) -> None:
        """This is a gradient of that argument of a rule."""

    def may_change(self, array: Any) -> bool:
        """Whether somebody could write to an array before what was recorded of it is used, without a trace."""

    def stays(self, array: Any) -> bool:
        """Whether nobody does so here."""

    def flagged(self, array: Any, writeable: bool) -> None:
        """Somebody said whether an array may be written to."""

    def separate(self, gradients: Any) -> Any:
        """Gradients as arrays that may be written to, each with memory of its own."""

    def writable(self, array: Any) -> Any:
        """The array, or a copy if it is not to be written to."""

    def touched(self, tensor: Any) -> None:
        """The gradient of a tensor is about to be used or to be changed."""

    def was_changed(self, tensor: Any) -> None:
        """A tensor is written to."""

    def add(self, total: Any, addend: Any, scale: float, keep: float) -> None:
        """As `nnlite.autodiff.accumulation.accumulate`."""

    def result(
        self, kind: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]
    ) -> Any:
        """The result of a call of NumPy."""


LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)  # of this thread or task
ANSWERS: ContextVar[Callable[..., Any] | None] = ContextVar("answers", default=None)  # makes the calls of `ask`
listening = 0  # how many there are of either, in all threads


def listener() -> Listener | None:
    """Who listens in this thread or task."""
    return LISTENER.get() if listening else None


def heard(array: Any) -> Any:
    """The array as one that tells whoever listens; itself if nobody does."""
    if not listening or not isinstance(array, np.ndarray):
        return array
    trace = LISTENER.get()
    return array if trace is None else trace.heard(array)


def bare(value: Any) -> Any:
    """The plain array of one that tells; anything else as it is."""
    return np.ndarray.view(value, np.ndarray) if isinstance(value, Heard) else value


def as_array(value: Any, dtype: Any = None) -> Any:
    """As np.asarray, and heard of."""
    if not listening:
        return np.asarray(value, dtype)
    if isinstance(value, list | tuple) and any(isinstance(each, Heard | list | tuple) for each in value):
        value = np.stack([as_array(each) for each in value])
    if not isinstance(value, Heard):
        return np.asarray(value, dtype)
    return value if dtype is None or value.dtype == dtype else value.astype(dtype)


def original_of(value: Any) -> Any:
    """The array in whose place a telling one is; anything else as it is."""
    return value.original if isinstance(value, Heard) and value.original is not None else value


def is_plain(value: Any) -> bool:
    """Whether it is an array that no tape follows."""
    return type(value) is np.ndarray or isinstance(value, Heard)


def ask(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """function(*args, **kwargs), which is called anew at each call of a traced step.

    For whatever does not follow from the arrays that the step is given: random numbers, the rate of a schedule, the
    next batch of an iterator, a check of values.

    Args:
        function: returns an array of the same shape and dtype each time, a number, a tuple of these, or None. A number
            may be handed to NumPy's functions and multiplied with arrays; Python cannot calculate with it. Text and
            truth values may be looked at, and have to stay as they are.
        args: of the function; arrays are given as plain ones, which may be written to if they are not the step's.
        kwargs: likewise.
    """
    if listening:
        trace = LISTENER.get()
        if trace is not None:
            asked: T = trace.ask(function, args, kwargs)
            return asked
        answers = ANSWERS.get()
        if answers is not None:
            answer: T = answers(function, args, kwargs)
            return answer
    return function(*args, **kwargs)


def read(owner: Any, name: str) -> Any:
    """The attribute of `owner`, an array that is exchanged for another one from time to time."""
    trace = listener()
    return getattr(owner, name) if trace is None else trace.read(owner, name)


def assign(owner: Any, name: str, value: Any) -> None:
    """Exchange it."""
    trace = listener()
    if trace is None:
        setattr(owner, name, value)
    else:
        trace.assign(owner, name, value)


def within(what: str) -> None:
    """Tell a trace what the calls to come belong to."""
    trace = listener()
    if trace is not None:
        trace.within(what)
