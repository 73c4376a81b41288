"""Functions of np.linalg: norms, and rules of the inverse, the determinant and the solution of a system.

The formulas are those of M. Giles, Collected matrix derivative results for algorithmic differentiation, 2008.
"""

import functools
from typing import Any

import numpy as np

from nnlite.autodiff.reductions import root
from nnlite.autodiff.rule import composed, derivative


def _solve_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    # -a^-T g y^T
    side = _solve_right(g, y, a, b)
    if np.ndim(b) == 1:
        return -np.expand_dims(side, -1) * np.expand_dims(y, -2)
    return -np.matmul(side, np.matrix_transpose(y))


def _solve_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    # a^-T g; a vector b counts as one of a batch of systems
    if np.ndim(b) == 1:
        return np.linalg.solve(np.matrix_transpose(a), np.expand_dims(g, -1))[..., 0]
    return np.linalg.solve(np.matrix_transpose(a), g)


derivative(np.linalg.solve, _solve_left, _solve_right)
# -y^T g y^T
derivative(np.linalg.inv, lambda g, y, a: -np.matmul(np.matmul(np.matrix_transpose(y), g), np.matrix_transpose(y)))
# det(a) a^-T; a singular matrix has no inverse, which NumPy says
derivative(np.linalg.det, lambda g, y, a: np.expand_dims(g * y, (-2, -1)) * np.matrix_transpose(np.linalg.inv(a)))


@composed(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """One product after another."""
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.zeros_like(a) + np.eye(np.shape(a)[-1], dtype=a.dtype)
    return functools.reduce(np.matmul, [a] * n)


@composed(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    """Euclid's norm of vectors and Frobenius' of matrices, 0 where it has a kink; of vectors also ord=1 and inf."""
    vectors = (np.ndim(x) if axis is None else np.size(axis)) == 1
    if ord is None or (vectors and ord == 2) or (not vectors and ord == "fro"):
        return root(np.sum(np.square(x), axis, keepdims=keepdims))
    if vectors and ord == 1:
        return np.sum(np.absolute(x), axis, keepdims=keepdims)
    if vectors and ord == np.inf:
        return np.max(np.absolute(x), axis, keepdims=keepdims)
    raise TypeError(f"np.linalg.norm with ord={ord!r} has no derivative rule")


@composed(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:  # noqa: A002
    """As np.linalg.norm, over any axes."""
    if ord != 2:
        raise TypeError(f"np.linalg.vector_norm with ord={ord!r} has no derivative rule")
    return root(np.sum(np.square(x), axis, keepdims=keepdims))


@composed(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:  # noqa: A002
    """As np.linalg.norm, of the last two axes."""
    return np.linalg.norm(x, ord, (-2, -1), keepdims)
