"""The record of what was computed, and the walk back through it: reverse-mode differentiation in one loop.

A `Node` is one executed primitive. Nodes point at their parents and never at their children, and they hold plain
arrays, never tensors: no cycle can arise, and a graph is freed the moment nobody can ask for its gradients any more.
The order in a recording's list is the order of execution, so walking it in reverse meets every node after all of its
uses: nothing is sorted, nothing recurses. (Method: Griewank and Walther, Evaluating Derivatives, 2nd ed., chapter 3.)
"""

import functools
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np

from nnlite.autodiff.accumulation import MatrixProduct, Scattered, computed
from nnlite.autodiff.hearing import bare, heard, listener
from nnlite.autodiff.rule import RESIDUAL, Gradient, Rule

Array = Any  # a plain array, or a Tensor while an outer tape records
Parents = tuple[tuple[int, "Node"], ...]


class Node:
    """One executed primitive; a leaf, which nothing recorded has computed, has no rule.

    Attributes:
        rule: how to differentiate it; None for a leaf.
        args: the positional arguments, tensors replaced by plain arrays.
        kwargs: the keyword arguments.
        parents: (position in `args`, node) of each argument that is tracked; None once its tape has been used up.
        value: the result as a plain array; None for a leaf.
        residual: what the primitive left for its derivative beside the result, if it does so.
    """

    __slots__ = ("args", "kwargs", "parents", "residual", "rule", "value")

    def __init__(
        self,
        rule: Rule | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        parents: Parents | None = (),
        value: Any = None,
        residual: Any = None,
    ) -> None:
        self.rule = rule
        self.args = args
        self.kwargs = kwargs
        self.parents = parents
        self.value = value
        self.residual = residual

    def forget(self) -> None:
        """Let go of everything that was only needed to differentiate."""
        self.args, self.kwargs, self.parents, self.value, self.residual = (), None, None, None, None


PLAIN = (np.ndarray, MatrixProduct, Scattered)  # gradients that nothing records


class Recorder(Protocol):
    """Whatever wants to hear of each executed primitive: a tape."""

    def record(self, node: Node, leaves: Iterable[tuple[Node, Any]]) -> None:
        """Take note of `node`, and of the leaf tensors among its arguments."""


# The tapes that record in this context (thread or task), the innermost last.
RECORDERS: ContextVar[tuple[Recorder, ...]] = ContextVar("recorders", default=())


