"""Derivatives of whole functions: a check of the gradient, the Jacobian, and products with the Hessian.

Each takes a function of yours and the arguments to call it with: one array, or a list or tuple of arguments, each of
which may be an array or any nesting of lists, tuples and dicts of arrays. Floating-point arrays, tensors and Python
floats among them are what is differentiated; all else is handed on as it is.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.autodiff.tape import GradientTape
from nnlite.autodiff.tensor import Tensor, as_tensor, plain, stop_gradient

TOLERANCE = {"float64": 1e-6, "float32": 1e-2, "float16": 0.2}  # of a function of smooth parts of the size of 1
LOOK = (
    "if it is smooth here and draws no random numbers, a value left the record (np.asarray, array[:] = x ...: "
    "see the table in the documentation of nnlite.GradientTape), or a rule of nnlite.primitive is wrong"
)


def check_gradient(
    function: Callable[..., Any],
    arguments: Any,
    *,
    tolerance: float | None = None,
    rng: np.random.Generator | None = None,
) -> None:
    """Assert that the gradient of a function of yours agrees with central differences, in one random direction.

    The function is called three times: recorded, and a small step to either side. What leaves a tape without a trace
    (see `GradientTape`) is found, as is a wrong rule of `primitive`. For a random direction d a wrong gradient passes
    with probability zero: (f(x + h d) - f(x - h d)) / 2h must be the inner product of d and the gradient.

    Args:
        function: takes tensors, returns one of any shape; the same one each time, so without random numbers.
        arguments: where to check: `[x, w]` for function(x, w), or an array x for function(x). They are copied, in
            float64.
        tolerance: the largest error allowed, relative to the larger of 1 and the two numbers compared; if not given,
            what the function's dtype allows: 1e-6 in float64, 0.01 in float32.
        rng: draws the direction; a fixed seed if not given.

    Raises:
        AssertionError: they disagree, or are not finite.
        TypeError: there is nothing to differentiate with respect to, or the function does what a tape refuses.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    places = _Places(arguments, np.float64)
    tensors = places.tensors()
    with GradientTape() as tape:
        result = function(*places.filled(tensors))
        value = np.asarray(plain(result))
        if value.dtype.kind != "f":
            raise TypeError(
                f"the function returned {type(result).__name__} of {value.dtype}, not floating-point numbers"
            )
        weights = rng.standard_normal(value.shape)
        total = np.sum(result * weights)
    recorded = isinstance(total, Tensor) and total._node is not None
    gradients = tape.gradient(total, tensors, unconnected_zero=True) if recorded else []

    directions = [rng.standard_normal(each.shape) for each in tensors]
    step = float(np.finfo(value.dtype).eps) ** (1 / 3)
    up, down = (_moved(function, places, tensors, directions, sign * step, weights) for sign in (1.0, -1.0))
    expected = (up - down) / (2 * step)
    actual = sum(float(np.sum(plain(g) * d)) for g, d in zip(gradients, directions, strict=recorded))
    allowed = TOLERANCE[value.dtype.name] if tolerance is None else tolerance
    allowed *= max(1.0, abs(expected), abs(actual))
    assert abs(actual - expected) <= allowed, (
        f"the gradient of the function is {actual:.9g} in a random direction, by central differences {expected:.9g}: "
        f"{LOOK}"
    )


def jacobian(function: Callable[..., Any], arguments: Any) -> Any:
    """The derivative of each element of function(x) with respect to each element of x.

    It takes one walk back through the tape for each element of the result; it can be differentiated itself.

    Args:
        function: takes tensors, returns one of any shape.
        arguments: an array x for function(x), or `[x, w]` for function(x, w).

    Returns:
        A tensor of the shape of the result and, behind it, that of x. For a list of arguments the same nesting, with
        such a tensor in the place of each array.
    """
    places = _Places(arguments)
    tensors = places.tensors()
    with GradientTape() as tape:
        result = function(*places.filled(tensors))
    columns: list[list[Any]] = [[] for _ in tensors]
    for place in np.ndindex(result.shape):
        start = np.zeros(result.shape, result.dtype)
        start[place] = 1.0
        for column, row in zip(columns, tape.gradient(result, tensors, start, unconnected_zero=True), strict=True):
            column.append(row)
    return places.like_arguments(
        [
            np.reshape(np.stack(column) if column else x[:0], result.shape + x.shape)
            for column, x in zip(columns, tensors, strict=True)
        ]
    )


