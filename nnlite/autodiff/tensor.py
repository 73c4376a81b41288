"""The tensor: a NumPy array whose every use can be recorded, and the ways from NumPy into the record.

`Tensor` adds no mathematics to np.ndarray. It sends each ufunc (`__array_ufunc__`), each NumPy function
(`__array_function__`) and each method (see `methods`) to `apply`, which computes on plain arrays and, while a tape
records, leaves a `Node` behind. What has neither a rule nor a composition nor a place among the constants is refused
while a tape records. What NumPy tells nobody of, no tensor can refuse: `GradientTape` lists it.
"""

import operator
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nnlite.autodiff import hearing
from nnlite.autodiff.accumulation import Gradient, MatrixProduct, computed
from nnlite.autodiff.arguments import check_kind, check_position, refuse, refuse_whole_numbers, untracked
from nnlite.autodiff.calls import (
    arrays_by_position,
    compose,
    holds_tensor,
    refuse_scipy,
    rule_of_scipy,
    untold,
    written_by,
)
from nnlite.autodiff.graph import RECORDERS, Node
from nnlite.autodiff.hearing import Heard, Listener, as_array, bare, heard, listener
from nnlite.autodiff.methods import Dispatched, changed, leaf_of, plain, refuse_writing, shows
from nnlite.autodiff.rule import CONSTANT, RULES, WRITERS, Rule, name_of
from nnlite.habits import TENSOR, Foreign

__all__ = ["Tensor", "apply", "as_tensor", "changed", "lift", "plain", "stop_gradient"]


def _references_of_a_variable() -> int:
    """What sys.getrefcount says of an object that one local variable holds: 2 before CPython 3.14, then 1."""
    alone = np.empty(0)
    return sys.getrefcount(alone)


ONLY_HERE = _references_of_a_variable()
_view = np.ndarray.view  # which a tensor's own would record


class Tape(Protocol):
    """What a tensor must know of the tape that recorded it."""

    def backward(self, target: "Tensor", sources: "Iterable[Tensor] | None") -> None:
        """Add the gradients of `target` to `.grad` of its sources."""


