"""A program: the calls of a trace, written as the NumPy code that makes them again.

Every array that a call makes has memory of its own, which is kept from call to call; views of it are made once. Arrays
of the same form whose lives do not overlap share it. What is written here is what is executed: there is no other form
of a program than its source.
"""

import itertools
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nnlite.traced.recording import EMPTY, Asked, Call, Memory, Place, Trace

# What takes `out` and computes the same with it.
WITH_OUT = {
    np.sum, np.prod, np.max, np.min, np.amax, np.amin, np.mean, np.std, np.var, np.cumsum, np.cumprod, np.take,
    np.concatenate, np.stack, np.clip, np.dot, np.einsum, np.argmax, np.argmin, np.round, np.compress, np.all, np.any,
}  # fmt: skip
REDUCTIONS = {np.sum: "add", np.prod: "multiply", np.max: "maximum", np.min: "minimum"}
FILLED = {np.zeros_like: 0, np.ones_like: 1}
METHODS_OF_NUMPY = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
INDENT = "    "
NOUNS = {
    np.add: "sum", np.subtract: "difference", np.multiply: "product", np.divide: "quotient", np.matmul: "product",
    np.exp: "exponentials", np.log: "logarithms", np.maximum: "larger", np.minimum: "smaller", np.negative: "negative",
    np.square: "squares", np.sqrt: "roots", np.mean: "mean", np.var: "variance", np.sum: "total",
    "__getitem__": "chosen", "astype": "converted", "copy": "copied",
}  # fmt: skip
REDUCED = {np.add: "total", np.maximum: "highest", np.minimum: "lowest", np.multiply: "product"}


