"""The methods of an array, each sent to its NumPy twin.

NumPy tells a subclass of each `np.reshape(x, ...)`, but not of `x.reshape(...)`, `x[...]`, `x.T` or `x.sort()`.
`Dispatched` closes that gap: its methods call the functions, which arrive at `__array_function__`. While a tape
records, methods that write into the array are refused, and so is every way by which Python and NumPy let its numbers
leave as plain ones (`LEAVING`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from nnlite.autodiff import hearing
from nnlite.autodiff.graph import RECORDERS, Node
from nnlite.autodiff.hearing import heard, listener
from nnlite.autodiff.substitutes import told

NO_WRITING = (
    "{name} changes an array in place, which a GradientTape cannot record; compute a new array instead "
    "(np.where, np.concatenate), or do it outside the tape"
)
NO_VIEW = (
    "{name} shows a tensor's memory to what a GradientTape cannot record; index, reshape or copy the tensor, or use "
    "nnlite.stop_gradient(x) if it may be treated as constant"
)
NO_LEAVING = (
    "{name} turns a tensor into plain numbers, through which no gradient flows, while a GradientTape records: say "
    "nnlite.stop_gradient(x) if the value may be treated as constant (to print it, float(nnlite.stop_gradient(x))), "
    "call a NumPy function that takes tensors (np.stack makes one of a list of them), or do it after the with block"
)

# Every hook by which the numbers of an array become plain, and how a program usually calls it. What is not here has no
# hook: see `GradientTape`.
LEAVING = {
    "__float__": "float(x), which math.exp(x), np.array([x, y]) and array[0] = x call,",
    "__int__": "int(x)",
    "__complex__": "complex(x)",
    "__index__": "an index x",
    "__array__": "x.__array__()",
    "__array_interface__": "x.__array_interface__",
    "__array_struct__": "x.__array_struct__",
    "__buffer__": "memoryview(x)",  # which Python asks for since 3.12
    "__dlpack__": "np.from_dlpack(x)",
    "__reduce__": "pickling x",
    "__reduce_ex__": "pickling x",
    "base": "x.base",
    "ctypes": "x.ctypes",
    "data": "x.data",
    "dump": "x.dump()",
    "dumps": "x.dumps()",
    "item": "x.item()",
    "tobytes": "x.tobytes()",
    "tofile": "x.tofile()",
    "tolist": "x.tolist()",
}


SINGLE = (float, int, bool, str, type(None), slice, type(...), np.ndarray, np.generic, range, bytes, memoryview)


def listed(value: Any) -> list[Any] | tuple[Any, ...] | None:
    """A sequence as NumPy takes it: as a tuple if it is one, however named, else as a list; None if it is none."""
    if type(value) in (list, tuple):
        return value  # type: ignore[no-any-return]
    if isinstance(value, SINGLE) or not hasattr(value, "__len__") or not isinstance(value, Sequence):
        return None
    return tuple(value) if isinstance(value, tuple) else list(value)


def plain(value: Any) -> Any:
    """`value` with each tensor in it, however deep in sequences and dicts, as the plain array that it is."""
    if isinstance(value, Dispatched):
        array = np.ndarray.view(value, np.ndarray)
        return heard(array) if hearing.listening else array
    if isinstance(value, SINGLE):
        return value
    if type(value) is dict:
        return {key: plain(each) for key, each in value.items()}
    several = listed(value)
    return value if several is None else type(several)(plain(each) for each in several)


def changed(array: Any) -> None:
    """Declare that `array`, if it is a tensor, has been written to: what was recorded of it before no longer holds.

    Nor does what was recorded of the tensor that it is a view of, nor of other views of that one.
    """
    if hearing.listening and (trace := listener()) is not None:
        trace.was_changed(array)
    outdate(records_of(array))


def leaf_of(view: "Dispatched") -> Node:
    """The leaf that stands for a view of a tensor as it is now, with the version of its memory as the residual."""
    version, state = _version_of(view), view.__dict__
    if view._node is not None and view._node.residual != version:
        state.pop("_node", None)
    leaf: Node = state.setdefault("_node", Node(residual=version))
    return leaf


def _version_of(view: "Dispatched") -> int:
    """How often what it is a view of, in the end, has been written to since anybody has asked."""
    while view._viewed is not None:
        view = view._viewed
    version: int = view.__dict__.setdefault("_version", 0)
    return version


def is_stale(view: "Dispatched", leaf: Node) -> bool:
    """Whether what it is a view of has been written to since `leaf` was recorded for it."""
    return bool(leaf.residual != _version_of(view))


def shows(result: Any, arguments: Any) -> Any:
    """A tensor, or several, that may show the memory of one of the tensors among `arguments`, made to know it."""
    if isinstance(result, list | tuple):
        for each in result:
            shows(each, arguments)
    elif isinstance(result, Dispatched) and result.base is not None and result._viewed is None:
        for each in arguments:
            if isinstance(each, list | tuple):
                shows(result, each)
            elif (
                isinstance(each, Dispatched) and each is not result and np.may_share_memory(plain(each), plain(result))
            ):
                result._viewed = each
    return result


def records_of(array: Any) -> list[dict[str, Any]]:
    """Where it is kept what tapes have recorded of a tensor, and of those that it is a view of."""
    records = []
    while isinstance(array, Dispatched):
        records.append(array.__dict__)
        array = array._viewed
    return records


def outdate(records: Iterable[dict[str, Any]]) -> None:
    """Declare that these tensors have been written to."""
    for record in records:
        record.pop("_node", None)
        if "_version" in record:
            record["_version"] += 1


def refuse_writing(name: str) -> None:
    """Raise if a tape records.

    Raises:
        TypeError: what writing is called, and what to do instead.
    """
    if RECORDERS.get():
        raise TypeError(told(NO_WRITING.format(name=name)))


def _twin(function: Callable[..., Any]) -> Any:
    """The method that calls its NumPy twin, and so comes through `__array_function__`."""

    def method(self: "Dispatched", *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"As np.{function.__name__}."
    return method


def _in_place(method: Callable[..., Any]) -> Any:
    """The method of np.ndarray that changes an array, refused while a tape records."""

    def guarded(self: "Dispatched", *args: Any, **kwargs: Any) -> Any:
        refuse_writing(f"x.{method.__name__}()")
        if listener() is None:
            result = method(self, *plain(args), **plain(kwargs))
        else:
            result = getattr(plain(self), method.__name__)(*plain(args), **plain(kwargs))
        changed(self)
        return result

    guarded.__name__ = method.__name__
    guarded.__doc__ = f"As np.ndarray.{method.__name__}; refused while a GradientTape records."
    return guarded


def _exposing(member: Any) -> Any:
    """The method or attribute of np.ndarray that shares an array's memory, refused while a tape records."""

    def guarded(self: "Dispatched", *args: Any, **kwargs: Any) -> Any:
        if RECORDERS.get():
            raise TypeError(told(NO_VIEW.format(name=f"x.{member.__name__}")))
        if listener() is not None:
            return (
                getattr(plain(self), member.__name__)(*args, **kwargs)
                if callable(member)
                else getattr(plain(self), member.__name__)
            )
        if self.flags.writeable:  # as it may be by way of what is returned
            changed(self)
        return member(self, *args, **kwargs) if callable(member) else member.__get__(self)

    guarded.__name__ = member.__name__
    guarded.__doc__ = f"As np.ndarray.{member.__name__}; refused while a GradientTape records."
    return guarded


