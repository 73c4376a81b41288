"""Calls of NumPy functions, taken as the tables of rules want them.

NumPy lets an array be given by position or by keyword, and many functions write into an `out`; a rule wants its arrays
by position, and a tape no writing at all.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.autodiff.rule import COMPOSED, RULES, WRITERS, Rule, name_of

USE_PLAIN = "if its result may be treated as constant, call it on nnlite.stop_gradient(x)"

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
NOWHERE = 1000  # a place that no argument has

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arrays_by_position(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The arguments, with arrays that were given by keyword, as in np.sum(a=x), moved to their position."""
    if kwargs:
        while len(args) < len(rule.gradients) and rule.parameters[len(args)] in kwargs:
            args = (*args, kwargs.pop(rule.parameters[len(args)]))
    return args, kwargs


def compose(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a function that has no rule, from functions that have one.

    Raises:
        TypeError: it has no composition either, or none that takes these arguments.
    """
    composition = COMPOSED.get(key)
    if composition is None and isinstance(key, tuple) and key[1] == "outer" and key[0] in RULES:
        composition = functools.partial(_outer, key[0])
    if composition is None:
        raise TypeError(f"{name_of(key)} has no derivative rule, so a GradientTape cannot record it; {USE_PLAIN}")
    try:
        inspect.signature(composition).bind(*args, **kwargs)
    except TypeError:
        raise TypeError(f"{name_of(key)} has no derivative rule for these arguments; {USE_PLAIN}") from None
    return composition(*args, **kwargs)


def written_by(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The array that a call writes into, or None."""
    name = WRITERS.get(function, "out")
    place = 0 if function in WRITERS else _place_of_out(function)
    return args[place] if place < len(args) else kwargs.get(name)


def _outer(ufunc: np.ufunc, a: Any, b: Any, /) -> Any:
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)


@functools.cache
def _place_of_out(function: Callable[..., Any]) -> int:
    """Which positional argument is `out`; one that nobody gives if there is none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # some of those written in C have no signature
        parameters = []
    return next((k for k, each in enumerate(parameters) if each.name == "out" and each.kind in POSITIONAL), NOWHERE)
