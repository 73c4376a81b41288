"""What a program calls its arrays, functions and constants, and how it spells values."""

import keyword
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnlite.tracing.places import Asked, Memory, Place, address_of
from nnlite.tracing.recording import Trace

NOUNS = {
    np.add: "sums", np.subtract: "difference", np.multiply: "product", np.divide: "quotient", np.matmul: "product",
    np.exp: "exponentials", np.log: "logarithms", np.maximum: "larger", np.minimum: "smaller", np.negative: "negative",
    np.square: "squares", np.sqrt: "roots", np.mean: "mean", np.var: "variance", np.sum: "total",
    np.reciprocal: "reciprocal", np.where: "choice", np.concatenate: "joined",
    "__getitem__": "chosen", "astype": "converted", "copy": "copied",
}  # fmt: skip
REDUCED = {np.add: "total", np.maximum: "highest", np.minimum: "lowest", np.multiply: "product"}


class Names:
    """The names of a program.

    Args:
        trace: of what is to be written.
        own: what to call arrays that were there before, by their address.
        taken: names that are not free.

    Attributes:
        arrays: what the program refers to and does not make, by name: arrays, functions, and objects with attributes.
    """

    def __init__(self, trace: Trace, own: Mapping[int, str], taken: set[str]) -> None:
        self.arrays: dict[str, Any] = {}
        self._trace = trace
        self._own = own
        self._taken = {*keyword.kwlist, "np", *taken}
        self._numbers: dict[str, int] = {}  # the last that was added to a name
        self._known: dict[Any, str] = {}  # names of all that is no array

    def fresh(self, wanted: str) -> str:
        """A name that nothing has yet."""
        base = re.sub(r"\W+", "_", wanted).strip("_") or "array"
        base = f"_{base}" if base[0].isdigit() else base
        name = base
        while name in self._taken:
            self._numbers[base] = self._numbers.get(base, 1) + 1
            name = f"{base}_{self._numbers[base]}"
        self._taken.add(name)
        return name

    def entered(self, value: Any, wanted: str) -> str:
        """The name of something that the program refers to and does not make."""
        key = id(value)
        if key not in self._known:
            self._known[key] = self.fresh(wanted)
            self.arrays[self._known[key]] = value
        return self._known[key]

    def function(self, function: Any) -> str:
        """How a function is spelled."""
        if isinstance(function, tuple):
            return f"{self.function(function[0])}.{function[1]}"
        name = getattr(function, "__name__", "function")
        for module, where in ((np, "np"), (np.linalg, "np.linalg")):
            if getattr(module, name, None) is function:
                return f"{where}.{name}"
        return self.entered(function, name.strip("_"))

    def asked_function(self, function: Callable[..., Any]) -> str:
        """The name of a function that is asked; of a method, with that of whose it is."""
        owner = getattr(function, "__self__", None)
        name = getattr(function, "__name__", type(function).__name__).strip("_<>")
        key = ("asked", id(owner), name) if owner is not None else id(function)
        if key not in self._known:
            whose = "" if owner is None or isinstance(owner, type(np)) else f"{type(owner).__name__.lower()}_"
            self._known[key] = self.fresh(whose + name)
            self.arrays[self._known[key]] = function
        return self._known[key]

    def object(self, owner: Any) -> str:
        """The name of an object whose attributes are read or assigned."""
        wanted = type(owner).__name__.lower()
        if isinstance(owner, np.ndarray) and address_of(owner) in self._own:
            wanted = f"{self._own[address_of(owner)]}_{wanted}"
        return self.entered(owner, wanted)

    def asked(self, asked: Asked) -> str:
        """The name of a number that is asked for."""
        return self._known[id(asked.call), asked.position]

    def answer(self, answer: Asked, wanted: str) -> str:
        """A new name for a number that is asked for."""
        name = self.fresh(answer.name or wanted)
        self._known[id(answer.call), answer.position] = name
        return name

    def of_memory(self, memory: Memory, name_of: Callable[[Memory], str]) -> str:
        """A new name for a memory: by what it is, or by what it is computed with."""
        trace = self._trace
        if memory.kind == "outside":
            name = self.fresh(self._own.get(address_of(memory.array)) or _constant(memory.array))
            self.arrays[name] = memory.array
            return name
        return self.fresh(self._wanted(memory, trace, name_of))

    def _wanted(self, memory: Memory, trace: Trace, name_of: Callable[[Memory], str]) -> str:
        if memory in trace.gradients and memory.kind == "kept":
            return f"d_{name_of(trace.gradients[memory])}"
        if memory in trace.values:
            rule, arguments = trace.values[memory]
            weights = (self._own.get(address_of(each.array), "") for each in arguments if each.kind == "outside")
            layer = next((each.removesuffix("_weight") for each in weights if each.endswith("_weight")), "")
            return layer or rule.rsplit(".", 1)[-1]
        function = trace.calls[memory.made].function
        if isinstance(function, tuple):
            return str(REDUCED.get(function[0], function[0].__name__))
        return str(NOUNS.get(function) or getattr(function, "__name__", function)).strip("_")


