"""What a derivative rule is, and the one table that holds them all.

A primitive is a function that the engine differentiates by a formula instead of by looking inside. Its rule has one
vector-Jacobian product for each positional argument: given the gradient `g` of the loss with respect to the result
`y`, it returns the gradient with respect to that argument,

    gradient(g, y, *args, **kwargs) -> array,

written in NumPy calls, so that it is differentiable itself. A rule need not undo broadcasting or keep the dtype: the
walk back through the tape does so once for all rules (see `graph`).
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

Gradient = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one primitive is computed and differentiated.

    Attributes:
        name: what errors call it.
        compute: the primitive itself, called with plain arrays.
        gradients: one product an argument; None where there is no derivative (an axis, a mask). An argument beyond
            the tuple has none either.
        spread: the first argument is a sequence of arrays (np.concatenate). `compute` and the gradients then take the
            arrays as positional and all else as keyword arguments, and `gradients` holds a single function that is
            also given `position`, the array's place in the sequence.
    """

    name: str
    compute: Callable[..., Any]
    gradients: tuple[Gradient | None, ...]
    spread: bool = False

    def gradient(self, position: int) -> Gradient | None:
        """The product for the argument at `position`, or None if that argument has no derivative."""
        if self.spread:
            spread = self.gradients[0]
            assert spread is not None
            return lambda g, y, *args, **kwargs: spread(g, y, *args, position=position, **kwargs)
        return self.gradients[position] if position < len(self.gradients) else None


# Keys are NumPy functions, ufuncs, and (ufunc, method) pairs such as (np.add, "reduce").
RULES: dict[Hashable, Rule] = {}

# Functions whose results do not change with small changes of their arguments, or are no numbers at all: they are
# computed on plain arrays, and nothing is recorded.
CONSTANT: set[Hashable] = set()


def derivative(function: Callable[..., Any], *gradients: Gradient | None) -> None:
    """Enter the rule of a NumPy function into the table."""
    assert function not in RULES, function
    RULES[function] = Rule(f"np.{function.__name__}", function, gradients)


def constant(*functions: Callable[..., Any]) -> None:
    """Enter functions that carry no derivative into the table."""
    CONSTANT.update(functions)
