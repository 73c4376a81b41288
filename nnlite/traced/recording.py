"""What a function did with arrays, call by call: the raw material of a program.

While a trace listens, each array that the function meets is seen through `Traced`, a view of the same memory that
tells of every call. A trace knows an array by its memory, never by the object: so it makes no difference how a view
came about, and what happens in place happens in place again when the program is replayed.

An array is one of these:

- *given*: an argument, what `ask` or `read` returned; another one at each call;
- *kept*: the result of a call; its memory is the program's own, and serves every call;
- *outside*: whatever was there before, such as a parameter; it is read, and written to, where it lies.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import byte_bounds

from nnlite.autodiff.accumulation import MatrixProduct, may_change
from nnlite.autodiff.hearing import LISTENER, Heard, bare

Kind = Literal["given", "kept", "outside"]
Key = tuple[int, tuple[int, ...], tuple[int, ...], str]

# What tells nothing of the numbers: the same for every call of this signature.
OF_FORM = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type, np.may_share_memory,
     np.shares_memory, np.iscomplexobj, np.isrealobj, np.einsum_path)
)  # fmt: skip
EMPTY = frozenset((np.empty_like,))


class TracedValueError(TypeError):
    """A traced function looked at a number that will be another one at the next call."""


@dataclass(eq=False)
class Memory:
    """A piece of memory that arrays lie in.

    Attributes:
        kind: whose it is.
        array: all of it, as it was while the function was traced; the program's own memory is made like it.
        made: the number of the call that made it; -1 of what was there before.
        name: what the program calls it, if that is known.
    """

    kind: Kind
    array: np.ndarray[Any, Any]
    made: int = -1
    name: str = ""


@dataclass(frozen=True, eq=False)
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


@dataclass(eq=False)
class Call:
    """A call, with arrays replaced by their places.

    Attributes:
        function: what was called; of a method or attribute of arrays its name.
        args: the positional arguments.
        kwargs: the keyword arguments.
        results: the places that it made or wrote to, in order.
        kind: "call", "method", "attribute", "item", "set", "ask", "read", "blas".
        within: what it belongs to, such as a rule.
        errors: how floating-point errors were to be treated.
        where: the line of the user's code that led here.
    """

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)
    kind: str = "call"
    within: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, eq=False)
class Asked:
    """A number that `ask` returned, which will be another one at the next call."""

    call: Call
    place: int | None
    value: Any
    name: str = ""


class AskedFloat(float):
    """A number that was asked for: it may be handed to a call, and not be calculated with."""

    asked: Asked

    def _refuse(self, *_: Any) -> Any:
        raise TracedValueError(
            "what nnlite.ask returned is another number at the next call: calculate in what is asked"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __neg__ = _refuse
    __pow__ = __rpow__ = __abs__ = __floordiv__ = __mod__ = __bool__ = _refuse


class Trace:
    """Listens to one run of a function."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.outside: list[Memory] = []
        self.stores: dict[tuple[int, str], tuple[Any, str, Any]] = {}  # what is to be an attribute of whom
        self.changed: dict[int, Any] = {}  # tensors that were written to
        self.tensors: dict[int, Any] = {}  # tensors that were given a gradient
        self.values: dict[Memory, tuple[str, list[Memory]]] = {}  # of which rule, of which arguments
        self.gradients: dict[Memory, Memory] = {}  # of what
        self.guards: dict[int, tuple[Any, bool]] = {}  # tensors, and whether each had a gradient at first
        self.within_what = ""
        self._recorded: set[Memory] = set()
        self._reads: dict[tuple[int, str], Any] = {}
        self._places: dict[Key, Place] = {}
        self._memories: list[tuple[int, int, Memory]] = []
        self._kept: list[Any] = []  # everything, so that no memory is used twice

    # What the engine tells.

    def heard(self, array: Any) -> Any:
        """The array as one that tells."""
        if not isinstance(array, np.ndarray) or isinstance(array, Traced):
            return array
        if type(array) is not np.ndarray:
            return array
        self.place(array)
        return np.ndarray.view(array, Traced)

    def within(self, what: str) -> None:
        """What the calls to come belong to."""
        self.within_what = what

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call it now, and at each call of the program."""
        call = self._call("ask", function, args, kwargs)
        token = LISTENER.set(None)
        try:
            result = function(*map(_known, args), **{name: _known(each) for name, each in kwargs.items()})
        finally:
            LISTENER.reset(token)
        self.calls.append(call)
        if isinstance(result, tuple):
            names = getattr(result, "_fields", [""] * len(result))
            return tuple(self._asked(call, each, place, names[place]) for place, each in enumerate(result))
        return self._asked(call, result, None)

    def read(self, owner: Any, name: str) -> Any:
        """The array that the owner has as this attribute."""
        key = id(owner), name
        if key in self.stores:
            return self.heard(self.stores[key][2])
        if key not in self._reads:
            call = Call(None, (owner, name), kind="read", within=self.within_what)
            array = bare(np.asarray(getattr(owner, name)))
            self._kept.append(owner)
            self.calls.append(call)
            call.results.append(self._new(array.view(), "given", call))
            self._reads[key] = call.results[0].array
        return self.heard(self._reads[key])

    def assign(self, owner: Any, name: str, value: Any) -> None:
        """Have the owner keep another array as this attribute."""
        array = bare(value)
        self.place(array)
        self.stores[id(owner), name] = owner, name, array
        setattr(owner, name, array)

    def recorded(self, value: Any, rule: str, arguments: Iterable[Any]) -> None:
        """A tape holds this value of a rule, which nobody may write to."""
        memory = self.place(value).memory
        self._recorded.add(memory)
        found = [self.place(each).memory for each in arguments if isinstance(each, np.ndarray)]
        self.values.setdefault(memory, (rule, found))

    def contributed(self, gradient: Any, argument: Any) -> None:
        """This is a gradient of that argument of a rule."""
        if isinstance(gradient, np.ndarray) and isinstance(argument, np.ndarray):
            memory = self.place(gradient).memory
            if memory.kind == "kept" and memory not in self.values:
                self.gradients.setdefault(memory, self.place(argument).memory)

    def fix(self, array: Any) -> None:
        """Nobody will write to an array any more."""
        self._recorded.add(self.place(array).memory)

    def may_change(self, array: Any) -> bool:
        """Whether somebody may write to an array, as far as anybody can know without a trace."""
        memory = self.place(array).memory
        return memory not in self._recorded and may_change(memory.array)

    def separate(self, gradients: Mapping[Any, Any]) -> dict[Any, Any]:
        """Gradients as arrays that may be written to, each with memory of its own."""
        owned = {self.place(each.right).memory for each in gradients.values() if isinstance(each, MatrixProduct)}
        separate: dict[Any, Any] = {}
        for node, gradient in gradients.items():
            if isinstance(gradient, MatrixProduct):
                separate[node] = gradient
                continue
            place = self.place(np.ndarray.view(gradient, np.ndarray))
            array = place.array
            if place.memory.kind != "kept" or place.memory in owned | self._recorded or not _is_dense(array):
                array = bare(self.heard(array).copy())
            owned.add(self.place(array).memory)
            separate[node] = array
        return separate

    def gradient_of(self, tensor: Any) -> Any:
        """The gradient of a tensor that is about to be given a further one."""
        if id(tensor) not in self.tensors:
            self.tensors[id(tensor)] = tensor
            self.guards[id(tensor)] = tensor, tensor.has_grad
            if tensor.has_grad:
                return self.read(tensor, "grad")
        return self.heard(tensor.grad)

    def was_changed(self, tensor: Any) -> None:
        """A tensor is written to."""
        self.changed[id(tensor)] = tensor

    def add(self, total: Any, addend: Any, scale: float, keep: float) -> None:
        """As `accumulate`, which says what BLAS can do."""
        from nnlite.traced.blas import add  # noqa: PLC0415 - which traces

        if isinstance(addend, MatrixProduct):
            addend = MatrixProduct(bare(addend.left), bare(addend.right))
        add(self, self.heard(bare(total)), addend, scale, keep)

    # What arrays tell.

    def result(
        self, kind: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]
    ) -> Any:
        """Make a call on plain arrays, and take note of it."""
        if function in OF_FORM:
            return run(*_known(args), **_known(kwargs))
        call = self._call(kind, function, args, kwargs)
        result = run(*_known(args), **_known(kwargs))
        written = _known(kwargs.get("out"))
        self._kept.append(result)
        if kind == "set":
            call.results = [call.args[0]]
            self._check_writing(call.args[0])
            self.calls.append(call)
            return None
        if written is not None:
            outs = [each for each in (written if isinstance(written, tuple) else (written,)) if each is not None]
            call.results = [self.place(each) for each in outs]
            for each in call.results:
                self._check_writing(each)
            self.calls.append(call)
            return result if isinstance(result, tuple) else self.heard(outs[0])
        return self._made(call, result)

    def place(self, array: Any) -> Place:
        """Where an array lies; one that nobody has told of was there before."""
        told, array = isinstance(array, Heard), np.ndarray.view(array, np.ndarray)
        key = _key(array)
        if key in self._places:
            return self._places[key]
        low, high = byte_bounds(array)
        for begin, end, memory in reversed(self._memories):
            if array.size and begin <= low and high <= end and high > low:
                place = self._view_of(memory, array)
                self._places[key] = place
                return place
        if told:
            raise TracedValueError(f"NumPy made an array of shape {array.shape} without telling anybody {where()}")
        memory = Memory("outside", array)
        self.outside.append(memory)
        return self._remember(Place(memory, array))

    def given(self, array: Any, name: str) -> Any:
        """An argument of the function, as it is to be handed on."""
        place = self._new(array, "given", None)
        place.memory.name = name
        return place

    # The rest.

    def _asked(self, call: Call, value: Any, place: int | None, name: str = "") -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, np.ndarray):
            made = self._new(value, "given", call)
            call.results.append(made)
            return self.heard(made.array)
        number = AskedFloat(value)
        number.asked = Asked(call, place, float(value), name)
        call.results.append(number.asked)
        return number

    def _call(self, kind: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        placed = tuple(map(self._placed, args)), {name: self._placed(each) for name, each in kwargs.items()}
        return Call(function, *placed, kind=kind, within=self.within_what, errors=dict(np.geterr()), where=where())

    def _placed(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self.place(value)
        if isinstance(value, AskedFloat):
            return value.asked
        if type(value) in (list, tuple):
            return type(value)(map(self._placed, value))
        if isinstance(value, MatrixProduct):
            raise TypeError("a product that is not computed yet")
        return value

    def _made(self, call: Call, result: Any) -> Any:
        if isinstance(result, tuple | list):
            results = [np.asarray(each) for each in result]
            self.calls.append(call)
            call.results = [self._new(each, "kept", call) for each in results]
            made = [self.heard(each.array) for each in call.results]
            return type(result)(made) if type(result) in (tuple, list) else type(result)(*made)
        if not isinstance(result, np.ndarray | np.generic):
            raise TracedValueError(_leaving(getattr(call.function, "__name__", str(call.function))))
        array = np.asarray(result)
        source = self._source(call, array)
        if source is not None:
            place = Place(source.memory, array, source, call)
            self._kept.append(array)
            self._places.setdefault(_key(array), place)
            return self.heard(array)
        self.calls.append(call)
        call.results = [self._new(array, "kept", call)]
        return self.heard(array)

    def _source(self, call: Call, array: Any) -> Place | None:
        """The argument that the result is a view of."""
        if not array.size:
            return None
        for each in call.args:
            if isinstance(each, Place) and each.array.size:
                begin, end = byte_bounds(each.memory.array)
                low, high = byte_bounds(array)
                if begin <= low and high <= end:
                    return each
        return None

    def _new(self, array: Any, kind: Kind, call: Call | None) -> Place:
        array = np.asarray(array)
        if array.base is not None and kind == "kept":
            array = np.copy(array, order="K") if not _is_whole(array) else array
        memory = Memory(kind, array, len(self.calls) - 1 if call is not None else -1)
        return self._remember(Place(memory, array))

    def _remember(self, place: Place) -> Place:
        array = place.array
        self._kept.append(array)
        self._places[_key(array)] = place
        if array.size:
            self._memories.append((*byte_bounds(array), place.memory))
        return place

    def _view_of(self, memory: Memory, array: Any) -> Place:
        """A view that nobody told of, by where it lies."""
        whole = Place(memory, memory.array)
        offset = byte_bounds(array)[0] - byte_bounds(memory.array)[0]
        if any(step < 0 for step in array.strides):
            raise TracedValueError(f"a view in reverse that nobody told of {where()}")
        call = Call("as_view", (whole, array.dtype, array.shape, offset, array.strides), kind="method")
        return Place(memory, array, whole, call)

    def _check_writing(self, place: Place) -> None:
        if place.memory.kind == "given":
            raise TracedValueError(f"an argument of a traced step is written to {where()}: compute a new array instead")


class Traced(Heard):
    """A plain array, whose uses a trace hears of."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        outs = kwargs.get("out", ())
        if any(isinstance(each, np.ndarray) and type(each) not in (np.ndarray, Traced) for each in (*args, *outs)):
            return NotImplemented
        run = getattr(ufunc, method)
        trace = LISTENER.get()
        if trace is None or not isinstance(trace, Trace):
            return run(*_known(args), **_known(kwargs))
        if method == "at":
            trace.result("set", run, args, kwargs, run)
            return None
        return trace.result("call", ufunc if method == "__call__" else (ufunc, method), args, kwargs, run)

    def __array_function__(self, func: Any, types: Iterable[type], args: Any, kwargs: Any) -> Any:
        if not all(issubclass(each, Heard) or each is np.ndarray for each in types):
            return NotImplemented
        trace = LISTENER.get()
        if trace is None or not isinstance(trace, Trace):
            return func(*_known(tuple(args)), **_known(kwargs))
        return trace.result("call", func, tuple(args), dict(kwargs), func)

    def __getitem__(self, index: Any) -> Any:
        return _tell(self, "item", "__getitem__", (index,))

    def __setitem__(self, index: Any, value: Any) -> None:
        _tell(self, "set", "__setitem__", (index, value))

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose."""
        return _tell(self, "attribute", "T", ())

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """The transpose of each matrix."""
        return _tell(self, "attribute", "mT", ())

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """As np.ndarray.setflags; what is made read-only cannot change any more."""
        super().setflags(write=write, align=align, uic=uic)
        trace = LISTENER.get()
        if write is not None and not write and isinstance(trace, Trace):
            trace.fix(self)

    def __iter__(self) -> Any:
        return (self[place] for place in range(len(self)))


def _tell(array: Traced, kind: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
    trace = LISTENER.get()
    member = getattr(np.ndarray, name)

    def run(array: Any, *args: Any, **kwargs: Any) -> Any:
        return member.__get__(array) if kind == "attribute" else member(array, *args, **kwargs)

    if trace is None or not isinstance(trace, Trace):
        return run(*_known((array, *args)), **_known(kwargs or {}))
    return trace.result(kind, name, (array, *args), kwargs or {}, run)


def _method(name: str) -> Any:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return _tell(self, "method", name, args, kwargs)

    method.__name__ = name
    return method


def _leaving(name: str) -> str:
    return (
        f"{name} looks at the numbers of an array {where()}, which will be others at the next call of this traced "
        "step: leave the decision to NumPy (np.where, np.minimum), ask for it at each call (nnlite.ask(function, ...)), "
        "or do it outside the step"
    )


def _refusal(name: str, shown: str) -> Any:
    member = getattr(np.ndarray, name)

    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        if LISTENER.get() is None:
            return member(bare(self), *args, **kwargs)
        raise TracedValueError(_leaving(shown))

    method.__name__ = name
    return method


METHODS = [
    "all",
    "any",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "astype",
    "choose",
    "clip",
    "compress",
    "conj",
    "conjugate",
    "copy",
    "cumprod",
    "cumsum",
    "diagonal",
    "dot",
    "flatten",
    "max",
    "mean",
    "min",
    "nonzero",
    "prod",
    "ravel",
    "repeat",
    "reshape",
    "round",
    "searchsorted",
    "squeeze",
    "std",
    "sum",
    "swapaxes",
    "take",
    "trace",
    "transpose",
    "var",
    "view",
]
SETTERS = ("fill", "partition", "put", "sort", "itemset")
REFUSED = {
    "__bool__": "a condition (if, and, not, assert)",
    "__float__": "float(x)",
    "__int__": "int(x)",
    "__index__": "an index or range",
    "__complex__": "complex(x)",
    "__contains__": "`in`",
    "item": "x.item()",
    "tolist": "x.tolist()",
    "tobytes": "x.tobytes()",
    "__reduce__": "pickling",
    "__reduce_ex__": "pickling",
}
for _name in METHODS:
    setattr(Traced, _name, _method(_name))
for _name, _shown in REFUSED.items():
    setattr(Traced, _name, _refusal(_name, _shown))
for _name in SETTERS:
    if hasattr(np.ndarray, _name):
        setattr(Traced, _name, lambda self, *args, _name=_name, **kwargs: _tell(self, "set", _name, args, kwargs))


def _known(value: Any) -> Any:
    """`value` in terms of plain arrays and numbers."""
    if isinstance(value, Heard):
        return bare(value)
    if isinstance(value, AskedFloat):
        return value.asked.value
    if type(value) in (list, tuple):
        return type(value)(map(_known, value))
    if type(value) is dict:
        return {name: _known(each) for name, each in value.items()}
    return value


def _key(array: Any) -> Key:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def _is_dense(array: Any) -> bool:
    return all(step for step, length in zip(array.strides, array.shape, strict=True) if length > 1)


def _is_whole(array: Any) -> bool:
    low, high = byte_bounds(array)
    return bool(high - low == array.nbytes)


def where() -> str:
    """The line of the user's code that led here."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith(("nnlite.", "numpy.", "contextlib")) and name not in ("nnlite", "numpy"):
            return f"(in {frame.f_code.co_filename}, line {frame.f_lineno})"
        frame = frame.f_back
    return ""
