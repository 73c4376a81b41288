"""`nnlite.traced`: a function whose calls are listened to once, and from then on made by the program of what was heard.

The first call of each signature (shapes, strides and dtypes of arrays, values of everything else) runs as it stands.
The second is compared with it (see `comparison`): what was frozen by mistake is found there. From the third on the
program runs alone.
"""

import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, overload

import numpy as np

from nnlite.autodiff import hearing
from nnlite.autodiff.graph import RECORDERS
from nnlite.autodiff.hearing import ANSWERS, LISTENER
from nnlite.autodiff.methods import outdate, records_of
from nnlite.autodiff.tensor import Tensor, as_tensor
from nnlite.tracing.arrays import AskedNumber
from nnlite.tracing.comparison import WAY_OUT, Answers, State, TracedStepError, first_difference, same_numbers
from nnlite.tracing.naming import names_around
from nnlite.tracing.nesting import (
    as_plain,
    checksum,
    is_numbers,
    leaves_of,
    named_objects,
    outline_of,
    parameters_of,
    rebuilt,
    signature,
)
from nnlite.tracing.places import Asked, Place, TracedValueError, in_words
from nnlite.tracing.program import Program
from nnlite.tracing.recording import Trace
from nnlite.tracing.surroundings import Entry, Surroundings, is_asked

P = ParamSpec("P")
R = TypeVar("R")

MOST_SIGNATURES = 32  # programs that are kept at a time, of a thread
_counting = threading.Lock()


@dataclass
class Line:
    """What is known of one signature.

    Attributes:
        trace: of the first call.
        program: what was made of it.
        leaves: of each leaf of the result whether it is a Tensor (True), an array or a number (False), or as a tuple of
            one the value that it is always.
        outline: the result, with its leaves replaced by their positions.
        surroundings: what was there beside the arguments.
        gradients: tensors, and whether each had a gradient when the function was called.
        reads: attributes, each with an array of the form that it had.
        numbers: a checksum of the arrays of the first call; None once others have been compared.
        calls: how many there were.
        records: where the tensors that are written to keep what a tape has recorded of them.
    """

    trace: Trace
    program: Program
    leaves: list[Any]
    outline: Any
    surroundings: Surroundings
    gradients: list[tuple[Tensor, bool]]
    reads: list[tuple[Any, str, Any]]
    numbers: int | None
    calls: int = 1
    records: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.records = [record for tensor in self.trace.changed.values() for record in records_of(tensor)]

    def fits(self) -> bool:
        """Whether it is of the tensors' gradients and of the attributes as they are now."""
        for tensor, had in self.gradients:
            if tensor.has_grad is not had:
                return False
        for owner, name, array in self.reads:
            now = getattr(owner, name)
            if now.shape != array.shape or now.dtype != array.dtype:
                return False
        return True