def _leaving(member: Any, shown: str) -> Any:
    """The method or attribute of np.ndarray that makes plain numbers of an array, refused while a tape records.

    Only floating-point tensors are tracked, so whole numbers may leave at any time.
    """

    def guarded(self: "Dispatched", *args: Any, **kwargs: Any) -> Any:
        if RECORDERS.get() and self.dtype.kind not in "biu":
            raise TypeError(told(NO_LEAVING.format(name=shown)))
        if listener() is not None:  # as the array that tells does, or refuses to
            telling = heard(np.ndarray.view(self, np.ndarray))
            return (
                getattr(telling, member.__name__)(*args, **kwargs)
                if callable(member)
                else getattr(telling, member.__name__)
            )
        return member(self, *args, **kwargs) if callable(member) else member.__get__(self)

    guarded.__name__ = member.__name__
    guarded.__doc__ = f"As np.ndarray.{member.__name__}; refused while a GradientTape records."
    return guarded if callable(member) else property(guarded)


def _settable(attribute: Any, read: Callable[[Any], Any] | None = None) -> Any:
    """The attribute of np.ndarray whose assignment changes an array, refused while a tape records."""

    def assign(self: "Dispatched", value: Any) -> None:
        refuse_writing(f"x.{attribute.__name__} = value")
        attribute.__set__(self, plain(value))
        changed(self)

    return property(read or attribute.__get__, assign, doc=f"As np.ndarray.{attribute.__name__}.")