def depends_on(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """The sources, and all those of `nodes` (in order of execution) that were computed from them, or may have been."""
    reached = set(sources)
    for node in nodes:
        if node.parents is None or any(parent in reached for _, parent in node.parents):
            reached.add(node)
    return reached


def comes_from(node: Node, sources: Collection[Node]) -> bool:
    """Whether `node` was computed from one of `sources`, on whatever tape; or has forgotten where it is from."""
    pending, seen = [node], {node}
    while pending:
        node = pending.pop()
        if node in sources or node.parents is None:
            return True
        fresh = {parent for _, parent in node.parents} - seen
        seen |= fresh
        pending.extend(fresh)
    return False


def walk_back(
    nodes: Iterable[Node],
    target: Node,
    seed: Array,
    sources: Collection[Node],
    needed: Collection[Node] | None = None,
    lift: Callable[[Array, Node], Array] | None = None,
    *,
    uncomputed: bool = False,
) -> dict[Node, Array]:
    """The gradient of `target` with respect to each of `sources` that it depends on.

    Args:
        nodes: the recording, in order of execution.
        target: what is differentiated.
        seed: the gradient with respect to `target` to begin with, of its shape.
        sources: nodes anywhere in the recording.
        needed: the sources and what depends on them: products for nothing else are computed; None if that is
            everything.
        lift: makes a tracked tensor of a node's plain value, so that the walk itself can be recorded.
        uncomputed: leave a leaf's gradient that is a single `MatrixProduct` as it is.

    Raises:
        RuntimeError: another tape has freed a part of the way.
    """
    trace = listener()
    gradients: dict[Node, Any] = {target: seed}
    sums: dict[Node, Any] = {}  # those of `gradients` that were made here, and that nobody else has
    for node in reversed(tuple(nodes)):  # a copy: the walk itself may be recorded, on this very recording
        rule, args, value, parents = node.rule, node.args, node.value, node.parents
        if node not in gradients or rule is None or not (needed is None or node in needed):
            continue
        if parents is None:
            raise _freed(rule)
        sums.pop(node, None)
        g = gradients[node] if node in sources else gradients.pop(node)
        options = node.kwargs or {}
        if trace is not None:
            trace.within(f"{rule.name}, backwards")
            g, value, args = heard(g), heard(value), tuple(map(heard, args))
            options = {name: heard(option) for name, option in options.items()}
        if lift is not None:
            value, args = lift(bare(value), node), _lifted(args, parents, lift)
        if rule.has_residual:
            options = {**options, RESIDUAL: heard(node.residual) if lift is None else None}
        if value.dtype.char == "e":
            g, value, args, options = widened(g), widened(value), tuple(map(widened, args)), _without(options)
        if rule.through is not None:
            g = rule.through(g, value, *args, **options)
        for position, parent in parents:
            if needed is not None and parent not in needed:
                continue
            product = rule.gradient(position)
            assert product is not None
            contribution = product(g, value, *args, **options)
            argument = node.args[position]
            if trace is not None:
                contribution = bare(contribution)
            if contribution.shape != argument.shape or contribution.dtype != argument.dtype:
                contribution = bare(fit(heard(computed(contribution)), argument, rule))
            if trace is not None:
                trace.contributed(contribution, argument)
            if parent in sums and type(contribution) in PLAIN:
                _add(sums[parent], contribution)
            elif parent in gradients:
                # A new array, never an addition in place: the first may be the very array that another parent has.
                total = bare(heard(computed(gradients[parent])) + heard(computed(contribution)))
                gradients[parent] = total
                sums.pop(parent, None)
                if type(total) is np.ndarray:
                    sums[parent] = total
            elif type(contribution) is Scattered:
                gradients[parent] = sums[parent] = contribution.compute()
            else:
                left = uncomputed and parent.rule is None
                gradients[parent] = contribution if left else computed(contribution)
    return {source: gradients[source] for source in sources if source in gradients}


def _freed(rule: Rule) -> RuntimeError:
    return RuntimeError(
        f"a result of {rule.name} that the target depends on was freed by backward() of another GradientTape, "
        "which recorded it too: call tape.gradient on that one, or backward() last"
    )


def _add(total: Array, contribution: Any) -> None:
    """Add to an array in place; what indexing sends back touches only the elements that were indexed."""
    if type(contribution) is Scattered:
        contribution.add_to(heard(total))
    else:
        total = heard(total)
        total += heard(computed(contribution))


def widened(array: Any) -> Any:
    """Half precision as float32: a rule counts, squares and divides beyond 65,504, as NumPy's functions do inside."""
    half = isinstance(array, np.ndarray | np.generic) and array.dtype.char == "e"
    return np.astype(np.asanyarray(array), np.float32) if half else array


def widely(product: Gradient | None) -> Gradient | None:
    """A product of a function whose results are wider than half precision though its arguments are not."""
    if product is None:
        return None

    @functools.wraps(product)
    def wide(*arrays: Any) -> Any:
        return product(*map(widened, arrays))

    return wide


def _without(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a rule, with its residual to be computed anew."""
    return {**options, RESIDUAL: None} if RESIDUAL in options else options


def _lifted(args: tuple[Any, ...], parents: Parents, lift: Callable[[Array, Node], Array]) -> tuple[Any, ...]:
    """The arguments, those that are tracked as tensors."""
    lifted = list(args)
    for position, parent in parents:
        lifted[position] = lift(bare(lifted[position]), parent)
    return tuple(lifted)


def fit(gradient: Array, argument: Array, rule: Rule) -> Array:
    """Undo broadcasting and promotion: the `gradient` in the shape and dtype of the `argument` that it belongs to.

    Raises:
        ValueError: the argument could not have been broadcast to the gradient's shape, so its `rule` is wrong.
    """
    if gradient.shape != argument.shape:
        leading = gradient.ndim - argument.ndim
        shape = (1,) * leading + argument.shape
        stretched = tuple(
            axis for axis, (length, had) in enumerate(zip(gradient.shape, shape, strict=False)) if had == 1 != length
        )
        summed = np.sum(gradient, axis=stretched, keepdims=True)
        if summed.shape != shape:
            raise ValueError(
                f"the rule of {rule.name} gives an argument of shape {argument.shape} a gradient of {gradient.shape}"
            )
        gradient = np.reshape(summed, argument.shape)
    if gradient.dtype != argument.dtype:
        gradient = np.astype(gradient, argument.dtype)
    return gradient