class TracedStep(Generic[P, R]):
    """A function that is traced; see `traced`."""

    def __init__(self, function: Callable[P, R], checked: int) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._checked = checked
        self._threads = threading.local()
        self._latest: Line | None = None
        self._traces = self._replays = 0

    @property
    def source(self) -> str:
        """The program of the latest signature, as NumPy code.

        Raises:
            RuntimeError: the function was not called yet.
        """
        return self._line().program.source

    @property
    def arrays(self) -> dict[str, Any]:
        """What the program refers to, by name: with these in its namespace, the source can be executed."""
        return dict(self._line().program.arrays)

    @property
    def memory(self) -> int:
        """How many bytes the program of the latest signature keeps from call to call."""
        return self._line().program.memory

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, or the program of its calls of this signature."""
        if RECORDERS.get() or (hearing.listening and (LISTENER.get() is not None or ANSWERS.get() is not None)):
            return self._function(*args, **kwargs)  # a tape, or another trace, wants to hear all of it
        arrays: list[Any] = []
        objects: list[Any] = []
        key = signature((args, kwargs) if kwargs else args, arrays, objects)
        lines: dict[Any, list[Line]] | None = getattr(self._threads, "lines", None)
        if lines is None:
            lines = self._threads.lines = {}
        line = next((each for each in lines.get(key, ()) if each.fits()), None)
        dropped: list[Entry] = []
        if line is not None and not line.surroundings.stay():
            dropped = line.surroundings.changed()
            if not all(type(each.value) in (int, float) and type(each.now()) in (int, float) for each in dropped):
                lines[key].remove(line)
                line = None
        result: R
        if line is None:
            self._count_traces(dropped)
            line, result = self._trace(args, kwargs, arrays, objects)
            if sum(map(len, lines.values())) >= MOST_SIGNATURES:
                del lines[next(iter(lines))]
            lines.setdefault(key, []).append(line)
            self._latest = line
            return result
        self._latest = line
        new = line.numbers is not None and (line.calls == 1 or checksum(arrays) != line.numbers)
        if new or dropped or (self._checked and (line.calls + 1) % self._checked == 0):
            result = self._compare(line, lines[key], args, kwargs, arrays, objects)
            line.surroundings.keep([each for each in line.surroundings.entries if each not in dropped])
        else:
            result = _replayed(line, arrays)
        line.calls += 1
        self._replays += 1
        return result

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A method that is traced: of each object by itself."""
        if instance is None:
            return self
        name = f"_traced_{getattr(self._function, '__name__', 'step')}"
        if instance.__dict__.get(name) is None:
            instance.__dict__[name] = TracedStep(self._function.__get__(instance, owner), self._checked)
        return instance.__dict__[name]

    def __reduce__(self) -> Any:
        return type(None), ()  # a copy of an object that has it traces anew

    def _count_traces(self, changed: list[Entry]) -> None:
        """Warn if the function is traced over and over, which takes longer than to run it as it stands."""
        self._traces += 1
        if self._traces == 2 * MOST_SIGNATURES and self._replays < self._traces:
            what = ", ".join(each.name for each in changed) or "a value or shape among its arguments"
            warnings.warn(
                f"{self._name} was traced {self._traces} times and replayed {self._replays} times, as {what} changes "
                "from call to call: an array, or what nnlite.ask returns, may change",
                RuntimeWarning,
                stacklevel=3,
            )

    def _line(self) -> Line:
        if self._latest is None:
            raise RuntimeError(f"{self._name} was not called yet, so there is no program of it")
        return self._latest

    @property
    def _name(self) -> str:
        return str(getattr(self._function, "__name__", "step"))

    def _trace(self, args: Any, kwargs: Any, arrays: list[Any], objects: list[Any]) -> tuple[Line, Any]:
        """Run the function while a trace listens, and write its program."""
        numbers = checksum(arrays)
        before = Surroundings(self._function, objects)
        trace, given, result = self._listen(before, args, kwargs)
        leaves: list[Any] = []
        outline = outline_of(result, leaves)
        kinds = [isinstance(each, Tensor) if is_numbers(each) else (each,) for each in leaves]
        around = Surroundings(self._function, objects)
        moved = {each.identity for each in before.changed()}
        around.keep([each for each in around.entries if each.identity not in moved and not is_asked(each, trace)])
        own = names_around({**named_objects(self._function, args, kwargs), **around.variables})
        program = Program(trace, given, trace.results, own, self._name)
        gradients, reads = trace.gradients_at_first(), trace.reads()
        where = iter(trace.results)
        found = [_own(each, next(where)) if is_numbers(each) else each for each in leaves]
        trace.release()
        line = Line(trace, program, kinds, outline, around, gradients, reads, numbers)
        return line, rebuilt(outline, found)

    def _listen(self, around: Surroundings, args: Any, kwargs: Any) -> tuple[Trace, list[tuple[str, Place]], Any]:
        """Run the function while a trace listens: that, the arrays that it was given, and what it returned."""
        trace = Trace()
        places: list[tuple[str, Place]] = []
        names = parameters_of(self._function, args)

        def given(value: Any, name: str) -> Any:
            if isinstance(value, np.ndarray):
                place = trace.given(as_plain(value))
                places.append((name, place))
                return as_tensor(place.array) if isinstance(value, Tensor) else trace.heard(place.array)
            if type(value) in (list, tuple):
                return type(value)([given(each, f"{name}_{position}") for position, each in enumerate(value)])
            if type(value) is dict:
                return {key: given(each, f"{name}_{key}") for key, each in value.items()}
            return value

        positional = [given(value, name) for value, name in zip(args, names, strict=True)]
        keywords = {name: given(value, name) for name, value in kwargs.items()}
        with _told(LISTENER, trace), around.told_by(trace.heard):
            result = self._function(*positional, **keywords)
            for tensor, had in trace.gradients_at_first():
                if trace.place(as_plain(tensor)).memory.kind == "given":
                    raise TracedValueError(
                        "backward() gives an argument of a traced step a .grad: use tape.gradient(loss, [x]) for it, "
                        "and return that"
                    )
                if had or tensor.has_grad:
                    trace.within("gradients that stay")
                    trace.assign(tensor, "grad", tensor.grad)
            trace.results = [_result(trace, each) for each in leaves_of(result) if is_numbers(each)]
        return trace, places, result

    def _compare(
        self, line: Line, lines: list[Line], args: Any, kwargs: Any, arrays: list[Any], objects: list[Any]
    ) -> Any:
        """Run all three ways, and see whether they come to the same."""
        state, answers = State(line.trace, line.gradients), Answers()
        around = Surroundings(self._function, objects)
        with _told(ANSWERS, answers.first):
            result = self._function(*args, **kwargs)
        leaves: list[Any] = []
        outline = outline_of(result, leaves)
        expected = [np.array(as_plain(each)) if is_numbers(each) else each for each in leaves]
        after = state.now()
        try:
            self._check_surroundings(around, line.trace)
            state.restore()
            with _told(ANSWERS, answers.again):
                trace, _, _ = self._listen(around, args, kwargs)
            different = first_difference(line.trace, trace)
            if different:
                self._refuse(f"is not the same at each call: {different}")
            always = [each[0] if isinstance(each, tuple) else None for each in line.leaves]
            if outline != line.outline or not all(
                isinstance(kind, bool) or same_numbers(value, now)
                for kind, value, now in zip(line.leaves, always, expected, strict=True)
            ):
                self._refuse(f"returns another value than at first, {leaves!r:.200}: {WAY_OUT}")
            state.restore()
            answers.rewind()
            with line.program.answered_by(answers.again):
                replayed = _replayed(line, arrays)
            again = [np.array(as_plain(each)) if is_numbers(each) else each for each in leaves_of(replayed)]
            if not all(map(same_numbers, expected, again)) or not state.equals(after):
                self._refuse(
                    "gives other numbers when it is replayed: something in it was computed without NumPy telling of "
                    f"it (np.asarray(x), array[:] = x, np.full(2, x)); call functions of x itself, or {WAY_OUT}"
                )
        except BaseException:
            state.put(after)
            lines.remove(line)
            raise
        if line.numbers is not None and (not arrays or checksum(arrays) != line.numbers):
            line.numbers = None
        return replayed

    def _check_surroundings(self, around: Surroundings, trace: Trace) -> None:
        """Raise if the function itself changes what a program would leave as it is."""
        slipped = [each for each in around.changed() if not trace.keeps(each.owner, each.key)]
        if not slipped:
            return
        asked = [call.function for call in trace.calls if call.kind == "ask"]
        excused = {each.identity for function in asked for each in Surroundings(function, []).entries}
        for each in slipped:
            if each.identity not in excused:
                self._refuse(
                    f"changes {each.name} at each call ({in_words(around.line_of(each))}), which its program would "
                    f"not: do that outside the step or by nnlite.ask(function, ...), and {WAY_OUT}"
                )

    def _refuse(self, why: str) -> NoReturn:
        raise TracedStepError(f"{self._name} {why}")