class Tensor(Dispatched):
    """A NumPy array that a `GradientTape` can follow.

    Behaves as np.ndarray everywhere. Only floating-point tensors are tracked. State lives on the object itself, never
    on its views, copies or pickles: each of those is a new tensor that nothing has recorded.

    Args:
        data: anything that np.array accepts; it is copied.
        dtype: the element type; that of the data if not given.

    Attributes:
        grad: the gradient that `backward` added up, an array of this shape and dtype; None before the first.
            A matrix product among gradients is computed when it is first looked at.

    Raises:
        TypeError: `data` holds tensors while a tape records, which could not follow them into the new one.
    """

    __array_priority__ = 1.0  # what NumPy computes unheard of a tensor and an array is made a tensor, and noticed below

    _gradient: Gradient | None = None
    _spare_gradient: NDArray[Any] | None = None  # memory of the last gradient, for the next
    _spare_copy: NDArray[Any] | None = None  # and of what it was a product of
    _tape: Tape | None = None

    def __new__(cls, data: ArrayLike, dtype: DTypeLike | None = None) -> Self:
        """Copy `data` into a new tensor."""
        if RECORDERS.get() and holds_tensor(data):
            raise TypeError("Tensor(data) makes a constant of the tensors in its data: use np.stack or np.copy instead")
        array = plain(data)
        if isinstance(array, Heard):  # of which np.array would not be heard
            copied: NDArray[Any] = bare(array.copy() if dtype is None else array.astype(dtype))
        else:
            copied = np.array(array, dtype=dtype, subok=False)
        return copied.view(cls)

    def __array_finalize__(self, origin: Any) -> None:
        # All that is recorded is made of plain arrays: a tensor of anything else comes from array.dot(x) and its like.
        if type(origin) is not np.ndarray and RECORDERS.get() and self.dtype.kind == "f":
            raise TypeError(untold())

    def backward(self, sources: "Iterable[Tensor] | None" = None) -> None:
        """Differentiate this scalar and add the gradients to `.grad` of the leaves that it was computed from.

        Args:
            sources: only these leaves; the products for all others are then not even computed.

        Raises:
            ValueError: this is no scalar, was not recorded, does not depend on one of the `sources`, or depends on
                what another tape recorded.
            RuntimeError: its tape still records, was used by an earlier `backward`, or a leaf has been changed in
                place since it was recorded.
        """
        if self._tape is None:
            if self.dtype.kind != "f":
                raise TypeError(f"backward() of a tensor of {self.dtype}: only floating-point tensors have a gradient")
            raise ValueError(
                "backward() of a tensor that no GradientTape recorded: it was computed outside the with block, or "
                "inside but from constants alone (which np.floor, comparisons, np.array and np.zeros_like give)"
            )
        self._tape.backward(self, sources)

    @property
    def grad(self) -> NDArray[Any] | None:
        """The gradient that `backward` added up."""
        if hearing.listening and (trace := listener()) is not None:
            trace.touched(self)
            self._gradient = None if self._gradient is None else computed(self._gradient)
            gradient: NDArray[Any] | None = heard(self._gradient)
            return gradient
        if isinstance(self._gradient, MatrixProduct):
            self._gradient = self._gradient.compute(out=self._take("_spare_gradient"))
        return self._gradient

    @grad.setter
    def grad(self, gradient: NDArray[Any] | None) -> None:
        if gradient is not None and (self.dtype.kind != "f" or np.shape(gradient) != self.shape):
            raise ValueError(
                f".grad of a tensor of shape {self.shape} and {self.dtype} cannot be of shape {np.shape(gradient)}"
                if self.dtype.kind == "f"
                else f"a tensor of {self.dtype} has no .grad: only floating-point tensors have a gradient"
            )
        trace = listener()
        if trace is not None:
            trace.touched(self)
        self._gradient = None if gradient is None else bare(as_array(plain(gradient), self.dtype))

    @property
    def has_grad(self) -> bool:
        """Whether there is a `.grad`, without computing it."""
        return self._gradient is not None

    def add_gradient(self, gradient: Gradient) -> None:
        """Add to `.grad`; called by the tape alone."""
        before, trace = self.grad, hearing.LISTENER.get() if hearing.listening else None
        if before is not None:
            gradient = bare(before + heard(computed(gradient)))
        elif isinstance(gradient, MatrixProduct):
            # Where the last one was released as an array, this one will be: its memory is waiting.
            spare = self._take("_spare_gradient") if trace is None else None
            if spare is not None:
                gradient = gradient.compute(out=spare)
            elif trace is not None:
                gradient = gradient.secured()
            else:
                left = gradient.left
                gradient = gradient.secured(self._take("_spare_copy"))
                if isinstance(gradient, MatrixProduct) and gradient.left is not left:
                    self._spare_copy = gradient.left
        self._gradient = gradient

    def release_gradient(self) -> Gradient:
        """Take `.grad` off this tensor, as it is: perhaps a product that is not computed yet.

        Raises:
            ValueError: there is none.
        """
        if hearing.listening and (trace := listener()) is not None:
            trace.touched(self)
        gradient, self._gradient = self._gradient, None
        if gradient is None:
            raise ValueError(f"a tensor of shape {self.shape} has no .grad: call backward() first")
        return gradient

    def release_grad(self) -> NDArray[Any]:
        """Take `.grad` off this tensor, as an array that may be written to: a copy, if somebody else holds it.

        Raises:
            ValueError: there is none.
        """
        gradient, trace = self.release_gradient(), listener()
        if trace is not None:
            own: NDArray[Any] = trace.writable(computed(gradient))
            return own
        if isinstance(gradient, MatrixProduct):
            gradient = gradient.compute(out=self._take("_spare_gradient"))
        elif sys.getrefcount(gradient) > ONLY_HERE:
            return gradient.copy()
        self._spare_gradient = gradient  # whose memory serves the next gradient
        return gradient

    def _take(self, name: str) -> NDArray[Any] | None:
        """The memory that was kept under this name, if nobody else holds it."""
        spare = self.__dict__.pop(name, None)
        return spare if spare is not None and sys.getrefcount(spare) <= ONLY_HERE else None

    def __getitem__(self, index: Any) -> Any:
        return apply(RULES[operator.getitem], (self, plain(index)), {})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        key = ufunc if method == "__call__" else (ufunc, method)
        rule = RULES.get(key)
        if rule is not None and not ("out" in kwargs or "where" in kwargs):
            return apply(rule, args, kwargs)
        if RECORDERS.get():
            if "out" in kwargs or ("where" in kwargs and method == "__call__") or method == "at":
                refuse_writing(f"{name_of(ufunc)} with out=, where= or .at")
            if ufunc in CONSTANT:
                return getattr(ufunc, method)(*plain(args), **plain(kwargs))
            rule = rule_of_scipy(key)
            return compose(key, args, kwargs) if rule is None else apply(rule, args, kwargs)
        outputs = kwargs.get("out", args[:1] if method == "at" else ())
        if method == "at" and not args[0].flags.writeable:  # NumPy itself does not look
            raise ValueError(f"{name_of(ufunc)}.at of an array that is read-only")
        result = getattr(ufunc, method)(*plain(args), **plain(kwargs))
        for each in outputs:
            changed(each)
        if "out" in kwargs:
            results = result if isinstance(result, tuple) else (result,)
            given = tuple(new if old is None else old for old, new in zip(outputs, results, strict=True))
            return given[0] if len(given) == 1 else given
        return result if ufunc in CONSTANT else _tensors(result)

    def __array_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Iterable[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        if RECORDERS.get() and sys._getframe(1).f_globals.get("__name__", "").startswith("scipy."):
            refuse_scipy()
        arguments = tuple(args)
        keywords = {name: value for name, value in kwargs.items() if name != "out" or value is not None}
        rule = RULES.get(func)
        if rule is not None and "out" not in keywords and len(arguments) <= rule.arity:
            return apply(rule, *arrays_by_position(rule, arguments, keywords))
        written = written_by(func, arguments, keywords)
        if RECORDERS.get():
            if written is not None:
                refuse_writing(name_of(func) if func in WRITERS else f"{name_of(func)} with out=")
            if func not in CONSTANT:
                return compose(func, arguments, keywords)
        result = func(*plain(arguments), **plain(keywords))
        if written is not None:
            changed(written)
            return None if result is None else written
        return result if func in CONSTANT else shows(_tensors(result), arguments)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in TENSOR]

    def __repr__(self) -> str:
        return _without_recording(super().__repr__)

    def __str__(self) -> str:
        return _without_recording(super().__str__) if listener() is None else str(plain(self))


