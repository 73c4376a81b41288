"""What a derivative rule is, and the tables that hold what the engine knows of every function.

A primitive is a function that the engine differentiates by a formula instead of by looking inside. Its rule has one
vector-Jacobian product for each positional argument: given the gradient `g` of the loss with respect to the result
`y`, it returns the gradient with respect to that argument,

    product(g, y, *args, **kwargs) -> array,

written in NumPy calls, so that it is differentiable itself. A rule need not undo broadcasting or keep the dtype: the
walk back through the tape does so once for all rules (see `graph`). What a product's signature does not name (`where=`
of np.sum) has no derivative and is refused.

Two things are there for speed. Where the way to the result passes something that the derivative needs again, a
primitive may return it beside the result, as its residual: products that name a `residual` are given it, and None when
they are differentiated themselves. And where all products begin alike, `through` does so once, for all of them.

Every other function is composed of primitives, constant, a writer, or refused.
"""

import inspect
import math
import sys
from collections.abc import Callable, Container, Hashable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import numpy as np

Gradient = Callable[..., Any]
RESIDUAL = "residual"
Function = TypeVar("Function", bound=Callable[..., Any])

# The annotation of a composition's parameter that may be an array, and has no derivative: a tensor there is refused.
Constant = Annotated[Any, "has no derivative"]


def STEP(*_: Any) -> Any:  # noqa: N802 - a constant that stands among products
    """The product of an argument that the result changes with in steps alone, such as a condition: never called."""
    raise AssertionError("nothing is differentiated with respect to a step")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one primitive is computed and differentiated.

    Attributes:
        name: what errors call it.
        compute: the primitive itself, called with plain arrays; its result alone.
        run: the same, but with the residual beside the result if there is one.
        gradients: one product an argument; None where no derivative is known (an axis), so that a tensor is refused;
            STEP where it is 0 wherever there is one (a condition). An argument beyond the tuple is as None.
        variadic: the primitive takes any number of arrays; `gradients` then holds a single product for all of them,
            which is also given `position`, the place of the array in question.
        through: called as a product is, it takes `g` back to a value on the way that the products begin with; they are
            given what it returns in place of `g`.
        parameters: what the arguments that may be given by position are called, read off the products.
        keywords: what may be given by keyword.
        arity: how many arguments may be given by position.
        differentiable: the positions that have a product.
        has_residual: whether `run` returns a residual beside the result.
    """

    name: str
    run: Callable[..., Any]
    gradients: tuple[Gradient | None, ...]
    variadic: bool = False
    through: Gradient | None = None
    compute: Callable[..., Any] = field(init=False)
    parameters: tuple[str, ...] = field(init=False)
    keywords: frozenset[str] = field(init=False)
    arity: float = field(init=False)
    differentiable: Container[int] = field(init=False)
    has_residual: bool = field(init=False)

    def __post_init__(self) -> None:
        product = next(each for each in self.gradients if each not in (None, STEP))
        assert product is not None
        _, _, *parameters = inspect.signature(product).parameters.values()  # without g and y
        has_residual = any(each.name == RESIDUAL for each in parameters)
        parameters = [each for each in parameters if each.name != RESIDUAL]
        positional = tuple(each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD)
        object.__setattr__(self, "parameters", positional)
        object.__setattr__(self, "keywords", frozenset(each.name for each in parameters))
        object.__setattr__(self, "arity", math.inf if self.variadic else len(positional))
        places = frozenset(place for place, each in enumerate(self.gradients) if each not in (None, STEP))
        object.__setattr__(self, "differentiable", range(sys.maxsize) if self.variadic else places)
        object.__setattr__(self, "has_residual", has_residual)
        object.__setattr__(self, "compute", _without_residual(self.run) if has_residual else self.run)

    def gradient(self, position: int) -> Gradient | None:
        """The product for the argument at `position`, or None if that argument has no derivative."""
        if not self.variadic:
            return self.gradients[position] if position < len(self.gradients) else None
        product = self.gradients[0]
        assert product is not None
        return lambda g, y, *args, **kwargs: product(g, y, *args, position=position, **kwargs)


@dataclass(frozen=True, slots=True)
class Composition:
    """A function that is written out in terms of others. It takes those of the arguments that it can treat.

    Attributes:
        run: the function, called with arrays and tensors.
        of_arrays: the parameter, if there is one, that is a sequence of arrays; any other sequence is one array.
        nested: whether it is a sequence of sequences of arrays, and so on.
        signature: what may be given.
        constants: the parameters that take no tensor: those that are annotated otherwise than with Any.
    """

    run: Callable[..., Any]
    of_arrays: str | None = None
    nested: bool = False
    signature: inspect.Signature = field(init=False)
    constants: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        signature = inspect.signature(self.run)
        parameters = signature.parameters.values()
        constants = frozenset(each.name for each in parameters if each.annotation not in (Any, each.empty))
        object.__setattr__(self, "signature", signature)
        object.__setattr__(self, "constants", constants)


# All tables are keyed by NumPy function, ufunc, or (ufunc, method) such as (np.add, "outer").
RULES: dict[Hashable, Rule] = {}

COMPOSED: dict[Hashable, Composition] = {}

# Functions whose results do not change with small changes of their arguments, or are no numbers at all: they are
# computed on plain arrays, and nothing is recorded.
CONSTANT: set[Hashable] = set()

# Functions that write into their first argument, with its name.
WRITERS: dict[Hashable, str] = {}


def _without_residual(run: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: run(*args, **kwargs)[0]


def derivative(function: Callable[..., Any], *gradients: Gradient | None) -> None:
    """Enter the rule of a NumPy function into the table."""
    assert function not in RULES, function
    RULES[function] = Rule(name_of(function), function, gradients)


def composed(
    *functions: Hashable, of_arrays: str | None = None, nested: bool = False
) -> Callable[[Function], Function]:
    """Enter the decorated function as what `functions` are while a tape records.

    Args:
        functions: keys of the table.
        of_arrays: as in `Composition`.
        nested: as in `Composition`.
    """

    def enter(function: Function) -> Function:
        composition = Composition(function, of_arrays, nested)
        COMPOSED.update(dict.fromkeys(functions, composition))
        return function

    return enter


def constant(*functions: Callable[..., Any]) -> None:
    """Enter functions that carry no derivative into the table."""
    CONSTANT.update(functions)


def name_of(function: Any) -> str:
    """What errors call a NumPy function, a ufunc, or a (ufunc, method)."""
    if isinstance(function, tuple):
        return f"{name_of(function[0])}.{function[1]}"
    name: str = function.__name__
    module = getattr(function, "__module__", None)
    if module is None:  # most ufuncs do not say
        scipys = sys.modules.get("scipy.special._ufuncs")
        homes = {"np": (np, np._core.umath), "scipy.special": (scipys,)}  # type: ignore[attr-defined]
        of = next((home for home, places in homes.items() if function in [getattr(x, name, None) for x in places]), "")
        return f"{of}.{name}" if of else name  # and np.vectorize and np.frompyfunc make some of their own
    return f"{module.replace('numpy', 'np', 1)}.{name}"
