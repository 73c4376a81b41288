"""What a function did with arrays, call by call: the raw material of a program.

While a trace listens, each array that the function meets is seen through `Traced`, a view of the same memory that
tells of every call. A trace knows an array by its memory, never by the object: so it makes no difference how a view
came about, and what happens in place happens in place again when the program is replayed.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from nnlite.autodiff.accumulation import MatrixProduct, may_change
from nnlite.autodiff.hearing import ANSWERS, LISTENER, Heard, bare
from nnlite.autodiff.rule import WRITERS
from nnlite.tracing.arrays import AskedNumber, Traced, known, refuse
from nnlite.tracing.blas import add
from nnlite.tracing.places import (
    Asked,
    Call,
    Key,
    Kind,
    Memory,
    Place,
    TracedValueError,
    bounds_of,
    copied_with_gaps,
    in_words,
    is_dense,
    key_of,
    name_of,
    owner_of,
    places_in,
    users_line,
)
from nnlite.tracing.refusing import OF_FORM, check_shape, shows_itself


class Trace:
    """Listens to one run of a function.

    Attributes:
        calls: what the function did, in order.
        changed: tensors that were written to, by id.
        values: of which rule a memory is the value, and of which arguments.
        gradients: of what a memory is the gradient.
        part: what the calls to come belong to.
        errors: how floating-point errors are treated where the function begins.
        results: the arrays and numbers that the function returned.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.changed: dict[int, Any] = {}
        self._touched: dict[int, tuple[weakref.ref[Any], bool]] = {}
        self.values: dict[Memory, tuple[str, list[Memory]]] = {}
        self.gradients: dict[Memory, Memory] = {}
        self.part = ""
        self.errors: dict[str, Any] = {**np.geterr()}
        self.results: list[Place | Asked] = []
        self._attributes: dict[tuple[int, str], Any] = {}  # arrays that were read or assigned
        self._recorded: set[Memory] = set()
        self._places: dict[Key, Place] = {}
        self._owners: dict[int, list[tuple[int, int, Memory]]] = {}
        self._alive: list[Any] = []  # everything, so that no memory is used twice

    # What the engine tells.

    def heard(self, array: Any) -> Any:
        """The array as one that tells."""
        if type(array) is not np.ndarray:
            return array
        self.place(array)
        return np.ndarray.view(array, Traced)

    def within(self, what: str) -> None:
        """What the calls to come belong to."""
        self.part = what

    def ask(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call it now, and at each call of the program."""
        call = self._call("ask", function, args, kwargs)
        answers = ANSWERS.get()
        token = LISTENER.set(None)
        try:
            if answers is None:
                result = function(*known(args), **known(kwargs))
            else:
                result = answers(function, known(args), known(kwargs))
        finally:
            LISTENER.reset(token)
        self._alive.append(function)
        self.calls.append(call)
        if isinstance(result, tuple):
            call.several = True
            names = getattr(result, "_fields", [""] * len(result))
            return tuple(self._asked(call, each, position, names[position]) for position, each in enumerate(result))
        return self._asked(call, result, None)

    def read(self, owner: Any, name: str) -> Any:
        """The array that the owner has as this attribute."""
        key = id(owner), name
        if key not in self._attributes:
            token = LISTENER.set(None)
            try:
                array = np.asarray(getattr(owner, name))
            finally:
                LISTENER.reset(token)
            self._alive.append(owner)
            call = Call(None, (owner, name), kind="read", within=self.part, line=users_line())
            self.calls.append(call)
            call.results.append(self._new(array.copy("K"), "given", call))
            self._attributes[key] = call.results[0].array
        return self.heard(self._attributes[key])

    def assign(self, owner: Any, name: str, value: Any) -> None:
        """Have the owner keep another array as this attribute."""
        array = None if value is None else bare(value)
        place = None if array is None else self.place(array)
        self._alive.append(owner)
        self._attributes[id(owner), name] = array
        self.calls.append(Call(None, (owner, name, place), kind="store", within=self.part, line=users_line()))
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

    def may_change(self, array: Any) -> bool:
        """Whether somebody could write to an array before what was recorded of it is used, without a trace."""
        memory = self.place(array).memory
        return memory not in self._recorded if memory.kind == "kept" else may_change(memory.array)

    def stays(self, array: Any) -> bool:
        """Whether nobody does so here."""
        return self.place(array).memory.kind == "given"

    def separate(self, gradients: Mapping[Any, Any]) -> dict[Any, Any]:
        """Gradients as arrays that may be written to, each with memory of its own."""
        owned = {self.place(each.right).memory for each in gradients.values() if isinstance(each, MatrixProduct)}
        separate: dict[Any, Any] = {}
        for node, gradient in gradients.items():
            if isinstance(gradient, MatrixProduct):
                separate[node] = gradient
                continue
            place = self.place(gradient)
            array = place.array
            if place.memory.kind != "kept" or place.memory in owned | self._recorded or not is_dense(array):
                array = bare(self.heard(array).copy())
            owned.add(self.place(array).memory)
            separate[node] = array
        return separate

    def writable(self, array: Any) -> Any:
        """The array, or a copy if it is not the program's own to write to."""
        memory = self.place(array).memory
        own = memory.kind == "kept" and memory not in self._recorded
        return self.heard(array) if own else self.heard(array).copy()

    def touched(self, tensor: Any) -> None:
        """The gradient of a tensor is about to be used or to be changed."""
        if id(tensor) not in self._touched:
            self._touched[id(tensor)] = weakref.ref(tensor), tensor.has_grad
            if tensor.has_grad:
                tensor.grad = self.read(tensor, "grad")

    def gradients_at_first(self) -> list[tuple[Any, bool]]:
        """The tensors that are still there and whose `.grad` was touched, and whether each had one at first."""
        return [(tensor, had) for each, had in self._touched.values() if (tensor := each()) is not None]

    def keeps(self, owner: Any, name: str) -> bool:
        """Whether this attribute was read, or assigned to, by way of this trace."""
        return (id(owner), name) in self._attributes

    def was_changed(self, tensor: Any) -> None:
        """A tensor is written to."""
        self.changed[id(tensor)] = tensor

    def add(self, total: Any, addend: Any, scale: Any, keep: Any) -> None:
        """As `accumulate`."""
        place = self.place(total)
        self._check_writing(place)
        add(self, place, addend, scale, keep)

    # What arrays tell.

    def result(
        self, kind: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[..., Any]
    ) -> Any:
        """Make a call on plain arrays, and take note of it."""
        if function in OF_FORM:
            return run(*known(args), **known(kwargs))
        target = None
        if kind == "set":
            target = args[0]
        elif function in WRITERS:
            kind, target = "set", args[0] if args else kwargs[WRITERS[function]]
        call = self._call(kind, function, args, kwargs)
        check_shape(call)
        if target is not None:
            if shows_itself(function, args):
                return None
            call.results = [self.place(target)]
            self._check_writing(call.results[0])
            self.calls.append(call)
            return run(*known(args), **known(kwargs))
        written = kwargs.get("out")
        if written is not None:
            outs = [each for each in (written if isinstance(written, tuple) else (written,)) if each is not None]
            call.results = [self.place(each) for each in outs]
            for each in call.results:
                self._check_writing(each)
            result = run(*known(args), **known(kwargs))
            self.calls.append(call)
            return result if isinstance(result, tuple) else self.heard(bare(outs[0]))
        return self._made(call, run(*known(args), **known(kwargs)))

    def flagged(self, array: Any, writeable: bool) -> None:
        """Somebody said whether an array may be written to."""
        place = self.place(array)
        if place.view is None:
            (self._recorded.discard if writeable else self._recorded.add)(place.memory)

    def place(self, array: Any) -> Place:
        """Where an array lies; one that nobody has told of was there before."""
        told = isinstance(array, Heard) and array.original is None  # of others, it may be another trace that is told
        array = np.ndarray.view(array, np.ndarray)
        key = key_of(array)
        place = self._places.get(key)
        if place is not None:
            return place
        memory = self._memory_of(array)
        apart = memory is not None and memory.kind == "outside" and not is_dense(memory.array)
        if memory is not None and not apart:
            place = self._places[key] = self._view_of(memory, array)
            return place
        if told and not apart:
            line = in_words(users_line())
            raise TracedValueError(f"NumPy made an array of shape {array.shape} without telling anybody ({line})")
        return self._remember(Place(Memory("outside", array), array))

    def given(self, array: Any) -> Place:
        """An argument of the function, in memory of its own, as it is to be handed on."""
        copied = array.copy("K")
        if copied.strides != array.strides:
            copied = copied_with_gaps(array)
        copied.setflags(write=may_change(array))
        return self._new(copied, "given", None)

    def reads(self) -> list[tuple[Any, str, Any]]:
        """The attributes that were read, with an array of the form that each had."""
        return [(*call.args, call.results[0].array) for call in self.calls if call.kind == "read"]

    def release(self) -> None:
        """Let go of the numbers: the forms of arrays stay, and whatever was there before."""
        for place in {*self._places.values(), *places_in([[each.args, each.results] for each in self.calls])}:
            if place.memory.kind != "outside":
                object.__setattr__(place, "array", np.broadcast_to(np.empty((), place.array.dtype), place.array.shape))
                place.memory.array = np.broadcast_to(np.empty((), place.memory.array.dtype), place.memory.array.shape)
        self._places.clear()
        self._owners.clear()
        self._alive.clear()
        self._attributes = dict.fromkeys(self._attributes)

    # The rest.

    def _asked(self, call: Call, value: Any, position: int | None, name: str = "") -> Any:
        if value is None or isinstance(value, bool | str | np.bool):
            call.results.append(value)
            return value
        if isinstance(value, np.ndarray):
            made = self._new(np.array(value), "given", call)
            made.array.setflags(write=may_change(value))
            call.results.append(made)
            return self.heard(made.array)
        if not isinstance(value, int | float | np.generic):
            raise TypeError(
                f"nnlite.ask returned a {type(value).__name__} ({in_words(users_line())}): what it asks for is an "
                "array, a number, or a tuple of these"
            )
        asked = Asked(call, position, value, name)
        call.results.append(asked)
        return AskedNumber(asked)

    def _call(self, kind: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        placed = tuple([self._placed(each) for each in args])
        named = {name: self._placed(each) for name, each in kwargs.items()} if kwargs else kwargs
        errors: dict[str, Any] = {**np.geterr()}
        return Call(function, placed, named, kind=kind, within=self.part, errors=errors, line=users_line())

    def _placed(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self.place(value)
        if isinstance(value, AskedNumber):
            return value.asked
        if type(value) in (list, tuple):
            return type(value)([self._placed(each) for each in value])
        if type(value) is slice and any(isinstance(each, Heard) for each in (value.start, value.stop, value.step)):
            refuse("a slice up to an index from data")
        return value

    def _made(self, call: Call, result: Any) -> Any:
        self._alive.append(result)
        if isinstance(result, tuple | list) and all(isinstance(each, np.ndarray | np.generic) for each in result):
            return self._several(call, result)
        if not isinstance(result, np.ndarray | np.generic):
            refuse(name_of(call.function))
        array = np.asarray(result)
        place = self._seen(call, array)
        if place is None:
            self.calls.append(call)
            place = self._new(array, "kept", call)
            place.memory.scalar = isinstance(result, np.generic)
            call.results = [place]
        return np.ndarray.view(place.array, Traced)

    def _several(self, call: Call, result: Any) -> Any:
        """The results of a call that has several: each a view, or new."""
        places = [
            self._seen(Call(call, (position,), kind="part"), np.asarray(each)) for position, each in enumerate(result)
        ]
        if None in places:
            self.calls.append(call)
            places = [
                place or self._new(np.asarray(each), "kept", call) for place, each in zip(places, result, strict=True)
            ]
            call.several, call.results = True, list(places)
        made = [np.ndarray.view(place.array, Traced) for place in places if place is not None]
        return type(result)(made) if type(result) in (tuple, list) else type(result)(*made)

    def _seen(self, call: Call, array: Any) -> Place | None:
        """The place of what a call made, if it made a view."""
        memory = self._memory_of(array)
        if memory is None:
            return None
        key = key_of(array)
        if key not in self._places:
            inner = call.function if call.kind == "part" else call
            given = list(places_in((inner.args, inner.kwargs)))
            source = next((each for each in given if each.memory is memory), None)
            moving = any(each is not source and each.memory.kind != "outside" for each in given)
            if moving and call.kind != "part":
                refuse("an index computed from data")
            told = source is not None and not moving
            self._places[key] = Place(memory, array, source, call) if told else self._view_of(memory, array)
        return self._places[key]

    def _memory_of(self, array: Any) -> Memory | None:
        known_there = self._owners.get(id(owner_of(array)))
        if known_there is None or not array.size:
            return None
        low, high = bounds_of(array)
        return next((memory for begin, end, memory in known_there if begin <= low and high <= end), None)

    def _new(self, array: Any, kind: Kind, call: Call | None) -> Place:
        if kind == "kept" and not _is_whole(array):
            array = np.copy(array, order="K")
        return self._remember(Place(Memory(kind, array, -1 if call is None else len(self.calls) - 1), array))

    def _remember(self, place: Place) -> Place:
        array, owner = place.array, owner_of(place.array)
        self._alive.append(owner)
        self._places[key_of(array)] = place
        self._owners.setdefault(id(owner), []).append((*bounds_of(array), place.memory))
        return place

    def _view_of(self, memory: Memory, array: Any) -> Place:
        """A view that nobody told of, by where it lies."""
        whole = self._places[key_of(memory.array)]
        if not memory.array.flags.c_contiguous:
            axes = sorted(range(memory.array.ndim), key=lambda axis: -memory.array.strides[axis])
            whole = self.place(np.ndarray.view(memory.array, Traced).transpose(axes))
            if not whole.array.flags.c_contiguous:
                line = in_words(users_line())
                raise TracedValueError(f"a view of an array with gaps, made without telling anybody ({line})")
        offset = key_of(array)[0] - key_of(whole.array)[0]
        return Place(memory, array, whole, Call(None, (array.dtype, array.shape, offset, array.strides), kind="bounds"))

    def _check_writing(self, place: Place) -> None:
        if place.memory.kind == "given":
            raise TracedValueError(
                f"an argument of a traced step, or what it asked for, is written to ({in_words(users_line())}): "
                "compute a new array instead, such as x = x + 1 for x += 1"
            )


def _is_whole(array: Any) -> bool:
    """Whether nobody else has memory between the elements of an array."""
    return array.base is None or is_dense(array)