for _name in TENSOR:  # and not by __getattr__, which would slow every attribute down
    setattr(Tensor, _name, Foreign(_name, TENSOR))


def apply(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Compute a primitive and, while a tape records, leave a node of it there.

    Raises:
        TypeError: an argument stands where the rule knows no derivative, or is complex.
    """
    recorders = RECORDERS.get()
    if not recorders:
        return _unrecorded(rule, args, kwargs)
    if len(args) > rule.arity or (kwargs and (not kwargs.keys() <= rule.keywords or holds_tensor(kwargs))):
        refuse(rule, args, kwargs)
    if kwargs:
        kwargs = plain(kwargs)
    arrays: list[Any] = []
    parents: list[tuple[int, Node]] = []
    leaves: list[tuple[Node, Tensor]] = []
    whole = False  # whether there is a tensor of integers
    for position, arg in enumerate(args):
        kind = type(arg)
        if kind is np.ndarray:  # data, most often
            arrays.append(arg)
            continue
        if kind is not Tensor and not isinstance(arg, Tensor):
            arg = untracked(rule, position, arg)  # noqa: PLW2901 - or a tensor, gathered from a list of them
            if not isinstance(arg, Tensor):
                arrays.append(arg)
                continue
        array = _view(arg, np.ndarray)
        arrays.append(array)
        if array.dtype.kind != "f":
            check_kind(rule, array)
            whole |= array.dtype.kind != "b" and position in rule.differentiable
            continue
        if position not in rule.differentiable:
            check_position(rule, position)
            continue
        node = arg._node or arg.__dict__.setdefault("_node", Node())  # in one step: other threads may be at the same
        if arg._viewed is not None:
            node = leaf_of(arg)
        if node.rule is None:
            leaves.append((node, arg))
        parents.append((position, node))
    value, residual, trace = _run(rule, arrays, kwargs)
    if value.dtype.kind != "f":
        check_kind(rule, value)
        parents.clear()
    elif whole:
        refuse_whole_numbers(rule, value)
    if not parents:
        return _view(value, Tensor)
    # A rule may need this value later on: whoever changed it would change the gradient silently.
    value.setflags(write=False)
    if trace is not None:
        trace.recorded(value, rule.name, arrays)
    node = Node(rule, tuple(arrays), kwargs, tuple(parents), value, residual)
    for recorder in recorders:
        recorder.record(node, leaves)
    return lift(value, node, recorders[-1])


def _run(rule: Rule, arrays: list[Any], kwargs: dict[str, Any]) -> tuple[NDArray[Any], Any, Listener | None]:
    """The value of a primitive, what it left for its derivative, and the trace that has heard of it."""
    trace = hearing.LISTENER.get() if hearing.listening else None
    if trace is not None:
        trace.within(rule.name)
        arrays = list(map(trace.heard, arrays))
    result = rule.run(*arrays, **kwargs)
    value, residual = result if rule.has_residual else (result, None)
    return np.asarray(value), residual if trace is None else bare(residual), trace


def _unrecorded(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    value = np.asarray(rule.compute(*plain(args), **plain(kwargs)))
    result: Tensor = _view(value, Tensor)
    if value.base is not None and isinstance(args[0], Tensor) and np.may_share_memory(value, plain(args[0])):
        result._viewed = args[0]  # to tell it if this view of it is written to
    return result


def lift(value: NDArray[Any], node: Node, tape: Any) -> Tensor:
    """The tensor of a node's plain value."""
    tensor: Tensor = _view(value, Tensor)
    tensor._node = node
    tensor._tape = tape
    return tensor


def as_tensor(value: Any) -> Tensor:
    """An untracked tensor over `value`, an array or a NumPy scalar, without a copy."""
    return value if isinstance(value, Tensor) else np.asarray(value).view(Tensor)


def stop_gradient(value: ArrayLike) -> NDArray[Any]:
    """`value` as a plain array, which nothing tracks: gradients do not flow through it.

    It keeps its numbers: of a tensor that can still be changed in place, such as a parameter, it is a copy.
    """
    array: NDArray[Any] = plain(value) if isinstance(value, np.ndarray) else as_array(plain(value))
    return array.copy() if isinstance(value, Tensor) and array.flags.writeable else array


def _tensors(value: Any) -> Any:
    """`value` with each floating-point array in it as a tensor."""
    if type(value) in (list, tuple):
        return type(value)(_tensors(each) for each in value)
    return as_tensor(value) if isinstance(value, np.ndarray | np.floating) else value


def _without_recording(show: Callable[[], str]) -> str:
    """What `show` returns, without the slicing and rounding that goes into it on the record."""
    token = RECORDERS.set(())
    try:
        return show()
    finally:
        RECORDERS.reset(token)
