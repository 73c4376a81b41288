"""`nnlite.traced`: a function whose calls are listened to once, and from then on made by the program of what was heard.

The first call of each signature (shapes, strides and dtypes of arrays, values of everything else) runs as it stands.
The second runs as it stands once more, is compared with the first call by call, and the program's numbers with its own,
bit by bit: what was frozen by mistake is found there. From the third on the program runs alone.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, overload

import numpy as np

from nnlite.autodiff import hearing
from nnlite.autodiff.graph import RECORDERS
from nnlite.autodiff.hearing import LISTENER, bare
from nnlite.autodiff.tensor import Tensor, as_tensor, changed
from nnlite.traced.comparison import first_difference
from nnlite.traced.program import Program
from nnlite.traced.recording import Place, Trace, TracedValueError

P = ParamSpec("P")
R = TypeVar("R")

MOST_SIGNATURES = 16  # programs that are kept at a time, of a thread
_counting = threading.Lock()


class TracedStepError(RuntimeError):
    """A traced function does at its second call what its first call did not tell of."""


@dataclass
class Line:
    """What is known of one signature.

    Attributes:
        trace: of its latest run that was listened to.
        program: what was made of it.
        leaves: which leaves of the result are a Tensor (True), an array (False), or a value that stays.
        shape: the result, with its leaves replaced by their numbers.
        guards: tensors, and whether each had a gradient when the function was called.
        calls: how many there were.
    """

    trace: Trace
    program: Program
    leaves: list[Any]
    shape: Any
    guards: list[tuple[Tensor, bool]] = field(default_factory=list)
    calls: int = 1


class TracedStep(Generic[P, R]):
    """A function that is traced; see `traced`."""

    def __init__(self, function: Callable[P, R], checked: int) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._checked = checked
        self._threads = threading.local()
        self._latest: Line | None = None

    @property
    def source(self) -> str:
        """The program of the latest signature.

        Raises:
            RuntimeError: the function was not called yet.
        """
        return self._line().program.source

    @property
    def arrays(self) -> dict[str, Any]:
        """What the program refers to, by name: with these in its namespace, the source can be executed."""
        return self._line().program.arrays

    @property
    def memory(self) -> int:
        """How many bytes the program of the latest signature keeps from call to call."""
        return self._line().program.memory

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if RECORDERS.get() or LISTENER.get() is not None:
            return self._function(*args, **kwargs)  # a tape, or another trace, wants to hear all of it
        arrays: list[Any] = []
        key = _signature((args, kwargs) if kwargs else args, arrays)
        lines: dict[Any, Line] | None = getattr(self._threads, "lines", None)
        if lines is None:
            lines = self._threads.lines = {}
        line = lines.get(key)
        if line is not None and any((tensor._gradient is not None) is not had for tensor, had in line.guards):
            line = None
        if line is None:
            if len(lines) >= MOST_SIGNATURES:
                del lines[next(iter(lines))]
            line, result = self._trace(args, kwargs)
            lines[key] = line
            self._latest = line
            return result
        self._latest = line
        line.calls += 1
        if line.calls == 2 or (self._checked and line.calls % self._checked == 0):
            return self._compare(line, args, kwargs, arrays)
        return _replayed(line, arrays)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A method that is traced: of each object by itself."""
        if instance is None:
            return self
        name = f"_traced_{self._function.__name__}"
        if name not in instance.__dict__:
            instance.__dict__[name] = TracedStep(self._function.__get__(instance, owner), self._checked)
        return instance.__dict__[name]

    def _line(self) -> Line:
        if self._latest is None:
            raise RuntimeError(f"{self._function.__name__} was not called yet, so there is no program of it")
        return self._latest

    def _trace(self, args: Any, kwargs: Any) -> tuple[Line, Any]:
        trace, places, result = self._listen(args, kwargs)
        leaves: list[Any] = []
        results: list[Place] = []
        shape = _outline(result, leaves)
        kinds: list[Any] = []
        for each in leaves:
            if isinstance(each, np.ndarray):
                place = trace.place(bare(_plain(each)))
                if place.memory.kind == "outside" and not isinstance(each, Tensor):
                    raise TracedValueError(
                        "a result of this traced step was made by something that tells nobody of it, such as "
                        "np.asarray(x) of a tensor: call NumPy's functions with the tensor itself"
                    )
                results.append(place)
                kinds.append(isinstance(each, Tensor))
            else:
                kinds.append((each,))
        names = dict(_names_of(self._function, args))
        program = Program(trace, places, results, names, self._function.__name__)
        line = Line(trace, program, kinds, shape, list(trace.guards.values()))
        return line, _rebuilt(shape, [as_tensor(bare(_plain(each))) if kind is True else _unheard(each)
                                      for each, kind in zip(leaves, kinds, strict=True)])  # fmt: skip

    def _listen(self, args: Any, kwargs: Any) -> tuple[Trace, dict[str, Place], Any]:
        """Run the function while a trace listens: that, the arrays that it was given, and what it returned."""
        trace = Trace()
        places: dict[str, Place] = {}
        bound = inspect.signature(self._function).bind(*args, **kwargs)

        def given(value: Any, name: str) -> Any:
            if isinstance(value, np.ndarray):
                places[name] = trace.given(_plain(value), name)
                return value if isinstance(value, Tensor) else trace.heard(_plain(value))
            if type(value) in (list, tuple):
                return type(value)(given(each, f"{name}_{place}") for place, each in enumerate(value))
            if type(value) is dict:
                return {key: given(each, f"{name}_{key}") for key, each in value.items()}
            return value

        for name, value in bound.arguments.items():
            bound.arguments[name] = given(value, name)
        with _listening(trace):
            result = self._function(*bound.args, **bound.kwargs)
            for tensor in trace.tensors.values():
                if tensor._gradient is not None:
                    trace.assign(tensor, "_gradient", tensor.grad)
        return trace, places, result

    def _compare(self, line: Line, args: Any, kwargs: Any, arrays: list[Any]) -> Any:
        """Run both ways, and see whether they do the same to the bit."""
        state = _State(line.trace)
        trace, _, _ = self._listen(args, kwargs)
        different = first_difference(line.trace, trace)
        if different:
            raise TracedStepError(f"{self._function.__name__} is not the same at each call: {different}")
        state.restore()
        result = self._function(*args, **kwargs)  # and with nobody listening
        leaves: list[Any] = []
        shape = _outline(result, leaves)
        expected = [np.array(each, subok=False) for each in leaves if isinstance(each, np.ndarray | np.generic)]
        after = state.now()
        state.restore()
        replayed = _replayed(line, arrays)
        found: list[Any] = []
        _outline(replayed, found)
        again = [np.array(each, subok=False) for each in found if isinstance(each, np.ndarray | np.generic)]
        same = shape == line.shape and len(expected) == len(again) and all(map(_same, expected, again))
        if not same or not state.equals(after):
            state.put(after)
            raise TracedStepError(
                f"{self._function.__name__} gives other numbers when it is replayed: something in it was computed "
                "without NumPy telling of it (np.asarray(x), array[:] = x, np.full(2, x), a generator that was not "
                "asked by nnlite.ask)"
            )
        return replayed


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
    (`if loss > 3`, `float(loss)`) is refused. `step.source` is the program, `step.memory` what it keeps, in bytes.

    Args:
        function: what to trace. While a tape records, it runs as it stands.
        checked: compare also every so many calls; 0: the second alone.

    Raises:
        TracedValueError: at the first call: the function looks at a number.
        TracedStepError: at the second: it does not do the same again.
    """
    if function is None:
        return lambda wrapped: TracedStep(wrapped, checked)
    return TracedStep(function, checked)


@contextmanager
def _listening(trace: Trace) -> Iterator[None]:
    token = LISTENER.set(trace)
    with _counting:
        hearing.listening += 1
    try:
        yield
    finally:
        with _counting:
            hearing.listening -= 1
        LISTENER.reset(token)


def _replayed(line: Line, arrays: list[Any]) -> Any:
    results = line.program.run(*arrays)
    values = iter(results if type(results) is tuple else (results,))
    for tensor in line.trace.changed.values():
        changed(tensor)
    leaves = [
        kind[0] if isinstance(kind, tuple) else as_tensor(next(values)) if kind else next(values)[()]
        for kind in line.leaves
    ]
    return _rebuilt(line.shape, leaves)


def _signature(value: Any, arrays: list[Any]) -> Any:
    if isinstance(value, np.ndarray):
        array = value if type(value) is np.ndarray else _plain(value)
        arrays.append(array)
        return type(value), array.shape, array.strides, array.dtype
    if type(value) in (list, tuple):
        return tuple([_signature(each, arrays) for each in value])
    if type(value) is dict:
        return tuple([(name, _signature(each, arrays)) for name, each in value.items()])
    if isinstance(value, int | float | str | bytes | type(None)):
        return type(value), value
    return id(value)


def _outline(value: Any, leaves: list[Any]) -> Any:
    """The containers of a result, with the number of each leaf in its place."""
    if type(value) in (list, tuple):
        return type(value)(_outline(each, leaves) for each in value)
    if type(value) is dict:
        return {name: _outline(each, leaves) for name, each in value.items()}
    leaves.append(value)
    return len(leaves) - 1


def _rebuilt(shape: Any, leaves: list[Any]) -> Any:
    if type(shape) in (list, tuple):
        return type(shape)(_rebuilt(each, leaves) for each in shape)
    if type(shape) is dict:
        return {name: _rebuilt(each, leaves) for name, each in shape.items()}
    return leaves[shape]


def _plain(array: Any) -> Any:
    return np.ndarray.view(array, np.ndarray)


def _unheard(value: Any) -> Any:
    """As NumPy returns it: what has no axes as a scalar."""
    return bare(value)[()] if isinstance(value, np.ndarray) else value


def _same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


class _State:
    """What a trace's program changes, as it is now: to go back to, and to compare."""

    def __init__(self, trace: Trace) -> None:
        written = {
            id(place.memory): place.memory.array
            for call in trace.calls
            for place in call.results
            if isinstance(place, Place) and place.memory.kind == "outside"
        }
        self._arrays = list(written.values())
        owners = {
            id(owner): owner
            for call in trace.calls
            if call.kind == "ask" and (owner := getattr(call.function, "__self__", None)) is not None
        }
        self._owners = list(owners.values())
        self._stores = [(owner, name) for owner, name, _ in trace.stores.values()]
        self._gradients = list(trace.tensors.values())
        self._before = self.now()
        self._kept = [getattr(owner, name, None) for owner, name in self._stores]
        self._old_gradients = [tensor._gradient for tensor in self._gradients]

    def now(self) -> list[Any]:
        """All of it, copied."""
        stored = [getattr(owner, name, None) for owner, name in self._stores]
        return [
            [array.copy() for array in self._arrays],
            [_numbers(owner) for owner in self._owners],
            [None if each is None else np.array(each) for each in stored],
        ]

    def restore(self) -> None:
        """Go back to how it was."""
        self.put(self._before)
        for (owner, name), array in zip(self._stores, self._kept, strict=True):
            setattr(owner, name, array)
        for tensor, gradient in zip(self._gradients, self._old_gradients, strict=True):
            tensor._gradient = gradient

    def put(self, state: list[Any]) -> None:
        """Make it like this."""
        arrays, owners, stored = state
        for array, values in zip(self._arrays, arrays, strict=True):
            array[...] = values
        for owner, numbers in zip(self._owners, owners, strict=True):
            if isinstance(owner, np.random.Generator):
                owner.bit_generator.state = numbers
            else:
                vars(owner).update(numbers)
        for (owner, name), array in zip(self._stores, stored, strict=True):
            setattr(owner, name, array)

    def equals(self, state: list[Any]) -> bool:
        """Whether it is like this, to the bit."""
        arrays, owners, stored = self.now()
        return (
            all(map(_same, arrays, state[0]))
            and repr(owners) == repr(state[1])
            and all(
                one is other is None or (one is not None and other is not None and _same(one, other))
                for one, other in zip(stored, state[2], strict=True)
            )
        )


