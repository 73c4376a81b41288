"""Calls of NumPy functions, taken as the tables of rules want them.

NumPy lets an array be given by position or by keyword, and many functions write into an `out`; a rule wants its arrays
by position, and a tape no writing at all.
"""

import functools
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Container
from typing import Any

import numpy as np

from nnlite.autodiff.methods import Dispatched, listed, plain
from nnlite.autodiff.rule import COMPOSED, RULES, WRITERS, Composition, Rule, name_of
from nnlite.autodiff.substitutes import INSTEAD, USE_PLAIN, library_call, way_out

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
NOWHERE = 1000  # a place that no argument has

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arrays_by_position(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """The arguments, with arrays that were given by keyword, as in np.sum(a=x), moved to their position."""
    if kwargs:
        while len(args) < len(rule.gradients) and rule.parameters[len(args)] in kwargs:
            args = (*args, kwargs.pop(rule.parameters[len(args)]))
    return args, kwargs


def holds_tensor(value: Any) -> bool:
    """Whether there is a floating-point tensor in `value`, however deep in sequences and dicts."""
    if isinstance(value, Dispatched):
        return value.dtype.kind not in "biu"
    several = value.values() if isinstance(value, dict) else listed(value)
    return several is not None and any(holds_tensor(each) for each in several)


def gathered(value: Any) -> Any:
    """`value`, or the array that NumPy would make of it where it is a sequence that holds tensors.

    NumPy would make it of their bare numbers: everything that takes arrays looks into sequences here first.
    """
    several = listed(value)
    if several is not None and holds_tensor(several):
        return np.stack([gathered(each) for each in several])
    return value


def compose(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a function that has no rule, from functions that have one.

    Raises:
        TypeError: it has no composition either, or none that takes these arguments.
        Exception: NumPy's own, where NumPy does not take these arguments.
    """
    composition = _composition(key)
    name = name_of(key)
    if composition is None:
        call = library_call()
        what = f"{call} calls {name}, which" if call else name
        raise TypeError(f"{what} has no derivative rule, so a GradientTape cannot record it; {way_out(call or name)}")
    try:
        bound = composition.signature.bind(*args, **kwargs)
    except TypeError:
        refuse_as_numpy_does(key, args, kwargs)
        raise TypeError(unsupported(name, args, kwargs, composition.signature.parameters)) from None
    for parameter in composition.constants & bound.arguments.keys():
        if holds_tensor(bound.arguments[parameter]):
            refuse_as_numpy_does(key, args, kwargs)
            raise TypeError(no_derivative(name, parameter))
    if any(holds_tensor(each) for each in map(listed, (*args, *kwargs.values())) if each is not None):
        for parameter, value in bound.arguments.items():
            bound.arguments[parameter] = _gathered_argument(composition, parameter, value)
    try:
        return composition.run(*bound.args, **bound.kwargs)
    except Exception as fault:
        refuse_as_numpy_does(key, args, kwargs)  # what is wrong with the call, not with one of our steps
        if str(fault).startswith(name):
            raise
        raise TypeError(f"{name} has no derivative rule for these arguments: {fault}") from fault


def rule_of_scipy(key: Any) -> Rule | None:
    """The rule of a ufunc that NumPy does not know, if it is one of scipy.special and has one."""
    if key not in COMPOSED and isinstance(key, np.ufunc) and "scipy.special" in sys.modules:
        importlib.import_module("nnlite.autodiff.special")  # SciPy is slow to import, and most programs do not
    return RULES.get(key)


def refuse_as_numpy_does(key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise what NumPy raises for a call, if it does."""
    function = getattr(key[0], key[1]) if isinstance(key, tuple) else key
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(*plain(args), **plain(kwargs))
        except Exception as refusal:  # noqa: BLE001 - whatever it is
            raise refusal.with_traceback(None) from None


def unsupported(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], parameters: Container[str]) -> str:
    """The sentence that refuses a call of a function that has a rule, by what is in the way."""
    unknown = [keyword for keyword in kwargs if keyword not in parameters]
    what = " and ".join(f"{keyword}=" for keyword in unknown) or f"these {len(args)} arguments"
    instead = next((INSTEAD[f"{name} {each}="] for each in unknown if f"{name} {each}=" in INSTEAD), None)
    way = f"write {instead}" if instead else "leave it out"
    return f"{name} can be differentiated, but has no derivative rule for {what}; {way}, or {USE_PLAIN}"


def no_derivative(name: str, argument: str | int) -> str:
    """The sentence that refuses a tensor where a function has a derivative with respect to other arguments alone."""
    return f"{name} has no derivative for its argument {argument!r}; {USE_PLAIN}"


def untold() -> str:
    """The sentence that refuses what NumPy does to a tensor without telling it."""
    call = library_call()
    if call:
        return f"{call} takes tensors without telling them, so a GradientTape cannot record it; {way_out(call)}"
    return (
        "array.dot(x), np.array(x, subok=True) and whatever else NumPy does to x without telling it cannot be "
        f"recorded: write array @ x, np.stack, np.copy(x); {USE_PLAIN}"
    )


def refuse_scipy() -> None:
    """Refuse what SciPy, but for its ufuncs, does with a tensor: it makes constants of parts of what it computes.

    Raises:
        TypeError: always.
    """
    call = library_call()
    raise TypeError(f"{call} has no derivative rule: of SciPy, its ufuncs alone can be recorded; {way_out(call)}")


def _gathered_argument(composition: Composition, name: str, value: Any) -> Any:
    several = composition.signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
    if name == composition.of_arrays and composition.nested:
        return value
    if several or (name == composition.of_arrays and listed(value) is not None):
        return [gathered(each) for each in value]
    return gathered(value)


def _composition(key: Any) -> Composition | None:
    if key in COMPOSED:
        return COMPOSED[key]
    if isinstance(key, tuple) and key[1] == "outer" and (key[0] in RULES or _composition(key[0])):
        return Composition(functools.partial(_outer, key[0]))
    return None


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