class Program:
    """The program of a trace.

    Args:
        trace: of one run.
        arguments: the places of the arrays that the function was given, by name, in order.
        results: the places of what it returned, in order.
        names: what to call arrays that were there before, by the address of their memory.
        called: the name of the function.

    Attributes:
        source: the whole of it.
        run: the function, which takes the arrays that were given and returns the results, each with memory of its own.
        arrays: what the source refers to, by name.
        memory: how many bytes the program keeps.
    """

    def __init__(
        self,
        trace: Trace,
        arguments: Mapping[str, Place],
        results: list[Place],
        names: Mapping[int, str],
        called: str,
    ) -> None:
        self.arrays: dict[str, Any] = {}
        self.memory = 0
        self._trace = trace
        self._names: dict[Any, str] = {}  # of memories and places
        self._taken = {*keyword.kwlist, "np", called}
        self._own = names
        self._functions: dict[Any, str] = {}
        self._views: set[Place] = set()
        self._prelude: list[str] = []
        self._body: list[str] = []
        for name, place in arguments.items():
            self._names[place.memory] = self._fresh(name)
        self._share_memory(results)
        self._write_body()
        returned = ", ".join(f"{self._name(each)}.copy()" for each in results)
        parameters = ", ".join(self._names[place.memory] for place in arguments.values())
        body = self._body or ["pass"]
        lines = [
            "import numpy as np",
            *self._imports(),
            "",
            *self._prelude,
            "",
            "",
            f"def {called}({parameters}):",
            *(INDENT + line for line in body),
            f"{INDENT}return {returned or None}",
        ]
        self.source = "\n".join(lines) + "\n"
        space: dict[str, Any] = dict(self.arrays)
        exec(compile(self.source, f"<the program of {called}>", "exec"), space)  # noqa: S102 - of our own making
        self.run: Callable[..., tuple[Any, ...]] = space[called]

    # Memory.

    def _share_memory(self, results: list[Place]) -> None:
        """Which memories are one: of the same form, the one made after the other was last used."""
        calls = self._trace.calls
        last: dict[Memory, int] = {}
        for number, call in enumerate(calls):
            for place in _places((call.args, call.kwargs, call.results)):
                last[place.memory] = number
        end = len(calls)
        for place in _places((results, [each[2] for each in self._stores()])):
            last[place.memory] = end
        free: dict[Any, list[Memory]] = {}
        ending: dict[int, list[Memory]] = {}
        self._shared: dict[Memory, Memory] = {}
        for number, call in enumerate(calls):
            for place in call.results:
                memory = place.memory if isinstance(place, Place) else None
                if memory is None or memory.kind != "kept" or memory.made != number or memory in self._shared:
                    continue
                form = _form(memory.array)
                waiting = free.setdefault(form, [])
                self._shared[memory] = waiting.pop() if waiting else memory
                ending.setdefault(last[memory], []).append(self._shared[memory])
            for memory in ending.pop(number, ()):
                free.setdefault(_form(memory.array), []).append(memory)

    def _stores(self) -> list[tuple[Any, str, Place]]:
        return [(owner, name, self._trace.place(array)) for owner, name, array in self._trace.stores.values()]

    # Names.

    def _fresh(self, wanted: str) -> str:
        base = re.sub(r"\W+", "_", wanted).strip("_") or "array"
        base = f"_{base}" if base[0].isdigit() else base
        if base not in self._taken:
            self._taken.add(base)
            return base
        name = next(each for k in itertools.count(2) if (each := f"{base}_{k}") not in self._taken)
        self._taken.add(name)
        return name

    def _function(self, function: Any, called: str = "") -> str:
        """How a function is spelled."""
        if isinstance(function, tuple):
            return f"{self._function(function[0])}.{function[1]}"
        name = getattr(function, "__name__", "function")
        if getattr(np, name, None) is function:
            return f"np.{name}"
        if getattr(np.linalg, name, None) is function:
            return f"np.linalg.{name}"
        key = _identity(function)
        if key not in self._functions:
            self._functions[key] = self._fresh((called or name).strip("_"))
            self.arrays[self._functions[key]] = function
        return self._functions[key]

    def _imports(self) -> Iterator[str]:
        blas = sorted(name for name in self._functions.values() if name in ("sgemm", "dgemm", "saxpy", "daxpy"))
        if blas:
            yield f"from scipy.linalg.blas import {', '.join(blas)}"
            for name in blas:
                self.arrays.pop(name, None)

    def _name(self, place: Place) -> str:
        """The name of an array; what it takes to have it is written where it is due."""
        if place in self._names:
            return self._names[place]
        if place.view is None or place.source is None:
            return self._name_of_memory(place.memory)
        source = self._name(place.source)
        known = next((each for each in self._views if _same_array(each, place)), None)
        if known is not None:
            return self._names[known]
        text, suffix = self._view(place.view, source)
        name = self._fresh(f"{source}_{suffix}")
        self._names[place] = name
        self._views.add(place)
        (self._body if place.memory.kind == "given" else self._prelude).append(f"{name} = {text}")
        return name

    def _name_of_memory(self, memory: Memory) -> str:
        if memory in self._names:
            return self._names[memory]
        array = memory.array
        if memory.kind == "outside":
            name = self._fresh(self._own.get(_address(array), "constant"))
            self.arrays[name] = array
            self._prelude.append(f"# {name}: {array.dtype} {array.shape}")
        else:
            name = self._fresh(self._wanted(memory))
            shared = self._shared.get(memory, memory)
            if shared is not memory:
                self._prelude.append(f"{name} = {self._name_of_memory(shared)}  # done with by then")
            else:
                self.memory += array.nbytes
                self._prelude.append(f"{name} = {_made(array)}")
        self._names[memory] = name
        return name

    def _wanted(self, memory: Memory) -> str:
        """What the program's own memory is to be called: by what it is, or by what it is computed with."""
        if memory in self._trace.gradients:
            return f"d_{self._name_of_memory(self._trace.gradients[memory])}"
        if memory in self._trace.values:
            rule, arguments = self._trace.values[memory]
            weights = (self._own.get(_address(each.array), "") for each in arguments if each.kind == "outside")
            layer = next((each.removesuffix("_weight") for each in weights if each.endswith("_weight")), "")
            return layer or rule
        function = self._trace.calls[memory.made].function
        if isinstance(function, tuple):
            return REDUCED.get(function[0], function[0].__name__)
        return NOUNS.get(function, getattr(function, "__name__", str(function)).strip("_"))

    def _view(self, call: Call, source: str) -> tuple[str, str]:
        """The expression of a view, and what distinguishes its name."""
        if call.kind == "attribute":
            return f"{source}.{call.function}", str(call.function)
        if call.function == "as_view":
            _, dtype, shape, offset, strides = call.args
            text = f"np.ndarray({shape}, np.dtype({dtype.str!r}), {source}.base if False else {source}.data, {offset}, {strides})"
            return text, "view"
        if call.kind == "item":
            return f"{source}[{self._index(call.args[1])}]", "part"
        if call.kind == "method":
            return f"{source}.{call.function}({self._given(call.args[1:], call.kwargs)})", str(call.function)
        return f"{self._function(call.function)}({self._given(call.args, call.kwargs)})", "view"

    # Calls.

    def _write_body(self) -> None:
        within, errors, base = "", {}, self._trace.calls[0].errors if self._trace.calls else {}
        errors = base
        for call in self._trace.calls:
            if call.within != within:
                within = call.within
                if self._body:
                    self._body.append("")
                self._body.append(f"# {within}")
            start = len(self._body)
            lines = self._lines(call)
            if call.errors and call.errors != base:
                changed = {name: how for name, how in call.errors.items() if base.get(name) != how}
                state = ", ".join(f"{name}={how!r}" for name, how in changed.items())
                lines = [f"with np.errstate({state}):", *(INDENT + line for line in lines)]
            del start
            self._body += lines
        for owner, name, place in self._stores():
            self._body.append(f"{self._object(owner)}.{name} = {self._name(place)}.copy()")
        del errors

    def _object(self, owner: Any) -> str:
        key = ("object", id(owner))
        if key not in self._functions:
            self._functions[key] = self._fresh(type(owner).__name__.lower())
            self.arrays[self._functions[key]] = owner
        return self._functions[key]

    def _lines(self, call: Call) -> list[str]:
        if call.kind == "read":
            owner, name = call.args
            (place,) = call.results
            self._names[place.memory] = self._fresh(f"{self._object(owner)}_{name}")
            return [f"{self._names[place.memory]} = {self._object(owner)}.{name}"]
        if call.kind == "ask":
            return self._asking(call)
        if call.kind == "blas":
            return self._blas(call)
        if call.kind == "set":
            return [self._setting(call)]
        function, kwargs = call.function, dict(call.kwargs)
        out = kwargs.pop("out", None)
        if out is not None:
            names = [self._text(each) for each in (out if isinstance(out, tuple) else (out,))]
            given = self._given(call.args, kwargs)
            return [f"{self._function(function)}({given}, out={names[0] if len(names) == 1 else _tuple(names)})"]
        results = [self._name(each) for each in call.results]
        if function in EMPTY:
            return []
        if function in FILLED:
            return [f"{results[0]}.fill({FILLED[function]})"]
        if len(results) != 1:
            names = [self._fresh("part") for _ in results]
            text = f"{_tuple(names)} = {self._calling(call, kwargs)}"
            return [text, *(f"{each}[...] = {part}" for each, part in zip(results, names, strict=True))]
        (result,) = results
        array = call.results[0].array
        if call.kind == "method" and call.function == "astype":
            return [f'np.copyto({result}, {self._text(call.args[0])}, casting="unsafe")']
        if (
            call.kind == "method" and call.function in ("copy", "flatten") and call.args[0].array.shape == array.shape
        ) or (function is np.copy):
            return [f"np.copyto({result}, {self._text(call.args[0])})"]
        if call.kind == "method" and call.function in METHODS_OF_NUMPY:
            function = METHODS_OF_NUMPY[call.function]
        if function in REDUCTIONS and array.dtype == call.args[0].array.dtype and len(call.args) <= 2:
            axis = call.args[1] if len(call.args) > 1 else kwargs.pop("axis", None)
            more = f", {self._given((), kwargs)}" if kwargs else ""
            name = f"np.{REDUCTIONS[function]}.reduce"
            return [f"{name}({self._text(call.args[0])}, axis={axis!r}{more}, out={result})"]
        ufunc = isinstance(function, np.ufunc) or isinstance(function, tuple)
        if ufunc or (call.kind == "call" and function in WITH_OUT and array.dtype.char != "e"):
            given = self._given(call.args, kwargs)
            return [f"{self._function(function)}({given}, out={result})"]
        return [f"{result}[...] = {self._calling(call, kwargs)}"]

    def _calling(self, call: Call, kwargs: dict[str, Any]) -> str:
        if call.kind == "item":
            return f"{self._text(call.args[0])}[{self._index(call.args[1])}]"
        if call.kind == "method":
            return f"{self._text(call.args[0])}.{call.function}({self._given(call.args[1:], kwargs)})"
        if call.kind == "attribute":
            return f"{self._text(call.args[0])}.{call.function}"
        return f"{self._function(call.function)}({self._given(call.args, kwargs)})"

    def _setting(self, call: Call) -> str:
        if call.function == "__setitem__":
            array, index, value = call.args
            return f"{self._text(array)}[{self._index(index)}] = {self._text(value)}"
        if isinstance(call.function, str):
            return f"{self._text(call.args[0])}.{call.function}({self._given(call.args[1:], call.kwargs)})"
        ufunc = call.function.__self__
        return f"{self._function(ufunc)}.at({self._given(call.args, call.kwargs)})"

    def _asking(self, call: Call) -> list[str]:
        owner = getattr(call.function, "__self__", None)
        name = call.function.__name__
        bound = owner is not None and not isinstance(owner, type(np))
        text = f"{self._object(owner)}.{name}" if bound else self._function(call.function)
        text += f"({self._given(call.args, call.kwargs)})"
        if not call.results:
            return [text]
        names = []
        for each in call.results:
            names.append(self._fresh(each.name if isinstance(each, Asked) and each.name else name.strip("_")))
            self._names[each.memory if isinstance(each, Place) else _asked_key(each)] = names[-1]
        single = not (isinstance(call.results[0], Asked) and call.results[0].place is not None)
        return [f"{names[0] if single and len(names) == 1 else _tuple(names)} = {text}"]

    def _blas(self, call: Call) -> list[str]:
        kind = {"f": "s", "d": "d"}.get(call.kwargs["kind"], "")
        target, *operands, scale, keep = call.args
        scale_text, keep_text = self._text(scale), self._text(keep)
        if call.function == "gemm":
            from scipy.linalg import blas  # noqa: PLC0415 - slow to import

            name = self._function(getattr(blas, f"{kind}gemm"), f"{kind}gemm")
            (right, turn_right), (left, turn_left) = operands
            matrices = f"{self._name(right)}, {self._name(left)}"
            turned = f"{int(turn_right)}, {int(turn_left)}"
            return [f"{name}({scale_text}, {matrices}, {keep_text}, {self._name(target)}, {turned}, 1)"]
        (addend,) = operands
        lines = [] if keep == 1.0 and not isinstance(keep, Asked) else [f"{self._name(target)} *= {keep_text}"]
        if lines:
            lines = [f"np.multiply({self._name(target)}, {keep_text}, out={self._name(target)})"]
        if call.function == "axpy":
            from scipy.linalg import blas  # noqa: PLC0415 - slow to import

            name = self._function(getattr(blas, f"{kind}axpy"), f"{kind}axpy")
            return [*lines, f"{name}({self._name(addend)}, {self._name(target)}, a={scale_text})"]
        total = self._name(target)
        return [*lines, f"np.add({total}, {scale_text} * {self._name(addend)}, out={total})"]

    # Values.

    def _given(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        return ", ".join([*map(self._text, args), *(f"{name}={self._text(each)}" for name, each in kwargs.items())])

    def _index(self, index: Any) -> str:
        if isinstance(index, tuple):
            return ", ".join(map(self._index, index)) + ("," if len(index) == 1 else "") if index else "()"
        if isinstance(index, slice):
            start, stop, step = (
                ("" if each is None else self._text(each)) for each in (index.start, index.stop, index.step)
            )
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return self._text(index)

    def _text(self, value: Any) -> str:
        if isinstance(value, Place):
            return self._name(value)
        if isinstance(value, Asked):
            return self._names[_asked_key(value)]
        if isinstance(value, list):
            return f"[{', '.join(map(self._text, value))}]"
        if isinstance(value, tuple):
            return _tuple(list(map(self._text, value)))
        if value is Ellipsis:
            return "..."
        if (
            value is None
            or isinstance(value, bool | int | str)
            or (isinstance(value, float) and repr(value)[-1].isdigit())
        ):
            if type(value) in (bool, int, float, str, type(None)):
                return repr(value)
        if isinstance(value, np.dtype):
            return f"np.dtype({value.str!r})"
        if isinstance(value, type) and getattr(np, value.__name__, None) is value:
            return f"np.{value.__name__}"
        if isinstance(value, slice):
            return f"slice({self._text(value.start)}, {self._text(value.stop)}, {self._text(value.step)})"
        if isinstance(value, np.generic):
            return f"np.{type(value).__name__}({value.item()!r})" if np.isfinite(value) else self._constant(value)
        return self._constant(value)

    def _constant(self, value: Any) -> str:
        key = ("constant", id(value))
        if key not in self._functions:
            self._functions[key] = self._fresh(getattr(value, "__name__", type(value).__name__))
            self.arrays[self._functions[key]] = value
        return self._functions[key]


def _places(value: Any) -> Iterator[Place]:
    if isinstance(value, Place):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _places(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _places(each)


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _identity(function: Any) -> Any:
    try:
        hash(function)
    except TypeError:
        return id(function)
    return function


def _asked_key(asked: Asked) -> Any:
    return ("asked", id(asked.call), asked.place)


def _form(array: Any) -> Any:
    return array.shape, array.strides, array.dtype


def _made(array: Any) -> str:
    dtype = f"np.{array.dtype.name}" if getattr(np, array.dtype.name, None) else repr(array.dtype.str)
    if array.flags.c_contiguous:
        return f"np.empty({array.shape}, {dtype})"
    if array.flags.f_contiguous:
        return f'np.empty({array.shape}, {dtype}, order="F")'
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    shape = tuple(array.shape[axis] for axis in order)
    back = tuple(sorted(range(array.ndim), key=lambda axis: order[axis]))
    return f"np.empty({shape}, {dtype}).transpose({back})"


def _same_array(one: Place, other: Place) -> bool:
    return one.memory is other.memory and one.array.__array_interface__ == other.array.__array_interface__


def _tuple(names: list[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