@overload
def traced(function: Callable[P, R], /) -> TracedStep[P, R]: ...
@overload
def traced(*, checked: int = 0) -> Callable[[Callable[P, R]], TracedStep[P, R]]: ...
def traced(function: Callable[P, R] | None = None, /, *, checked: int = 0) -> Any:
    """Have a function run as the straight line of NumPy calls that its first call came to.

        @nnlite.traced
        def step(images, labels):
            with nnlite.GradientTape():
                loss = nnlite.softmax_cross_entropy(model(images, training=True), labels)
            loss.backward()
            optimizer.step()
            return loss

    The numbers are the same, to the bit. Each signature (shapes, strides and dtypes of arrays, values of everything
    else) is traced at its first call, and compared at its second. What may differ from call to call is an argument, an
    array that is changed in place, such as a parameter, or asked for by `nnlite.ask`. A value that Python looks at
    (`if loss > 3`, `float(loss)`) is refused. A layer or tensor that is exchanged for another one is noticed, and the
    function traced again. `step.source` is the program, `step.memory` what it keeps, in bytes.

    A program does what the function does with arrays, and nothing else: it does not print, log or count, unless by
    `nnlite.ask(print, "a step")`. What NumPy tells nobody of, such as np.asarray(loss), is found by comparison, as far
    as it makes a difference in the calls that are compared: `checked` says how often.

    Args:
        function: what to trace. While a tape records, it runs as it stands. Its results have memory of their own.
        checked: compare also every so many calls; 0: not after the first time with other numbers.

    Raises:
        TracedValueError: at the first call: the function looks at a number.
        TracedStepError: at the second: it does not do the same again.
    """
    if function is None:
        return lambda wrapped: TracedStep(wrapped, checked)
    return TracedStep(function, checked)


@contextmanager
def _told(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    """Have somebody listen, or answer, in this thread or task."""
    token = variable.set(value)
    with _counting:
        hearing.listening += 1
    try:
        yield
    finally:
        with _counting:
            hearing.listening -= 1
        variable.reset(token)


def _replayed(line: Line, arrays: list[Any]) -> Any:
    results = line.program.run(*arrays)
    values = iter(results if type(results) is tuple else (results,))
    outdate(line.records)
    leaves = [
        kind[0] if isinstance(kind, tuple) else as_tensor(next(values)) if kind else next(values)
        for kind in line.leaves
    ]
    return rebuilt(line.outline, leaves)


def _result(trace: Trace, leaf: Any) -> Place | Asked:
    """Where a result is.

    Raises:
        TracedValueError: nobody knows where it comes from.
    """
    if isinstance(leaf, AskedNumber):
        return leaf.asked
    place = trace.place(leaf) if isinstance(leaf, np.ndarray) else None
    if place is None or (place.memory.kind == "outside" and not isinstance(leaf, Tensor)):
        raise TracedValueError(
            "a result of this traced step was made by something that tells nobody of it, such as np.asarray(x): call "
            "NumPy's functions with the tensor itself"
        )
    return place


def _own(leaf: Any, result: Place | Asked) -> Any:
    """An array or number of the first result, as the caller gets it."""
    if isinstance(result, Asked):
        return result.value
    array = as_plain(leaf).copy()
    if isinstance(leaf, Tensor):
        return as_tensor(array)
    return array[()] if result.memory.scalar and array.ndim == 0 else array