class Dispatched(np.ndarray[Any, np.dtype[Any]]):
    """An array whose methods arrive at `__array_function__`, as NumPy's functions do."""

    _node: Node | None = None  # the executed primitive, or the leaf, that stands for this very object on a tape
    _viewed: "Dispatched | None" = None  # whose memory this one shows, if that was no secret

    def __setitem__(self, index: Any, value: Any) -> None:
        refuse_writing("x[...] = value")
        if listener() is None:
            super().__setitem__(plain(index), plain(value))
        else:
            plain(self)[plain(index)] = plain(value)
        changed(self)

    def __copy__(self) -> Any:
        return np.copy(self)

    def __bool__(self) -> bool:
        return bool(plain(self))

    def __contains__(self, value: Any) -> bool:
        return plain(value) in plain(self)

    def __format__(self, spec: str, /) -> str:
        return format(plain(self), spec)

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        """As np.reshape; the lengths may be separate arguments."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)

    def transpose(self, *axes: Any) -> Any:
        """As np.transpose; the axes may be separate arguments."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(  # type: ignore[override]
        self, dtype: DTypeLike, order: Any = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """As np.astype, and with np.ndarray's order and casting."""
        del subok
        if not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(f"cannot cast from {self.dtype} to {np.dtype(dtype)} according to the rule {casting!r}")
        converted = np.astype(self, dtype, copy=copy)
        return converted if order == "K" else np.copy(converted, order=order)

    def clip(  # type: ignore[override]
        self,
        min: Any = None,  # noqa: A002 - NumPy's names
        max: Any = None,  # noqa: A002
        **kwargs: Any,
    ) -> Any:
        """As np.clip."""
        return np.clip(self, min, max, **kwargs)

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        """As np.compress."""
        return np.compress(condition, self, axis) if out is None else np.compress(condition, self, axis, out=out)

    def copy(self, order: Any = "C") -> Any:
        """As np.copy."""
        return np.copy(self, order)

    def flatten(self, order: Any = "C") -> Any:
        """As np.ravel, and always a copy."""
        return np.copy(np.ravel(self, order), order="C")

    def setflags(self, write: Any = None, align: Any = None, uic: Any = None) -> None:
        """As np.ndarray.setflags; what a GradientTape has recorded stays read-only."""
        if write and self._node is not None and self._node.rule is not None:
            raise ValueError("a result that a GradientTape recorded cannot be made writeable: copy it")
        super().setflags(write=write, align=align, uic=uic)

    def view(self, *args: Any, **kwargs: Any) -> Any:
        """As np.ndarray.view; while a GradientTape records only x.view(np.ndarray), which is stop_gradient(x)."""
        if args != (np.ndarray,) and RECORDERS.get():
            raise TypeError(told(NO_VIEW.format(name="x.view()")))
        result = super().view(*args, **kwargs)
        if isinstance(result, Dispatched):
            result._viewed = self
        return result

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """As np.transpose."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """As np.matrix_transpose."""
        return np.matrix_transpose(self)

    if not TYPE_CHECKING:  # which knows them from np.ndarray
        dtype = _settable(np.ndarray.dtype)
        flat = _settable(np.ndarray.flat, read=_exposing(np.ndarray.flat))
        imag = _settable(np.ndarray.imag, read=np.imag)
        real = _settable(np.ndarray.real, read=np.real)
        shape = _settable(np.ndarray.shape)
        strides = _settable(np.ndarray.strides)

    all = _twin(np.all)
    any = _twin(np.any)
    argmax = _twin(np.argmax)
    argmin = _twin(np.argmin)
    argpartition = _twin(np.argpartition)
    argsort = _twin(np.argsort)
    choose = _twin(np.choose)
    conj = _twin(np.conjugate)
    conjugate = _twin(np.conjugate)
    cumprod = _twin(np.cumprod)
    cumsum = _twin(np.cumsum)
    diagonal = _twin(np.diagonal)
    dot = _twin(np.dot)
    max = _twin(np.max)
    mean = _twin(np.mean)
    min = _twin(np.min)
    nonzero = _twin(np.nonzero)
    prod = _twin(np.prod)
    ravel = _twin(np.ravel)
    repeat = _twin(np.repeat)
    round = _twin(np.round)
    searchsorted = _twin(np.searchsorted)
    squeeze = _twin(np.squeeze)
    std = _twin(np.std)
    sum = _twin(np.sum)
    swapaxes = _twin(np.swapaxes)
    take = _twin(np.take)
    trace = _twin(np.trace)
    var = _twin(np.var)

    byteswap = _in_place(np.ndarray.byteswap)
    fill = _in_place(np.ndarray.fill)
    partition = _in_place(np.ndarray.partition)
    put = _in_place(np.ndarray.put)
    resize = _in_place(np.ndarray.resize)
    setfield = _in_place(np.ndarray.setfield)
    sort = _in_place(np.ndarray.sort)
    getfield = _exposing(np.ndarray.getfield)


for name, shown in LEAVING.items():
    if hasattr(np.ndarray, name):
        setattr(Dispatched, name, _leaving(getattr(np.ndarray, name), shown))
