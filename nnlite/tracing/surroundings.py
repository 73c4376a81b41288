"""What a function finds beside its arguments: variables around it, and the attributes of the objects in them.

A program holds on to what was there when it was written. So whoever is about to run it asks first whether that is still
so: a layer that was exchanged, a rate that was lowered.
"""

import dis
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nnlite.autodiff.hearing import original_of
from nnlite.tracing.places import Line
from nnlite.tracing.recording import Trace

MOST = 20_000  # entries that are looked at
NO_CODE = ("nnlite.autodiff", "nnlite.nn", "nnlite.tracing", "nnlite.habits")  # code that keeps nothing in variables
ATOMS = (bool, int, float, complex, str, bytes, type(None))
MISSING = object()


@dataclass(eq=False, slots=True)
class Entry:
    """A variable, an attribute, or an item.

    Attributes:
        holder: the dict, list or cell that has it.
        key: where.
        value: what it was.
        name: what errors call it.
        owner: the object whose attribute it is.
    """

    holder: Any
    key: Any
    value: Any
    name: str
    owner: Any = None

    @property
    def identity(self) -> tuple[int, Any]:
        """What tells it from all others."""
        match self.holder:
            case _Length(container=held) | _Class(of=held) | held:
                return id(held), self.key

    def now(self) -> Any:
        """What it is."""
        return original_of(self.seen())

    def seen(self) -> Any:
        """What a function sees there."""
        if isinstance(self.holder, types.CellType):
            try:
                return self.holder.cell_contents
            except ValueError:
                return MISSING
        if isinstance(self.holder, dict):
            return self.holder.get(self.key, MISSING)
        if isinstance(self.holder, _Length):
            return len(self.holder.container)
        if isinstance(self.holder, _Class):
            return getattr(self.holder.of, self.key, MISSING)
        return self.holder[self.key] if self.key < len(self.holder) else MISSING

    def put(self, value: Any) -> None:
        """Exchange it, if it is a variable, an attribute or an item that can be."""
        if isinstance(self.holder, types.CellType):
            self.holder.cell_contents = value
        elif isinstance(self.holder, dict | list):
            self.holder[self.key] = value

    def __post_init__(self) -> None:
        self.value = original_of(self.value)

    def stays(self) -> bool:
        """Whether it is what it was."""
        now = self.now()
        return now is self.value or _same(now, self.value)


