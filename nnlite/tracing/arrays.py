"""`Traced`, the array through which a trace hears of what is done to it; and the numbers that were asked for.

`Traced` shares its memory with the array that it stands for, and sends on each call that NumPy tells it of. What Python
makes of its numbers is refused: they are others at the next call.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import numpy as np

from nnlite.autodiff.hearing import LISTENER, Heard, bare
from nnlite.tracing.places import Asked, TracedValueError, in_words, users_line

METHODS = (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "byteswap", "choose", "clip", "compress",
    "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot", "flatten", "max", "mean", "min", "nonzero",
    "prod", "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze", "std", "sum", "swapaxes", "take", "trace",
    "transpose", "var", "view",
)  # fmt: skip
ATTRIBUTES = ("T", "mT", "imag", "real")
SETTERS = ("fill", "partition", "put", "sort")
REFUSED = {
    "__bool__": "a condition (if, while, and, not, assert)",
    "__float__": "float(x)",
    "__int__": "int(x)",
    "__index__": "range(x), or an index x,",
    "__complex__": "complex(x)",
    "__contains__": "`in`",
    "__str__": "print(x)",
    "__format__": "a formatted text",
    "__reduce__": "pickling x",
    "__reduce_ex__": "pickling x",
    "__array_interface__": "x.__array_interface__",
    "__array_struct__": "x.__array_struct__",
    "__buffer__": "memoryview(x)",
    "__dlpack__": "np.from_dlpack(x)",
    "ctypes": "x.ctypes",
    "data": "x.data",
    "dump": "x.dump()",
    "dumps": "x.dumps()",
    "flat": "x.flat",
    "getfield": "x.getfield()",
    "item": "x.item()",
    "resize": "x.resize()",
    "setfield": "x.setfield()",
    "tobytes": "x.tobytes()",
    "tofile": "x.tofile()",
    "tolist": "x.tolist()",
}


class Traced(Heard):
    """A plain array, whose uses a trace hears of."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        outs = kwargs.get("out", ())
        if any(isinstance(each, np.ndarray) and type(each) not in (np.ndarray, Traced) for each in (*args, *outs)):
            return NotImplemented
        run = getattr(ufunc, method)
        trace = LISTENER.get()
        if trace is None:
            return run(*known(args), **known(kwargs))
        if method == "at":
            return trace.result("set", (ufunc, "at"), args, kwargs, run)
        return trace.result("call", ufunc if method == "__call__" else (ufunc, method), args, kwargs, run)

    def __array_function__(self, func: Any, types: Iterable[type], args: Any, kwargs: Any) -> Any:
        if not all(issubclass(each, Heard | AskedNumber) or each is np.ndarray for each in types):
            return NotImplemented
        trace = LISTENER.get()
        if trace is None:
            return func(*known(tuple(args)), **known(kwargs))
        return trace.result("call", func, tuple(args), dict(kwargs), func)

    def __getitem__(self, index: Any) -> Any:
        return _tell(self, "item", "__getitem__", (index,), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        _tell(self, "set", "__setitem__", (index, value), {})

    def __iter__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self)))

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """As np.ndarray.setflags."""
        super().setflags(write=write, align=align, uic=uic)
        trace = LISTENER.get()
        if write is not None and trace is not None:
            trace.flagged(self, bool(write))

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any, /) -> Any:
        return self.copy()

    def __repr__(self) -> str:
        return repr(bare(self))


