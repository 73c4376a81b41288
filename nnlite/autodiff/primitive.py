"""Primitives of one's own, beside those that NumPy brings: a function with its derivative."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from nnlite.autodiff.calls import arrays_by_position, gathered, holds_tensor
from nnlite.autodiff.methods import listed
from nnlite.autodiff.rule import RULES, Gradient, Rule
from nnlite.autodiff.tensor import Tensor, apply

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def primitive(
    *gradients: Gradient | None, variadic: bool = False, through: Gradient | None = None, name: str | None = None
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Make a function on plain arrays one that tensors may be given to, with a derivative rule of its own.

        @nnlite.primitive(
            lambda g, y, x, w: g * w * np.cos(x * w),  # of the loss with respect to x
            lambda g, y, x, w: g * x * np.cos(x * w),  # with respect to w; None: an argument that is to be no tensor
        )
        def wave(x, w):
            return np.sin(x * w)  # x and w are plain arrays here, so that anything may be called

    A product is given `g`, the gradient of the loss with respect to the result, the result `y`, and the arguments, by
    the names that they have in the function. It may return what would have been broadcast, and any floating-point
    dtype. Written in NumPy calls it can be differentiated itself. `nnlite.check_gradient(wave, [x, w])` checks it.

    Args:
        gradients: one vector-Jacobian product for each argument that may be an array, in order.
        variadic: the function takes any number of arrays, and the only product is also given `position`.
        through: takes `g` one step back that all products share; they are given what it returns.
        name: what errors call it; the function's own name if not given.
    """

    def decorate(compute: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        rule = Rule(name or compute.__name__, compute, gradients, variadic, through)

        @functools.wraps(compute)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs:
                args, kwargs = arrays_by_position(rule, args, kwargs)
            tensors = False
            for each in args:
                if isinstance(each, Tensor):
                    tensors = True
                elif listed(each) is not None and holds_tensor(each):
                    return apply(rule, tuple(map(gathered, args)), kwargs)
            return apply(rule, args, kwargs) if tensors else rule.compute(*args, **kwargs)

        RULES[call] = rule
        return cast("Callable[Parameters, Result]", call)

    return decorate
