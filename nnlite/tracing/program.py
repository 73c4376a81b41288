"""A program: the calls of a trace, written as the NumPy code that makes them again.

Every array that a call makes has memory of its own, which is kept from call to call; views of it are made once. Arrays
whose lives do not overlap share it. What is written here is what is executed: there is no other form of a program than
its source.
"""

import linecache
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnlite.tracing.naming import Names, Spelling, listed, memory_text
from nnlite.tracing.places import Asked, Call, Memory, Place, key_of
from nnlite.tracing.recording import Trace
from nnlite.tracing.sharing import shared_memory

# What takes `out` and computes the same with it.
WITH_OUT = {
    np.sum, np.prod, np.max, np.min, np.amax, np.amin, np.mean, np.std, np.var, np.cumsum, np.cumprod, np.take,
    np.concatenate, np.stack, np.clip, np.argmax, np.argmin, np.round, np.all, np.any,
}  # fmt: skip
REDUCTIONS = {np.sum: "add", np.prod: "multiply", np.max: "maximum", np.min: "minimum"}
FILLED = {np.zeros_like: 0, np.ones_like: 1}
METHODS_OF_NUMPY = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
INDENT = "    "


class Program:
    """The program of a trace.

    Args:
        trace: of one run.
        arguments: the names and places of the arrays that the function was given, in order.
        results: the places, and numbers that were asked for, of what it returned, in order.
        own: what to call arrays that were there before, by their address.
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
        arguments: list[tuple[str, Place]],
        results: list[Place | Asked],
        own: Mapping[int, str],
        called: str,
    ) -> None:
        called = called if called.isidentifier() else "step"
        self.memory = 0
        self._trace = trace
        self._names = Names(trace, own, {called, "sgemm", "dgemm", "saxpy", "daxpy"})
        self.arrays = self._names.arrays
        self._spelling = Spelling(self._names, self._name)
        self._memories: dict[Memory, str] = {}
        self._views: dict[Any, str] = {}
        self._blas: set[str] = set()
        self._prelude: list[str] = []
        self._body: list[str] = []
        self._asked: dict[str, Callable[..., Any]] = {}
        for name, place in arguments:
            self._memories[place.memory] = self._names.fresh(name)
        self._shared = shared_memory(trace.calls, [each for each in results if isinstance(each, Place)])
        self._write_body()
        returned = ", ".join(map(self._returned, results))
        parameters = ", ".join(self._memories[place.memory] for _, place in arguments)
        self.source = "\n".join(
            [
                "import numpy as np",
                *([f"from scipy.linalg.blas import {', '.join(sorted(self._blas))}"] if self._blas else []),
                "",
                *self._prelude,
                "",
                "",
                f"def {called}({parameters}):",
                *(INDENT + line if line else "" for line in self._body),
                f"{INDENT}return {returned or None}",
                "",
            ]
        )
        self._space: dict[str, Any] = dict(self.arrays)
        file = f"<the program of {called}, {id(self):x}>"
        linecache.cache[file] = (len(self.source), None, self.source.splitlines(keepends=True), file)
        exec(compile(self.source, file, "exec"), self._space)  # noqa: S102 - of our own making
        self.run: Callable[..., Any] = self._space[called]
        self._file = file

    def __del__(self) -> None:
        """Forget the lines that errors show."""
        linecache.cache.pop(getattr(self, "_file", ""), None)

    @contextmanager
    def answered_by(self, answers: Callable[..., Any]) -> Iterator[None]:
        """Have `answers(function, args, kwargs)` called for each function that the program asks."""
        try:
            for name, function in self._asked.items():
                self._space[name] = lambda *args, _function=function, **kwargs: answers(_function, args, kwargs)
            yield
        finally:
            self._space.update(self._asked)

    # Names of arrays.

    def _name(self, place: Place) -> str:
        """The name of an array; what it takes to have it is written where it is due."""
        if place.view is None or place.source is None:
            return self._name_of_memory(place.memory)
        key = place.memory, key_of(place.array)
        if key not in self._views:
            source = self._name(place.source)
            text, suffix = self._view(place.view, source)
            self._views[key] = self._names.fresh(f"{source}_{suffix}")
            lines = self._body if place.memory.kind == "given" else self._prelude
            lines.append(f"{self._views[key]} = {text}")
        return self._views[key]

    def _name_of_memory(self, memory: Memory) -> str:
        if memory in self._memories:
            return self._memories[memory]
        array = memory.array
        name = self._memories[memory] = self._names.of_memory(memory, self._name_of_memory)
        if memory.kind == "outside":
            value = f", {array.item()!r}" if array.ndim == 0 else ""
            self._prelude.append(f"# {name}: {array.dtype} {array.shape}{value}")
            return name
        shared = self._shared.get(memory, memory)
        if shared is memory:
            self.memory += array.nbytes
            self._prelude.append(f"{name} = {memory_text(array, self._names)}")
        else:
            other = self._name_of_memory(shared)
            other = other if shared.array.shape == array.shape else f"{other}.reshape({array.shape})"
            self._prelude.append(f"{name} = {other}  # which is done with by then")
        return name

    def _view(self, call: Call, source: str) -> tuple[str, str]:
        """The expression of a view, and what distinguishes its name."""
        if call.kind == "attribute":
            return f"{source}.{call.function}", str(call.function)
        if call.kind == "bounds":
            dtype, shape, offset, strides = call.args
            return f"np.ndarray({shape}, {self._spelling.value(dtype)}, {source}, {offset}, {strides})", "view"
        if call.kind == "part":
            return f"{self._calling(call.function, call.function.kwargs)}[{call.args[0]}]", "part"
        if call.kind == "item":
            return f"{source}[{self._spelling.index(call.args[1])}]", "part"
        suffix = call.function if call.kind == "method" else "view"
        return self._calling(call, call.kwargs), str(suffix)

    # Calls.

    def _write_body(self) -> None:
        part, previous = "", ""
        usual = self._trace.errors
        for call in self._trace.calls:
            if call.within != part:
                part, previous = call.within, ""
                self._body += [""] * bool(self._body) + [f"# {part}"]
            lines = self._lines(call)
            if call.errors and call.errors != usual and lines:
                changed = {name: how for name, how in call.errors.items() if usual.get(name) != how}
                state = ", ".join(f"{name}={how!r}" for name, how in changed.items())
                header = f"with np.errstate({state}):"
                lines = [*([header] if header != previous else []), *(INDENT + line for line in lines)]
                previous = header
            elif lines:
                previous = ""
            self._body += lines

    def _returned(self, result: Place | Asked) -> str:
        if isinstance(result, Asked):
            return self._names.asked(result)
        name = self._name(result)
        return f"{name}[()]" if result.memory.scalar and result.array.ndim == 0 else f"{name}.copy()"

    def _lines(self, call: Call) -> list[str]:
        if call.kind == "read":
            (place,) = call.results
            owner, name = self._names.object(call.args[0]), call.args[1]
            self._memories[place.memory] = self._names.fresh(f"{owner}_{name}")
            return [f"{self._memories[place.memory]} = {owner}.{name}"]
        if call.kind == "store":
            owner, name, place = call.args
            value = "None" if place is None else f"{self._name(place)}.copy()"
            return [f"{self._names.object(owner)}.{name} = {value}"]
        if call.kind == "ask":
            return self._asking(call)
        if call.kind == "blas":
            return self._adding(call)
        if call.kind == "set":
            return [self._setting(call)]
        return self._computing(call)

    def _computing(self, call: Call) -> list[str]:
        function, kwargs = call.function, dict(call.kwargs)
        out = kwargs.pop("out", None)
        if out is not None:
            names = [self._spelling.value(each) for each in (out if isinstance(out, tuple) else (out,))]
            given = self._spelling.arguments(call.args, kwargs)
            return [f"{self._names.function(function)}({given}, out={names[0] if len(names) == 1 else listed(names)})"]
        results = [self._name(each) for each in call.results]
        if function is np.empty_like:
            return []
        if function in FILLED:
            return [f"{results[0]}.fill({FILLED[function]})"]
        if call.several:
            names = [self._names.fresh("part") for _ in results]
            text = f"{listed(names)} = {self._calling(call, kwargs)}"
            return [text, *(f"{each}[...] = {part}" for each, part in zip(results, names, strict=True))]
        (result,) = results
        array = call.results[0].array
        first = call.args[0] if call.args else None
        if call.kind == "method" and function == "astype":
            return [f'np.copyto({result}, {self._spelling.value(first)}, casting="unsafe")']
        same = isinstance(first, Place) and first.array.shape == array.shape
        if same and (function is np.copy or (call.kind == "method" and function in ("copy", "flatten"))):
            return [f"np.copyto({result}, {self._spelling.value(first)})"]
        if call.kind == "method":
            function = METHODS_OF_NUMPY.get(function, function)
        if (
            function in REDUCTIONS
            and isinstance(first, Place)
            and array.dtype == first.array.dtype
            and len(call.args) <= 2
            and kwargs.keys() <= {"axis", "keepdims"}
        ):
            axis = call.args[1] if len(call.args) > 1 else kwargs.pop("axis", None)
            more = f", {self._spelling.arguments((), kwargs)}" if kwargs else ""
            name = f"np.{REDUCTIONS[function]}.reduce"
            return [f"{name}({self._spelling.value(first)}, axis={axis!r}{more}, out={result})"]
        ufunc = isinstance(function, np.ufunc | tuple)
        if ufunc or (call.kind == "call" and function in WITH_OUT and array.dtype.char not in "e?"):
            given = self._spelling.arguments(call.args, kwargs)
            return [f"{self._names.function(function)}({given}, out={result})"]
        return [f"{result}[...] = {self._calling(call, kwargs)}"]

    def _calling(self, call: Call, kwargs: Mapping[str, Any]) -> str:
        if call.kind == "item":
            return f"{self._spelling.value(call.args[0])}[{self._spelling.index(call.args[1])}]"
        if call.kind == "method":
            given = self._spelling.arguments(call.args[1:], kwargs)
            return f"{self._spelling.value(call.args[0])}.{call.function}({given})"
        if call.kind == "attribute":
            return f"{self._spelling.value(call.args[0])}.{call.function}"
        return f"{self._names.function(call.function)}({self._spelling.arguments(call.args, kwargs)})"

    def _setting(self, call: Call) -> str:
        if call.function == "__setitem__":
            array, index, value = call.args
            return f"{self._spelling.value(array)}[{self._spelling.index(index)}] = {self._spelling.value(value)}"
        if isinstance(call.function, str):
            given = self._spelling.arguments(call.args[1:], call.kwargs)
            return f"{self._spelling.value(call.args[0])}.{call.function}({given})"
        return f"{self._names.function(call.function)}({self._spelling.arguments(call.args, call.kwargs)})"

    def _asking(self, call: Call) -> list[str]:
        name = self._names.asked_function(call.function)
        self._asked[name] = call.function
        text = f"{name}({self._spelling.arguments(call.args, call.kwargs)})"
        if not call.results or call.results == [None]:
            return [text]
        names, checks = [], []
        for each in call.results:
            if isinstance(each, Asked):
                names.append(self._names.answer(each, name))
                continue
            names.append(self._names.fresh(name))
            expected = repr(each) if not isinstance(each, Place) else f"{each.array.shape}"
            found = names[-1] if not isinstance(each, Place) else f"np.shape({names[-1]})"
            if isinstance(each, Place):
                self._memories[each.memory] = names[-1]
            reason = (
                f"{name} returned another {'shape' if isinstance(each, Place) else 'value'} than when it was traced"
            )
            checks += [f"if {found} != {expected}:", f"{INDENT}raise RuntimeError({reason!r})"]
        return [f"{listed(names) if call.several else names[0]} = {text}", *checks]

    def _adding(self, call: Call) -> list[str]:
        """Lines that add to an array, as `accumulate` does."""
        target, *operands, scale, keep = call.args
        total = self._name(target)
        scale_text, keep_text = self._spelling.value(scale), self._spelling.value(keep)
        kind = {"f": "s", "d": "d"}.get(target.array.dtype.char, "")
        if call.function == "gemm":
            (right, turn_right), (left, turn_left) = operands
            self._blas.add(f"{kind}gemm")
            matrices = f"{self._name(right)}, {self._name(left)}"
            turned = f"{int(turn_right)}, {int(turn_left)}"
            return [f"{kind}gemm({scale_text}, {matrices}, {keep_text}, {total}, {turned}, 1)"]
        unchanged = not isinstance(keep, Asked) and keep == 1.0
        lines = [] if unchanged else [f"np.multiply({total}, {keep_text}, out={total})"]
        addend = self._name(operands[0])
        if call.function == "axpy":
            self._blas.add(f"{kind}axpy")
            return [*lines, f"{kind}axpy({addend}, {total}, a={scale_text})"]
        return [*lines, f"np.add({total}, {scale_text} * {addend}, out={total})"]