def _constant(array: Any) -> str:
    """What an array is called that nobody has a name for."""
    if array.ndim == 0:
        return "number"
    return {"i": "indices", "u": "indices", "b": "mask"}.get(array.dtype.kind, "constant")


def dtype_text(dtype: np.dtype[Any], names: Names) -> str:
    """How a dtype is spelled."""
    if dtype.isnative and getattr(np, dtype.name, None) is dtype.type:
        return f"np.{dtype.name}"
    return f"np.dtype({dtype.str!r})" if np.dtype(dtype.str) == dtype else names.entered(dtype, "dtype")


def memory_text(array: Any, names: Names) -> str:
    """The call that makes memory for an array like this one."""
    dtype = dtype_text(array.dtype, names)
    if array.flags.c_contiguous:
        return f"np.empty({array.shape}, {dtype})"
    if array.flags.f_contiguous:
        return f'np.empty({array.shape}, {dtype}, order="F")'
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    shape = tuple(array.shape[axis] for axis in order)
    back = tuple(sorted(range(array.ndim), key=lambda axis: order[axis]))
    return f"np.empty({shape}, {dtype}).transpose({back})"


def listed(names: list[str]) -> str:
    """Names as a tuple."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


class Spelling:
    """How values are spelled, given how arrays are called."""

    def __init__(self, names: Names, name_of: Callable[[Place], str]) -> None:
        self._names = names
        self._name_of = name_of

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """The arguments of a call."""
        return ", ".join([*map(self.value, args), *(f"{name}={self.value(each)}" for name, each in kwargs.items())])

    def index(self, index: Any) -> str:
        """What stands between brackets."""
        if isinstance(index, tuple) and index:
            return ", ".join(map(self.index, index)) + ("," if len(index) == 1 else "")
        if isinstance(index, slice):
            ends = ["" if each is None else self.value(each) for each in (index.start, index.stop, index.step)]
            return ":".join(ends if ends[2] else ends[:2])
        return self.value(index)

    def value(self, value: Any) -> str:
        """Any value."""
        if isinstance(value, Place):
            return self._name_of(value)
        if isinstance(value, Asked):
            return self._names.asked(value)
        if type(value) is list:
            return f"[{', '.join(map(self.value, value))}]"
        if type(value) is tuple:
            return listed(list(map(self.value, value)))
        if value is Ellipsis:
            return "..."
        if type(value) in (bool, int, str, type(None)) or (type(value) is float and np.isfinite(value)):
            return repr(value)
        if isinstance(value, np.dtype):
            return dtype_text(value, self._names)
        name = str(getattr(value, "__name__", type(value).__name__))
        if isinstance(value, type) and getattr(np, name, None) is value:
            return f"np.{name}"
        if isinstance(value, slice):
            return f"slice({', '.join(map(self.value, (value.start, value.stop, value.step)))})"
        if isinstance(value, np.floating | np.integer) and value.itemsize <= 8 and np.isfinite(value):
            return f"np.{type(value).__name__}({value.item()!r})"
        return self._names.entered(value, name)


def names_around(found: Mapping[str, Any]) -> dict[int, str]:
    """What to call the arrays of layers, optimizers and tensors, by address, given these by name: the first it has."""
    names: dict[int, str] = {}
    for name, value in found.items():
        if isinstance(value, np.ndarray):
            names.setdefault(address_of(value), name)
        elif callable(getattr(type(value), "named_arrays", None)):
            for path, array in value.named_arrays():
                names.setdefault(address_of(array), f"{name}_{path.replace('.', '_')}")
        elif callable(moments_of := getattr(value, "_moments", None)):
            for moment, moments in moments_of().items():
                for position, array in enumerate(moments):
                    names.setdefault(address_of(array), f"{moment}_{position}")
    return names
