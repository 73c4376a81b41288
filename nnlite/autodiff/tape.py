"""The gradient tape: records what happens to tensors inside its `with` block, and differentiates it afterwards.

    with GradientTape() as tape:
        y = np.sum(np.sin(x) * x**2)
    (dx,) = tape.gradient(y, [x])

A tape owns its recording, flat and in order; it may be entered again to record more, and tapes may be nested: an outer
tape also hears what an inner one does while it differentiates, which is how gradients of gradients come about.
"""

import sys
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nnlite.autodiff.accumulation import MatrixProduct, owner
from nnlite.autodiff.graph import RECORDERS, Node, comes_from, depends_on, walk_back
from nnlite.autodiff.hearing import heard, listener
from nnlite.autodiff.methods import is_stale
from nnlite.autodiff.tensor import Tensor, as_tensor, lift, plain


class GradientTape:
    """Records primitives on tensors while it is active in this thread or task.

    What it follows, for a tensor `x`, a scalar tensor `s` and a plain `array`:

    | in the `with` block | what happens |
    | --- | --- |
    | `np.sin(x)`, `array @ x`, `x[0]`, `x.sum()`, `np.stack([x, x])`, `sum(x)`, `max(x)` | followed |
    | `np.median(x)`, `np.sum(x, where=x > 1)`, `np.cumprod(x)`, `np.convolve(x, array)`, `np.diff(x)` | followed |
    | `np.linalg.norm(x, 3)`, `np.linalg.eigvalsh(np.outer(x, x))`, `scipy.special.gammaln(x)` | followed |
    | `x > 1`, `np.floor(x)`, `np.argmax(x)`, `bool(s)`, `str(x)`, `f"{s:.2f}"` | computed as a constant |
    | `nn.stop_gradient(x)`, `float(nn.stop_gradient(s))`, `x.view(np.ndarray)` | computed as a constant |
    | `float(s)`, `int(s)`, `math.exp(s)`, `s.item()`, `x.tolist()`, `x.tobytes()`, `pickle.dumps(x)` | refused |
    | `np.array([s, s])`, `array[0] = s`, `np.from_dlpack(x)`, `"%f" % s`, `nn.Tensor([s, s])` | refused |
    | `x[0] = 1`, `x += 1`, `np.exp(x, out=x)`, `array += x`, `array.dot(x)`, `np.c_[x, x]`, `np.unique(x)` | refused |
    | `np.fft.rfft(x)`, `x * 1j`, `np.quantile(array, s / 2)`, `scipy.special.logsumexp(x)`, `np.ma.sum(x)` | refused |
    | `np.asarray(x)`, `np.array(x)`, `np.array([x, x])`, `np.mean([x, x])`, `np.full(2, x)` | leaves no trace |
    | `array[:] = x`, `array[:1] = s`, `array.flat[:] = x`, `array.put([0, 1], x)` | leaves no trace |
    | `np.pad(array, 1, constant_values=s)`, `np.random.default_rng(0).normal(x)` | leaves no trace |
    | `np.polynomial.Polynomial(x)(2.0)`, `scipy.linalg.norm(x)`, `pandas.DataFrame({"a": x})` | leaves no trace |
    | `np.frombuffer(x)`, `np.nditer(x)`, `np.float64(s)` | leaves no trace |

    Followed are NumPy's functions of real numbers: arithmetic and elementary functions; indexing, shapes, joining and
    splitting; reductions with their axis=, keepdims=, where= and initial=, also those that ignore NaNs; sorting,
    quantiles, covariances, weighted counts; differences, slopes, integrals, convolution, interpolation, polynomials;
    products, np.einsum, norms of every order, inverses, determinants, least squares; Cholesky, QR, eigenvalues of
    symmetric matrices, singular values; and ufuncs of scipy.special, from erf to the Bessel functions. What has no
    rule, or has none for an argument or an option, is refused.

    What is refused raises a TypeError that names the way out. What leaves no trace is constant, because NumPy tells
    nobody: a gradient is wrong where the same tensor also came in another way; where it came in no other way, asking
    for its gradient is an error. `nnlite.check_gradient` finds both in a function of yours. It is what copies numbers
    into a plain array before it looks at them: functions of nothing but a list of tensors, options of functions of
    plain arrays, random numbers, np.ma, np.polynomial, and SciPy but for its ufuncs. (From Python 3.12 on
    `np.frombuffer`, `memoryview` and `bytes` are refused.)

    Nothing may be changed between being recorded and being differentiated. Results are read-only, and a tensor that
    was changed in place, itself or through x[1:], x.T, x.flat or what it is a view of, is an error; but NumPy tells
    nobody when a plain array is written to, or a tensor's memory through a plain array that shares it: that much is
    left to the caller.
    """

    def __init__(self) -> None:
        self._nodes: dict[Node, None] = {}  # in order of execution
        self._leaves: dict[Node, Tensor] = {}
        self._foreign: set[Node] = set()  # recorded by another tape alone, and used on this one
        self._used = False
        self._recording = False

    def __enter__(self) -> Self:
        if self._recording:
            raise RuntimeError("this GradientTape is recording already")
        if self._used:
            raise RuntimeError("this GradientTape was used up by backward(): make a new one")
        self._recording = True
        RECORDERS.set((*RECORDERS.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        recorders = RECORDERS.get()
        if recorders[-1:] == (self,):
            RECORDERS.set(recorders[:-1])
        else:  # generators may leave in another order than they entered, or in another context
            RECORDERS.set(tuple(each for each in recorders if each is not self))
        self._recording = False

    def record(self, node: Node, leaves: Iterable[tuple[Node, Tensor]]) -> None:
        """Take note of an executed primitive; called by the engine alone."""
        self._nodes[node] = None
        for leaf, tensor in leaves:
            self._leaves.setdefault(leaf, tensor)
        for _, parent in node.parents or ():
            if parent.rule is not None and parent not in self._nodes:
                self._foreign.add(parent)

    def gradient(
        self,
        target: Tensor,
        sources: Iterable[Tensor],
        output_gradient: ArrayLike | None = None,
        *,
        unconnected_zero: bool = False,
    ) -> list[Tensor]:
        """The gradient of `target` with respect to each of `sources`.

        Args:
            target: a tensor that was computed on this tape.
            sources: leaves or intermediate values.
            output_gradient: the gradient to begin with, of the target's shape; needed unless the target is a scalar.
            unconnected_zero: whether a source that the target does not depend on has the gradient zero.

        Returns:
            One tensor a source, of its shape and dtype, each with memory of its own, also where a source is given
            twice; tracked if an outer tape is recording.

        Raises:
            TypeError: `sources` is no sequence of floating-point tensors, or the target is a list.
            ValueError: the target is not on this tape, is no scalar, or does not depend on a source, or a part of the
                way from the source to the target is on another tape.
            RuntimeError: a leaf has been changed in place since it was recorded, or the tape is used up.
        """
        sources = _listed(sources, "tape.gradient(y, [x])")
        start = self._check(target)
        nodes = [source._node for source in sources]
        wanted = dict.fromkeys(node for node in nodes if node is not None)
        self._check_complete(start, wanted)
        recording = bool(RECORDERS.get())
        seed = _seed(target, output_gradient)
        needed = depends_on(self._nodes, wanted)
        lifted = self._lift if recording else None
        found = walk_back(self._nodes, start, seed if recording else plain(seed), wanted, needed, lifted)
        gradients = _separate(found, views=True)
        results: list[Tensor] = []
        given: set[Node] = set()
        for position, (source, node) in enumerate(zip(sources, nodes, strict=True)):
            if node is not None and node in gradients:
                results.append(as_tensor(np.copy(heard(gradients[node])) if node in given else gradients[node]))
                given.add(node)
            elif unconnected_zero:
                results.append(as_tensor(np.zeros(source.shape, source.dtype)))
            else:
                known = node is not None and (node in self._leaves or node in self._nodes)
                why = (
                    "what this tape recorded of it does not lead to the target"
                    if known
                    else "it was not used inside the with block, as a tensor, or only by what makes it constant "
                    "(np.floor, a comparison, np.array ...)"
                )
                raise ValueError(
                    f"the target does not depend on source {position}: {why} (unconnected_zero=True gives zeros)"
                )
        return results

    def backward(self, target: Tensor, sources: Iterable[Tensor] | None = None) -> None:
        """Add the gradients of `target` to `.grad` of `sources` (default: every leaf), and free the recording.

        As `Tensor.backward`, which calls it.
        """
        if self._recording:
            raise RuntimeError("backward() inside its own GradientTape: call it after the with block")
        start = self._check(target)
        seed = plain(_seed(target, None))
        leaves, needed = self._leaves, None
        if sources is not None:
            leaves = {}
            for source in _listed(sources, "y.backward([x])"):
                if source._node is None or source._node not in self._leaves:
                    raise ValueError("backward() was given a source that is no leaf of this GradientTape")
                leaves[source._node] = source
            needed = depends_on(self._nodes, leaves)
        self._check_complete(start, leaves, every=sources is None)
        token = RECORDERS.set(())  # .grad is a number to step by, not itself to be differentiated
        try:
            gradients = walk_back(self._nodes, start, seed, leaves, needed, uncomputed=True)
        finally:
            RECORDERS.reset(token)
        if sources is not None and len(gradients) < len(leaves):
            raise ValueError("backward() was given a source that the target does not depend on")
        for node, gradient in _separate(gradients).items():
            leaves[node].add_gradient(gradient)
        self._used = True
        for node in self._nodes:
            node.forget()
        self._nodes.clear()
        self._leaves.clear()
        self._foreign.clear()

    def _check(self, target: Tensor) -> Node:
        """The node of the target, if everything is in order."""
        if self._used:
            raise RuntimeError("this GradientTape was used up by backward(): record the computation on a new one")
        node = _node_of(target)
        if node not in self._leaves and node not in self._nodes:
            raise ValueError(
                "the target was not recorded on this GradientTape, but on another or on an earlier one: compute it "
                "inside the with block of this one"
            )
        for leaf, tensor in self._leaves.items():
            if tensor._node is not leaf or (tensor._viewed is not None and is_stale(tensor, leaf)):
                raise RuntimeError(
                    f"a tensor of shape {tensor.shape} was changed in place after this GradientTape recorded it, so "
                    "the gradient would be wrong: differentiate before changing it"
                )
        return node

    def _check_complete(self, target: Node, sources: Collection[Node], *, every: bool = False) -> None:
        """Raise if the target comes from a source (or, if `every`, from anything) also by way of another tape."""
        if not self._foreign:
            return
        hidden = {node for node in self._foreign if node not in sources and (every or comes_from(node, sources))}
        if hidden and target in depends_on(self._nodes, hidden):
            raise ValueError(
                "the target also depends on a tensor that another GradientTape recorded, and this one cannot follow it "
                "there: compute both on one tape, or use nnlite.stop_gradient(x) where the other part is constant"
            )

    def _lift(self, value: Any, node: Node) -> Tensor:
        leaf = self._leaves.get(node)
        return lift(value, node, self) if leaf is None else leaf


def _node_of(target: Any) -> Node:
    """The node of a target, which is to be a recorded tensor.

    Raises:
        TypeError: it is of another type.
        ValueError: it is plain, constant, or was computed outside.
    """
    if isinstance(target, list | tuple):
        raise TypeError("the target is one tensor: differentiate the sum of several, or ask for each in turn")
    if not isinstance(target, Tensor):
        raise ValueError(  # noqa: TRY004 - what a constant function returns is no wrong type
            f"the target was not recorded on this GradientTape: it is a {type(target).__name__}, no tensor, so it "
            "depends on none, or became plain on the way (np.floor, a comparison, np.array, float ...)"
        )
    if target.dtype.kind != "f":
        raise TypeError(f"the target is of {target.dtype}: only floating-point tensors have a gradient")
    if target._node is None:
        raise ValueError(
            "the target was not recorded on this GradientTape: it was computed outside the with block, or inside but "
            "from constants alone (what np.floor, comparisons, np.array and np.zeros_like give is constant)"
        )
    return target._node


def _listed(sources: Any, example: str) -> list[Tensor]:
    """The sources, checked.

    Raises:
        TypeError: they are no list of floating-point tensors.
    """
    listed = list(sources) if isinstance(sources, Iterable) and not isinstance(sources, np.ndarray) else None
    if listed is None or not all(isinstance(source, Tensor) for source in listed):
        raise TypeError(f"sources is a list of tensors, also for one: {example}")
    for position, source in enumerate(listed):
        if source.dtype.kind != "f":
            raise TypeError(
                f"source {position} is of {source.dtype}: only floating-point tensors have a gradient; make it one by "
                "nnlite.Tensor(data, dtype=float)"
            )
    return listed


def _seed(target: Tensor, output_gradient: ArrayLike | None) -> Any:
    if output_gradient is None:
        if target.size != 1:
            raise ValueError(
                f"the target has shape {target.shape}: only a scalar has a gradient without an output_gradient"
            )
        return np.ones(target.shape, target.dtype) if target.shape else np.array(1.0, target.dtype)
    seed = as_tensor(output_gradient)
    if seed.shape != target.shape:
        raise ValueError(f"output_gradient has shape {seed.shape}, the target {target.shape}")
    return seed if seed.dtype == target.dtype else np.astype(seed, target.dtype)


def _references_of_a_base(view: Any) -> int:
    """What sys.getrefcount says of the base of a view."""
    base = view.base
    return sys.getrefcount(base)


ALONE = _references_of_a_base(np.empty(2)[::-1])  # of one that nobody else holds


def _has_its_memory_alone(view: Any) -> bool:
    """Whether an array is a view of all of another that nothing else refers to, as np.flip(g) of a gradient is."""
    whole = type(view.base) is np.ndarray and view.base.base is None and view.base.size == view.size
    return whole and bool(view.flags.writeable) and _references_of_a_base(view) <= ALONE


def _separate(gradients: Mapping[Node, Any], *, views: bool = False) -> dict[Node, Any]:
    """The gradients as arrays of their own, which may be written to: rules pass on what they were given, or views.

    With `views`, one that has its memory for itself may be a view, in whatever order its elements lie there.
    """
    trace = listener()
    # What a product is still to be computed from belongs to that product.
    owned = {id(owner(each.right)) for each in gradients.values() if isinstance(each, MatrixProduct)}
    separate: dict[Node, Any] = {}
    for node, gradient in gradients.items():
        if isinstance(gradient, MatrixProduct):
            separate[node] = gradient
            continue
        if isinstance(gradient, Tensor):  # an outer tape records: what it has computed is read-only, a leaf is not
            separate[node] = np.copy(gradient) if gradient.flags.writeable else gradient
            continue
        if trace is not None:
            continue
        array = np.asarray(gradient)
        if views and _has_its_memory_alone(array):
            pass
        elif array.base is not None or id(array) in owned or not array.flags.writeable:
            array = array.copy()
        owned.add(id(array))
        separate[node] = array
    if trace is not None:  # which knows of each memory whose it is
        rest = {node: gradient for node, gradient in gradients.items() if not isinstance(gradient, Tensor)}
        separate |= trace.separate(rest)
    return separate