def _tell(array: Traced, kind: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    trace = LISTENER.get()
    member = getattr(np.ndarray, name)

    def run(array: Any, *args: Any, **kwargs: Any) -> Any:
        return member.__get__(array) if kind == "attribute" else member(array, *args, **kwargs)

    if trace is None:
        return run(bare(array), *known(args), **known(kwargs))
    return trace.result(kind, name, (array, *args), kwargs, run)


def _method(name: str, kind: str = "method") -> Any:
    def method(self: Traced, *args: Any, **kwargs: Any) -> Any:
        return _tell(self, kind, name, args, kwargs)

    method.__name__ = name
    method.__doc__ = f"As np.ndarray.{name}."
    return method


def _attribute(name: str) -> Any:
    return property(lambda self: _tell(self, "attribute", name, (), {}), doc=f"As np.ndarray.{name}.")


def _refusal(name: str, shown: str) -> Any:
    member = getattr(np.ndarray, name)

    def guarded(self: Traced, *args: Any, **kwargs: Any) -> Any:
        if LISTENER.get() is not None:
            refuse(shown)
        return member(bare(self), *args, **kwargs) if callable(member) else member.__get__(bare(self))

    guarded.__name__ = name
    guarded.__doc__ = f"As np.ndarray.{name}; refused while a trace listens."
    return guarded if callable(member) else property(guarded)


for _name in METHODS:
    setattr(Traced, _name, _method(_name))
for _name in SETTERS:
    setattr(Traced, _name, _method(_name, "set"))
for _name in ATTRIBUTES:
    setattr(Traced, _name, _attribute(_name))
for _name, _shown in REFUSED.items():
    if hasattr(np.ndarray, _name):
        setattr(Traced, _name, _refusal(_name, _shown))


class AskedNumber:
    """A number that was asked for: it may be handed to NumPy's functions, and not be calculated with in Python."""

    __array_priority__ = 1.0

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        others = [each for each in (*args, *kwargs.get("out", ())) if isinstance(each, np.ndarray)]
        if any(type(each) not in (np.ndarray, Traced) for each in others):
            return NotImplemented
        if not others:
            self._refuse()
        return Traced.__array_ufunc__(others[0].view(Traced), ufunc, method, *args, **kwargs)

    def __array_function__(self, func: Any, types: Iterable[type], args: Any, kwargs: Any) -> Any:
        trace = LISTENER.get()
        if trace is None:
            return func(*known(tuple(args)), **known(kwargs))
        return trace.result("call", func, tuple(args), dict(kwargs), func)

    def _refuse(self, *_: Any) -> NoReturn:
        raise TracedValueError(
            f"what nnlite.ask returned is another number at the next call of this traced step: calculate within the "
            f"function that is asked, or with arrays ({in_words(users_line())})"
        )

    def _with_array(self, ufunc: np.ufunc, other: Any, *, swapped: bool = False) -> Any:
        if not isinstance(other, np.ndarray):
            self._refuse()
        return ufunc(other, self) if swapped else ufunc(self, other)

    def __mul__(self, other: Any) -> Any:
        return self._with_array(np.multiply, other)

    def __rmul__(self, other: Any) -> Any:
        return self._with_array(np.multiply, other, swapped=True)

    def __add__(self, other: Any) -> Any:
        return self._with_array(np.add, other)

    def __radd__(self, other: Any) -> Any:
        return self._with_array(np.add, other, swapped=True)

    def __sub__(self, other: Any) -> Any:
        return self._with_array(np.subtract, other)

    def __rsub__(self, other: Any) -> Any:
        return self._with_array(np.subtract, other, swapped=True)

    def __truediv__(self, other: Any) -> Any:
        return self._with_array(np.divide, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with_array(np.divide, other, swapped=True)

    __hash__ = None  # type: ignore[assignment]
    __neg__ = __pos__ = __abs__ = __pow__ = __rpow__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __int__ = __index__ = __complex__ = _refuse
    __eq__ = __ne__ = __round__ = __str__ = __format__ = _refuse


def refuse(what: str) -> NoReturn:
    """Raise that a number is looked at.

    Raises:
        TracedValueError: what looks at it, the line, and what to do instead.
    """
    raise TracedValueError(
        f"{what} looks at the numbers of an array, which are others at the next call of this traced step "
        f"({in_words(users_line())}): leave the decision to NumPy (np.where, np.minimum), let "
        "nnlite.ask(function, ...) do it at each call, or do it outside the step"
    )


def known(value: Any) -> Any:
    """`value` in terms of plain arrays and numbers."""
    if isinstance(value, Heard):
        return bare(value)
    if isinstance(value, AskedNumber):
        return value.asked.value
    if type(value) in (list, tuple):
        return type(value)([known(each) for each in value])
    if type(value) is dict:
        return {name: known(each) for name, each in value.items()}
    return value