def hessian_vector(function: Callable[..., Any], arguments: Any, vector: Any) -> Any:
    """The Hessian of a scalar function, times a vector, without the Hessian: the gradient of <gradient, vector>.

    Source: B. Pearlmutter, Fast exact multiplication by the Hessian, 1994.

    Args:
        function: takes tensors, returns a scalar.
        arguments: an array x for function(x), or `[x, w]` for function(x, w).
        vector: arrays nested as the arguments are, each of the shape of its argument.

    Returns:
        Tensors nested as the arguments are.
    """
    places, vectors = _Places(arguments), _Places(vector)
    tensors, directions = places.tensors(), [plain(each) for each in vectors.leaves]
    if [each.shape for each in tensors] != [each.shape for each in directions]:
        raise ValueError(
            f"the vector has arrays of the shapes {[each.shape for each in directions]}, the arguments of "
            f"{[each.shape for each in tensors]}"
        )
    with GradientTape() as outer:
        with GradientTape() as inner:
            value = function(*places.filled(tensors))
        gradients = inner.gradient(value, tensors, unconnected_zero=True)
        slope = sum((np.sum(g * v) for g, v in zip(gradients, directions, strict=True)), start=Tensor(0.0))
    return places.like_arguments(outer.gradient(slope, tensors, unconnected_zero=True))


class _Places:
    """Arguments, and where in them the floating-point arrays are.

    Args:
        arguments: a list or tuple of arguments, or the only one.
        dtype: of the tensors that stand for the arrays; their own if not given.

    Attributes:
        leaves: the floating-point arrays, in order.

    Raises:
        TypeError: there are none.
    """

    def __init__(self, arguments: Any, dtype: Any = None) -> None:
        self._several = isinstance(arguments, list | tuple)
        self._arguments = arguments if self._several else [arguments]
        self._dtype = dtype
        self.leaves = [leaf for each in self._arguments for leaf in _leaves(each)]
        if not self.leaves:
            raise TypeError("there is no floating-point array among the arguments: nothing else has a gradient")

    def tensors(self) -> list[Tensor]:
        """A tensor for each leaf: itself if it is one, unless another dtype is wanted."""
        if self._dtype is None:
            return [leaf if isinstance(leaf, Tensor) else Tensor(leaf) for leaf in self.leaves]
        return [Tensor(stop_gradient(leaf), self._dtype) for leaf in self.leaves]

    def filled(self, values: list[Any]) -> list[Any]:
        """The arguments with `values` in the place of the leaves."""
        rest = iter(values)
        return [_replaced(each, rest) for each in self._arguments]

    def like_arguments(self, values: list[Any]) -> Any:
        """As `filled`, or the one filled argument if only one was given without a list."""
        filled = self.filled(values)
        return type(self._arguments)(filled) if self._several else filled[0]


def _is_leaf(value: Any) -> bool:
    """Whether it is floating-point numbers: an array, a float, or a list of plain numbers."""
    numbers = isinstance(value, list | tuple) and _is_numbers(value)
    return (numbers or isinstance(value, np.ndarray | float | np.floating)) and np.asarray(value).dtype.kind == "f"


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_numbers(each) for each in value)
    return isinstance(value, int | float)


def _leaves(value: Any) -> Iterator[Any]:
    if _is_leaf(value):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)


def _replaced(value: Any, leaves: Iterator[Any]) -> Any:
    if _is_leaf(value):
        return next(leaves)
    if isinstance(value, dict):
        return {key: _replaced(each, leaves) for key, each in value.items()}
    if isinstance(value, list | tuple):
        replaced = [_replaced(each, leaves) for each in value]
        return type(value)(*replaced) if hasattr(value, "_fields") else type(value)(replaced)
    return value


def _moved(
    function: Callable[..., Any],
    places: _Places,
    tensors: list[Tensor],
    directions: list[Any],
    step: float,
    weights: Any,
) -> float:
    """What the function gives, with `weights`, a step away."""
    moved = [as_tensor(plain(tensor) + step * each) for tensor, each in zip(tensors, directions, strict=True)]
    return float(np.sum(np.asarray(plain(function(*places.filled(moved)))) * weights))
