"""The proof of a derivative: comparing it with central differences, in one random direction, for any shapes.

For a scalar function f and a random direction d, the directional derivative (f(x + h d) - f(x - h d)) / 2h must equal
the inner product of d with the gradient. One direction suffices: a wrong gradient is orthogonal to a random one with
probability zero. (Method: M. Johnson's check in HIPS/autograd; step size after Press et al., Numerical Recipes, 5.7.)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnlite.autodiff.tape import GradientTape
from nnlite.autodiff.tensor import Tensor, as_tensor, plain

STEP = 6e-6  # about the cube root of float64's precision, where truncation and rounding errors balance


def prove_gradient(
    function: Callable[..., Any],
    *arguments: ArrayLike,
    order: int = 1,
    tolerance: float = 1e-6,
    rng: np.random.Generator | None = None,
) -> None:
    """Assert that the engine's gradient of `function` agrees with central differences.

    Args:
        function: takes tensors, returns one of any shape.
        arguments: where to check; turned into float64.
        order: 2 checks the gradient of the gradient as well.
        tolerance: the largest error allowed, relative to the size of the two numbers compared (and absolute below 1).
        rng: draws the directions; a fixed seed if not given.

    Raises:
        AssertionError: they disagree.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    points = [np.asarray(argument, dtype=np.float64) for argument in arguments]
    weights = rng.standard_normal(np.shape(plain(function(*map(Tensor, points)))))

    def scalar(*tensors: Any) -> Any:
        return np.sum(function(*tensors) * weights)

    directions = [np.empty_like(point) for point in points]  # of the same memory order, which order="K" asks for
    for direction in directions:
        direction[...] = rng.standard_normal(direction.shape)
    up = scalar(*(Tensor(point + STEP * d) for point, d in zip(points, directions, strict=True)))
    down = scalar(*(Tensor(point - STEP * d) for point, d in zip(points, directions, strict=True)))
    expected = float(up - down) / (2 * STEP)

    gradients = gradient_of(scalar, *points)
    for gradient, point in zip(gradients, points, strict=True):
        assert gradient.shape == point.shape, f"the gradient has shape {gradient.shape}, its argument {point.shape}"
    actual = sum(float(np.sum(plain(g) * d)) for g, d in zip(gradients, directions, strict=True))
    scale = max(1.0, abs(expected), abs(actual))
    assert abs(actual - expected) <= tolerance * scale, f"gradient {actual!r}, central differences {expected!r}"
    if order > 1:
        prove_gradient(
            lambda *tensors: np.concatenate([np.ravel(g) for g in gradient_of(scalar, *tensors)]),
            *points,
            order=order - 1,
            tolerance=tolerance,
            rng=rng,
        )


def gradient_of(function: Callable[..., Any], *arguments: Any) -> list[Tensor]:
    """The gradients of a scalar function with respect to all of its arguments, zero where it does not use one."""
    tensors = [as_tensor(argument) for argument in arguments]
    with GradientTape() as tape:
        value = function(*tensors)
    return tape.gradient(value, tensors, unconnected_zero=True)
