"""Which arguments a rule takes, and how it refuses others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff.calls import gathered, holds_tensor, no_derivative, refuse_as_numpy_does, unsupported
from nnlite.autodiff.hearing import as_array, bare
from nnlite.autodiff.methods import Dispatched, listed, plain
from nnlite.autodiff.rule import STEP, Rule


def untracked(rule: Rule, position: int, arg: Any) -> Any:
    """An argument that is neither a tensor nor an array, as the rule wants it: arrays without meanings of their own."""
    several = listed(arg)
    if several is not None:
        arg = several
        if position in rule.differentiable:
            arg = gathered(arg)
            return arg if isinstance(arg, Dispatched) else bare(as_array(arg))
        if holds_tensor(arg):
            check_position(rule, position)
        return plain(arg)
    if isinstance(arg, np.ndarray):
        if arg.__array_priority__ > 0:  # np.matrix and np.ma have an arithmetic of their own
            raise TypeError(f"{rule.name} has no derivative rule for a {type(arg).__name__}: give it np.asarray(it)")
        return np.asarray(arg)
    return plain(arg) if type(arg) is dict else arg


def refuse(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise what NumPy raises for the call, or else that the rule does not know its arguments."""
    refuse_as_numpy_does(rule.compute, args, kwargs)
    tracked = [name for name, value in kwargs.items() if name in rule.keywords and holds_tensor(value)]
    if tracked:
        raise TypeError(no_derivative(rule.name, tracked[0]))
    raise TypeError(unsupported(rule.name, args, kwargs, rule.keywords))


def check_kind(rule: Rule, array: NDArray[Any]) -> None:
    """Raise if these are no real numbers."""
    if array.dtype.kind in "cO":
        raise TypeError(f"{rule.name} of {array.dtype} numbers has no derivative rule: only real numbers are recorded")


def refuse_whole_numbers(rule: Rule, value: NDArray[Any]) -> None:
    """Say at once that a tensor of integers has no gradient, where one that is made floating-point would have it."""
    raise TypeError(
        f"{rule.name} makes {value.dtype} of a tensor of integers, and only floating-point tensors have a gradient: "
        "make it one by nnlite.Tensor(data, dtype=float), or say nnlite.stop_gradient(x) if it is constant"
    )


def check_position(rule: Rule, position: int) -> None:
    """Raise if the rule knows of no argument there."""
    if position >= len(rule.gradients) or rule.gradients[position] is not STEP:
        names = rule.parameters
        raise TypeError(no_derivative(rule.name, names[position] if position < len(names) else position + 1))