class Surroundings:
    """What a function finds beside its arguments, as it is now.

    Args:
        function: whose variables they are.
        objects: that it was given as arguments.

    Attributes:
        entries: all of it.
        variables: the variables by name.
    """

    def __init__(self, function: Callable[..., Any], objects: list[Any]) -> None:
        self.entries: list[Entry] = []
        self.variables: dict[str, Any] = {}
        self.codes: list[types.CodeType] = []
        self._names: set[str] = set()
        self._seen: dict[int, Any] = {}
        self._partly: list[tuple[Any, str, set[str]]] = []  # objects of which only attributes that are named count
        self._visit(function, "")
        for value in objects:
            self._visit(value, type(value).__name__)
        count = -1
        while count < len(self.entries) < MOST:  # each object may lead to code that names further attributes
            count = len(self.entries)
            for value, name, done in list(self._partly):
                self._attributes(value, name, done)
        self.keep(self.entries)

    def keep(self, entries: list[Entry]) -> None:
        """Look at these alone from now on."""
        self.entries = entries
        self._items = [(each.holder, each.key, each.value) for each in entries if type(each.holder) in (dict, list)]
        self._cells = [(each.holder, each.value) for each in entries if type(each.holder) is types.CellType]
        self._others = [each for each in entries if type(each.holder) is _Class]
        self._lengths = [(each.holder.container, each.value) for each in entries if type(each.holder) is _Length]

    def stay(self) -> bool:
        """Whether all is as it was."""
        try:
            for holder, key, value in self._items:
                if holder[key] is not value and not _same(original_of(holder[key]), value):
                    return False
            for cell, value in self._cells:
                if cell.cell_contents is not value and not _same(original_of(cell.cell_contents), value):
                    return False
        except (KeyError, IndexError, ValueError):
            return False
        for entry in self._others:
            if not entry.stays():
                return False
        for container, length in self._lengths:  # noqa: SIM110 - at each call of a step, where a generator takes longer
            if len(container) != length:
                return False
        return True

    @contextmanager
    def told_by(self, hear: Callable[[Any], Any]) -> Iterator[None]:
        """Have the plain arrays among all this tell, as `hear` makes them, so that calls on them alone are heard of."""
        told: list[tuple[Entry, Any, Any]] = []
        try:
            for entry in self.entries:
                value = entry.seen()
                if type(value) is np.ndarray:
                    telling = hear(value)
                    telling.original = value
                    entry.put(telling)
                    told.append((entry, value, telling))
            yield
        finally:
            for entry, value, telling in told:
                if entry.seen() is telling:
                    entry.put(value)

    def changed(self) -> list[Entry]:
        """What is no longer as it was."""
        return [entry for entry in self.entries if not entry.stays()]

    def line_of(self, entry: Entry) -> Line | None:
        """The line of the function, or of what it calls, that changes it, if that can be told."""
        wanted = {"STORE_DEREF", "STORE_GLOBAL", "STORE_ATTR", "STORE_NAME"}
        for code in self.codes:
            line = code.co_firstlineno
            for each in dis.get_instructions(code):
                line = each.starts_line if type(each.starts_line) is int else line
                if each.opname in wanted and each.argval == entry.key:
                    return code.co_filename, line
        return (self.codes[0].co_filename, self.codes[0].co_firstlineno) if self.codes else None

    # The walk.

    def _visit(self, value: Any, name: str) -> None:
        kind = type(value)
        if isinstance(value, (*ATOMS, np.ndarray, np.generic, type)) or len(self.entries) >= MOST:
            return
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, types.MethodType):
            self._visit(value.__self__, name)
            self._visit(value.__func__, name)
        elif isinstance(value, types.FunctionType):
            self._code(value)
        elif isinstance(value, partial):
            for each in (value.func, value.args, value.keywords):
                self._visit(each, name)
        elif kind in (list, tuple, dict):
            pairs = value.items() if kind is dict else enumerate(value)
            for key, each in list(pairs):
                if kind is not tuple:
                    self.entries.append(Entry(value, key, each, f"{name}[{key!r}]"))
                self._visit(each, f"{name}_{key}")
            if kind is not tuple:
                self.entries.append(Entry(_Length(value), "length", len(value), f"the length of {name}"))
        elif isinstance(value, types.ModuleType):
            if _root(value.__name__) not in {*FOREIGN, "nnlite"}:
                self._partly.append((value, name, set()))
        elif hasattr(value, "__dict__") and not _is_foreign(kind):
            self._partly.append((value, name, set()))

    def _code(self, function: types.FunctionType) -> None:
        inner = inspect.unwrap(function)
        if not isinstance(inner, types.FunctionType):
            self._visit(inner, "")
            return
        if (inner.__module__ or "").startswith(NO_CODE) or _root(inner.__module__) in FOREIGN:
            return
        code = inner.__code__
        self.codes.append(code)
        for cell, name in zip(inner.__closure__ or (), code.co_freevars, strict=True):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self.variables.setdefault(name, value)
            self.entries.append(Entry(cell, name, value, name))
            self._visit(value, name)
        for name in _names_in(code):
            self._names.add(name)
            if name in inner.__globals__:
                value = inner.__globals__[name]
                self.variables.setdefault(name, value)
                self.entries.append(Entry(inner.__globals__, name, value, name))
                self._visit(value, name)
        defaults = inner.__defaults__ or ()
        positional = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        for name, each in (*zip(positional, defaults, strict=True), *(inner.__kwdefaults__ or {}).items()):
            self.variables.setdefault(name, each)
            self._visit(each, name)

    def _attributes(self, value: Any, name: str, done: set[str]) -> None:
        """Of a layer, optimizer or the like all attributes; of any other object those that some code names."""
        kind = type(value)
        attributes = vars(value)
        whole = callable(getattr(kind, "named_arrays", None)) or callable(getattr(kind, "_moments", None))
        for key in list(attributes) if whole else [each for each in self._names if each in attributes]:
            if key not in done:
                done.add(key)
                self.entries.append(Entry(attributes, key, attributes[key], f"{name or kind.__name__}.{key}", value))
                self.variables.setdefault(key, attributes[key])
                self._visit(attributes[key], key if not name else f"{name}_{key}")
        for klass in kind.__mro__:
            for key in [each for each in self._names if each in vars(klass) and not _is_foreign(klass)]:
                if isinstance(vars(klass)[key], ATOMS) and f"{klass.__qualname__}.{key}" not in done:
                    done.add(f"{klass.__qualname__}.{key}")
                    self.entries.append(Entry(_Class(klass), key, vars(klass)[key], f"{klass.__name__}.{key}"))
        for key in [*(each for each in self._names if each not in attributes), "__call__"]:
            member = inspect.getattr_static(kind, key, None) if f"{key}()" not in done else None
            done.add(f"{key}()")
            member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if isinstance(member, types.FunctionType):
                self._visit(member, key)


@dataclass(frozen=True, eq=False, slots=True)
class _Class:
    """What holds the attributes of a class."""

    of: type


@dataclass(frozen=True, eq=False, slots=True)
class _Length:
    """What holds the length of a container."""

    container: Any


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _names_in(each)


def _root(module: str | None) -> str:
    return (module or "").split(".")[0]


FOREIGN = sys.stdlib_module_names - {"__main__", "types"} | {"numpy", "scipy"}


def _is_foreign(kind: type) -> bool:
    module = kind.__module__ or ""
    if module == "types":
        return kind is not types.SimpleNamespace
    return _root(module) in FOREIGN or module.startswith(("nnlite.autodiff", "nnlite.tracing"))


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same for a function, though they are two objects."""
    if one is other or type(one) is not type(other):
        return one is other
    if isinstance(one, types.MethodType):
        return one.__self__ is other.__self__ and one.__func__ is other.__func__
    if type(one) is tuple:
        return len(one) == len(other) and all(a is b or _same(a, b) for a, b in zip(one, other, strict=True))
    return isinstance(one, ATOMS) and (one == other or one != one) and repr(one) == repr(other)  # noqa: PLR0124 - NaN


def is_asked(entry: Entry, trace: Trace) -> bool:
    """Whether a program asks for it anew: an attribute that is read, or a function of whom it asks, as a schedule."""
    if trace.keeps(entry.owner, entry.key):
        return True
    asked = (getattr(call.function, "__self__", None) for call in trace.calls if call.kind == "ask")
    return entry.owner is not None and callable(entry.value) and any(each is entry.owner for each in asked)
