"""How the package makes primitives of its own, beside those that NumPy brings."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from nnlite.autodiff.calls import arrays_by_position, holds_tensor
from nnlite.autodiff.rule import RULES, Gradient, Rule
from nnlite.autodiff.tensor import Tensor, apply

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def primitive(
    *gradients: Gradient | None, variadic: bool = False, through: Gradient | None = None, name: str | None = None
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Make a function on plain arrays one that tensors may be given to, with a rule of its own.

    Args:
        gradients: its vector-Jacobian products, as in `rule.Rule`, whose arguments are called as the function's are.
        variadic: as in `rule.Rule`.
        through: as in `rule.Rule`.
        name: what errors call it; the function's own name if not given.
    """

    def decorate(compute: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        rule = Rule(name or compute.__name__, compute, gradients, variadic, through)

        @functools.wraps(compute)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                args, kwargs = arrays_by_position(rule, args, kwargs)
            for each in args:
                if isinstance(each, Tensor) or (isinstance(each, list | tuple) and holds_tensor(each)):
                    return apply(rule, args, kwargs)
            return rule.compute(*args, **kwargs)

        RULES[call] = rule
        return cast("Callable[Parameters, Result]", call)

    return decorate
