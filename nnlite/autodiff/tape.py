"""The gradient tape: records what happens to tensors inside its `with` block, and differentiates it afterwards.

    with GradientTape() as tape:
        y = np.sum(np.sin(x) * x**2)
    (dx,) = tape.gradient(y, [x])

A tape owns its recording, a flat list; it may be entered again to record more, and tapes may be nested: an outer tape
also hears what an inner one does while it differentiates, which is how gradients of gradients come about.
"""

from collections.abc import Iterable, Sequence
from contextvars import Token
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from nnlite.autodiff.graph import RECORDERS, Node, Recorder, walk_back
from nnlite.autodiff.tensor import Tensor, as_tensor, lift, plain


class GradientTape:
    """Records primitives on tensors while it is active in this thread or task."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._leaves: dict[Node, Tensor] = {}
        self._used = False
        self._token: Token[tuple[Recorder, ...]] | None = None

    def __enter__(self) -> Self:
        if self._token is not None:
            raise RuntimeError("this GradientTape is recording already")
        if self._used:
            raise RuntimeError("this GradientTape was used up by backward(): make a new one")
        self._token = RECORDERS.set((*RECORDERS.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        assert self._token is not None
        RECORDERS.reset(self._token)
        self._token = None

    def record(self, node: Node, leaves: Iterable[tuple[Node, Tensor]]) -> None:
        """Take note of an executed primitive; called by the engine alone."""
        self._nodes.append(node)
        for leaf, tensor in leaves:
            self._leaves.setdefault(leaf, tensor)

    def gradient(
        self,
        target: Tensor,
        sources: Sequence[Tensor],
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
            One tensor a source, of its shape and dtype; tracked if an outer tape is recording.

        Raises:
            ValueError: the target is not on this tape, is no scalar, or does not depend on a source.
            RuntimeError: a leaf has been changed in place since it was recorded, or the tape is used up.
        """
        self._check(target)
        seed = self._seed(target, output_gradient)
        nodes = [source._node for source in sources]
        known = [node for node in nodes if node is not None]
        recording = bool(RECORDERS.get())
        assert target._node is not None
        gradients = walk_back(self._nodes, target._node, seed, known, self._lift if recording else None)
        results = []
        for position, (source, node) in enumerate(zip(sources, nodes, strict=True)):
            if node is not None and node in gradients:
                results.append(as_tensor(gradients[node]))
            elif unconnected_zero:
                results.append(Tensor(np.zeros_like(plain(source))))
            else:
                raise ValueError(
                    f"the target does not depend on source {position}, as far as this tape knows: was the source used "
                    "inside the with block, as a tensor? (unconnected_zero=True gives zeros)"
                )
        return results

    def backward(self, target: Tensor, sources: Iterable[Tensor] | None = None) -> None:
        """Add the gradients of `target` to `.grad` of `sources` (default: every leaf), and free the recording.

        As `Tensor.backward`, which calls it.
        """
        if self._token is not None:
            raise RuntimeError("backward() inside its own GradientTape: call it after the with block")
        self._check(target)
        seed = self._seed(target, None)
        leaves = self._leaves
        if sources is not None:
            leaves = {}
            for source in sources:
                if source._node is None or source._node not in self._leaves:
                    raise ValueError("backward() was given a source that is no leaf of this GradientTape")
                leaves[source._node] = source
        assert target._node is not None
        token = RECORDERS.set(())  # .grad is a number to step by, not itself to be differentiated
        try:
            gradients = walk_back(self._nodes, target._node, seed, leaves)
        finally:
            RECORDERS.reset(token)
        if sources is not None and len(gradients) < len(leaves):
            raise ValueError("backward() was given a source that the target does not depend on")
        for node, gradient in gradients.items():
            leaf = leaves[node]
            leaf.grad = gradient if leaf.grad is None else leaf.grad + gradient
        self._used = True
        self._nodes.clear()
        self._leaves.clear()

    def _check(self, target: Tensor) -> None:
        if self._used:
            raise RuntimeError("this GradientTape was used up by backward(): record the computation on a new one")
        if not isinstance(target, Tensor) or target._node is None:
            raise ValueError("the target was not recorded on a GradientTape: compute it inside the with block")
        for leaf, tensor in self._leaves.items():
            if tensor._node is not leaf:
                raise RuntimeError(
                    f"a tensor of shape {tensor.shape} was changed in place after this GradientTape recorded it, so "
                    "the gradient would be wrong: differentiate before changing it"
                )

    def _lift(self, value: Any, node: Node) -> Tensor:
        leaf = self._leaves.get(node)
        return lift(value, node, self) if leaf is None else leaf

    @staticmethod
    def _seed(target: Tensor, output_gradient: ArrayLike | None) -> Any:
        if output_gradient is None:
            if target.size != 1:
                raise ValueError(
                    f"the target has shape {target.shape}: only a scalar has a gradient without an output_gradient"
                )
            return np.ones(target.shape, target.dtype)
        seed = np.asarray(plain(output_gradient), dtype=target.dtype)
        if seed.shape != target.shape:
            raise ValueError(f"output_gradient has shape {seed.shape}, the target {target.shape}")
        return seed