def _numbers(owner: Any) -> Any:
    """What a call of a method of `owner` may change: its random state, or the numbers among its attributes."""
    if isinstance(owner, np.random.Generator):
        return owner.bit_generator.state
    return {name: value for name, value in getattr(owner, "__dict__", {}).items() if type(value) in (int, float)}


def _names_of(function: Callable[..., Any], args: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """What to call the arrays of the layers, optimizers and tensors that a function refers to, by their address."""
    from nnlite.nn.layer import Layer  # noqa: PLC0415 - which this module knows nothing else of

    inner = inspect.unwrap(function)
    found: dict[str, Any] = {}
    try:
        variables = inspect.getclosurevars(getattr(inner, "__func__", inner))
        found |= {**variables.globals, **variables.nonlocals}
    except TypeError:
        pass
    owner = getattr(inner, "__self__", None)
    if owner is not None:
        found |= vars(owner)
    for name, value in found.items():
        if isinstance(value, Layer):
            for path, array in value.named_arrays():
                yield _address(array), f"{name}_{path.replace('.', '_')}"
        elif isinstance(value, np.ndarray):
            yield _address(value), name
        elif hasattr(value, "_moments") and hasattr(value, "parameters"):
            for moment, moments in value._moments().items():
                for place, array in enumerate(moments):
                    yield _address(array), f"{moment}_{place}"


def _address(array: Any) -> int:
    address: int = _plain(array).__array_interface__["data"][0]
    return address
