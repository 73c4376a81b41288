"""The tensor: a NumPy array whose every use can be recorded, and the ways from NumPy into the record.

`Tensor` adds no mathematics to np.ndarray. It sends each ufunc (`__array_ufunc__`), each NumPy function
(`__array_function__`) and each method to `apply`, which computes on plain arrays and, while a tape records, leaves a
`Node` behind. What has neither a rule nor a place among the constants is refused while a tape records, so that no
gradient can be silently missing.
"""

import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nnlite.autodiff.graph import RECORDERS, Node
from nnlite.autodiff.rule import CONSTANT, RULES, Rule

REFUSED = "{name} has no derivative rule, so a GradientTape cannot record it; {advice}"
USE_PLAIN = "if its result may be treated as constant, call it on nnlite.stop_gradient(x)"
NO_WRITING = (
    "{name} changes a tensor in place, which a GradientTape cannot record; compute a new array instead "
    "(np.where, np.concatenate), or do it outside the tape"
)


class Tape(Protocol):
    """What a tensor must know of the tape that recorded it."""

    def backward(self, target: "Tensor", sources: "Iterable[Tensor] | None") -> None:
        """Add the gradients of `target` to `.grad` of its sources."""


def _twin(function: Callable[..., Any]) -> Any:
    """The method that calls its NumPy twin, and so comes through `__array_function__`."""

    def method(self: "Tensor", *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"As np.{function.__name__}."
    return method


def _in_place(method: Callable[..., Any]) -> Any:
    """The method of np.ndarray that changes an array, refused while a tape records."""

    def guarded(self: "Tensor", *args: Any, **kwargs: Any) -> Any:
        _refuse_writing(f"x.{method.__name__}()")
        result = method(self, *plain(args), **plain(kwargs))
        changed(self)
        return result

    guarded.__name__ = method.__name__
    guarded.__doc__ = f"As np.ndarray.{method.__name__}; refused while a GradientTape records."
    return guarded


class Tensor(np.ndarray[Any, np.dtype[Any]]):
    """A NumPy array that a `GradientTape` can follow.

    Behaves as np.ndarray everywhere. Only floating-point tensors are tracked. State lives on the object itself, never
    on its views, copies or pickles: each of those is a new tensor that nothing has recorded.

    Args:
        data: anything that np.array accepts; it is copied.
        dtype: the element type; that of the data if not given.

    Attributes:
        grad: the gradient that `backward` added up, an array of this shape and dtype; None before the first.
    """

    grad: NDArray[Any] | None = None
    _node: Node | None = None
    _tape: Tape | None = None

    def __new__(cls, data: ArrayLike, dtype: DTypeLike | None = None) -> Self:
        """Copy `data` into a new tensor."""
        return np.array(plain(data), dtype=dtype, subok=False).view(cls)

    def backward(self, sources: "Iterable[Tensor] | None" = None) -> None:
        """Differentiate this scalar and add the gradients to `.grad` of the leaves that it was computed from.

        Args:
            sources: only these leaves; the products for all others are then not even computed.

        Raises:
            ValueError: this is no scalar, was not recorded, or does not depend on one of the `sources`.
            RuntimeError: its tape still records, was used by an earlier `backward`, or a leaf has been changed in
                place since it was recorded.
        """
        if self._tape is None:
            raise ValueError("backward() of a tensor that no GradientTape recorded: compute it inside the with block")
        self._tape.backward(self, sources)

    # The ways in: ufuncs and operators.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        recording = RECORDERS.get()
        outputs = kwargs.pop("out", None)
        if recording and (outputs is not None or "where" in kwargs or method == "at"):
            raise TypeError(NO_WRITING.format(name=f"np.{ufunc.__name__} with out=, where= or .at"))
        if outputs is not None:
            kwargs["out"] = tuple(plain(each) for each in outputs)
        key = ufunc if method == "__call__" else (ufunc, method)
        rule = RULES.get(key)
        if rule is not None and outputs is None:
            return apply(rule, args, kwargs)
        if recording and key not in CONSTANT:
            name = f"np.{ufunc.__name__}" if method == "__call__" else f"np.{ufunc.__name__}.{method}"
            raise TypeError(REFUSED.format(name=name, advice=USE_PLAIN))
        result = getattr(ufunc, method)(*plain(args), **plain(kwargs))
        if outputs is not None:
            for each in outputs:
                changed(each)
            return outputs[0] if len(outputs) == 1 else outputs
        return result

    # The ways in: functions.

    def __array_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        rule = RULES.get(func)
        if rule is not None and kwargs.get("out") is None:
            return apply(rule, *_positional(func, rule, tuple(args), dict(kwargs)))
        if RECORDERS.get() and func not in CONSTANT:
            if kwargs.get("out") is not None:
                raise TypeError(NO_WRITING.format(name=f"np.{func.__name__} with out="))
            raise TypeError(REFUSED.format(name=f"{func.__module__}.{func.__name__}", advice=USE_PLAIN))
        if isinstance(kwargs.get("out"), Tensor):
            changed(kwargs["out"])
        return func(*plain(tuple(args)), **plain(dict(kwargs)))

    # The ways in: indexing and methods, which reach neither protocol by themselves.

    def __getitem__(self, index: Any) -> Any:
        return apply(RULES[operator.getitem], (self, plain(index)), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        _refuse_writing("x[...] = value")
        super().__setitem__(plain(index), plain(value))
        changed(self)

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        """As np.reshape; the lengths may be separate arguments."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)

    def transpose(self, *axes: Any) -> Any:
        """As np.transpose; the axes may be separate arguments."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: DTypeLike, *, copy: bool = True, **_unused: Any) -> Any:  # type: ignore[override]
        """As np.astype."""
        return np.astype(self, dtype, copy=copy)

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """As np.transpose."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:  # noqa: N802 - NumPy's name
        """As np.matrix_transpose."""
        return np.matrix_transpose(self)

    all = _twin(np.all)
    any = _twin(np.any)
    argmax = _twin(np.argmax)
    argmin = _twin(np.argmin)
    argpartition = _twin(np.argpartition)
    argsort = _twin(np.argsort)
    choose = _twin(np.choose)
    clip = _twin(np.clip)
    copy = _twin(np.copy)
    cumprod = _twin(np.cumprod)
    cumsum = _twin(np.cumsum)
    diagonal = _twin(np.diagonal)
    dot = _twin(np.dot)
    flatten = _twin(np.ravel)
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


def apply(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Compute a primitive and, while a tape records, leave a node of it there.

    Raises:
        TypeError: a tensor stands where the rule knows no derivative.
    """
    recorders = RECORDERS.get()
    if not recorders:
        return as_tensor(rule.compute(*plain(args), **plain(kwargs)))
    arrays: list[Any] = []
    parents: list[tuple[int, Node]] = []
    leaves: list[tuple[Node, Tensor]] = []
    for position, arg in enumerate(args):
        if not isinstance(arg, Tensor):
            arrays.append(plain(arg))
            continue
        arrays.append(arg.view(np.ndarray))
        if arg.dtype.kind != "f" or not _differentiable(rule, position):
            continue
        node = arg._node
        if node is None:
            node = arg._node = Node()
        if node.rule is None:
            leaves.append((node, arg))
        parents.append((position, node))
    if any(isinstance(each, Tensor) and each.dtype.kind == "f" for each in kwargs.values()):
        raise TypeError(f"{rule.name} was given a tensor by keyword where no derivative is known; {USE_PLAIN}")
    value = np.asarray(rule.compute(*arrays, **plain(kwargs)))
    if not parents:
        return value.view(Tensor)
    # A rule may need this value later on: whoever changed it would change the gradient silently.
    value.setflags(write=False)
    node = Node(rule, tuple(arrays), plain(kwargs), tuple(parents), value)
    for recorder in recorders:
        recorder.record(node, leaves)
    return lift(value, node, recorders[-1])


def lift(value: NDArray[Any], node: Node, tape: Any) -> Tensor:
    """The tensor of a node's plain value."""
    tensor = value.view(Tensor)
    tensor._node = node
    tensor._tape = tape
    return tensor


def as_tensor(value: Any) -> Tensor:
    """An untracked tensor over `value`, an array or a NumPy scalar, without a copy."""
    return value if isinstance(value, Tensor) else np.asarray(value).view(Tensor)


def plain(value: Any) -> Any:
    """`value` with each tensor in it, however deep in lists, tuples and dicts, as the plain array that it is."""
    if isinstance(value, Tensor):
        return value.view(np.ndarray)
    if type(value) in (list, tuple):
        return type(value)(plain(each) for each in value)
    if type(value) is dict:
        return {key: plain(each) for key, each in value.items()}
    return value


def stop_gradient(value: ArrayLike) -> NDArray[Any]:
    """`value` as a plain array, which nothing tracks: gradients do not flow through it."""
    return np.asarray(plain(value))


def changed(array: Any) -> None:
    """Declare that `array`, if it is a tensor, has been written to: what was recorded of it before no longer holds."""
    if isinstance(array, Tensor):
        array._node = None


def _refuse_writing(name: str) -> None:
    if RECORDERS.get():
        raise TypeError(NO_WRITING.format(name=name))


def _differentiable(rule: Rule, position: int) -> bool:
    if not rule.spread and position >= len(rule.gradients):
        raise TypeError(f"{rule.name} has no derivative for its argument {position + 1}; {USE_PLAIN}")
    return rule.spread or rule.gradients[position] is not None


def _positional(
    function: Callable[..., Any], rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as the rule wants them: arrays by position, a sequence of arrays spread."""
    if not rule.spread and not any(isinstance(each, Tensor) for each in kwargs.values()):
        return args, kwargs
    bound = inspect.signature(function).bind(*args, **kwargs)
    if not rule.spread:
        return bound.args, bound.kwargs
    (_, arrays), *rest = bound.arguments.items()
    return tuple(arrays), dict(rest)
