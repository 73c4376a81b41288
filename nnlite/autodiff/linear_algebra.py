"""Rules of the inverse, the determinant, and the solutions of systems of equations.

The formulas are those of M. Giles, Collected matrix derivative results for algorithmic differentiation, 2008, and of
G. Golub and V. Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems, 1973.
"""

import functools
import operator
from typing import Any

import numpy as np
from numpy.linalg._linalg import SlogdetResult

from nnlite.autodiff.hearing import ask
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import Constant, composed, derivative
from nnlite.autodiff.tensor import Tensor, stop_gradient


def _transposed(a: Any) -> Any:
    return np.matrix_transpose(a)


def _solve_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    # -a^-T g y^T
    side = _solve_right(g, y, a, b)
    if np.ndim(b) == 1:
        return -np.expand_dims(side, -1) * np.expand_dims(y, -2)
    return -np.matmul(side, _transposed(y))


def _solve_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    # a^-T g; a vector b counts as one of a batch of systems
    if np.ndim(b) == 1:
        return np.linalg.solve(_transposed(a), np.expand_dims(g, -1))[..., 0]
    return np.linalg.solve(_transposed(a), g)


def _det(g: Any, y: Any, a: Any) -> Any:
    # the matrix of cofactors: det(a) a^-T or, where that is no number or nothing, determinant by determinant
    if not any(isinstance(each, Tensor) for each in (g, y, a)):  # and so chosen anew in each call of a traced step
        return ask(_gradient_of_determinant, g, y, a)
    return _gradient_of_determinant(g, y, a)


def _gradient_of_determinant(g: Any, y: Any, a: Any) -> Any:
    if ask(_is_known, y):
        return np.expand_dims(g * y, (-2, -1)) * _transposed(np.linalg.inv(a))
    return np.expand_dims(g, (-2, -1)) * cofactors(a)


def _is_known(y: Any) -> bool:
    return bool(np.all(np.isfinite(y) & (np.abs(y) > np.finfo(y.dtype).tiny)))


def cofactors(a: Any) -> Any:
    """The determinants without one row and one column, with alternating signs, also of a singular matrix."""
    n = np.shape(a)[-1]
    if n == 1:
        return np.ones_like(a)
    others = np.array([[k for k in range(n) if k != left_out] for left_out in range(n)])
    rows = []
    for k in range(n):
        minors = np.moveaxis(np.take(a[..., others[k], :], others, -1), -2, -3)
        rows.append(np.linalg.det(minors) * (-1.0) ** (k + np.arange(n)).astype(a.dtype))
    return np.stack(rows, -2)


def _pinv(g: Any, y: Any, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    # y' = -y a' y + y y^T a'^T (1 - a y) + (1 - y a) a'^T y^T y, transposed; the rank counts as constant
    y_, g_ = _transposed(y), _transposed(g)
    rows = np.eye(np.shape(a)[-2], dtype=a.dtype) - np.matmul(a, y)
    columns = np.eye(np.shape(a)[-1], dtype=a.dtype) - np.matmul(y, a)
    first = -np.matmul(np.matmul(y_, g), y_)
    second = np.matmul(np.matmul(rows, g_), np.matmul(y, y_))
    third = np.matmul(np.matmul(y_, y), np.matmul(g_, columns))
    return first + second + third


derivative(np.linalg.solve, _solve_left, _solve_right)
# -y^T g y^T
derivative(np.linalg.inv, lambda g, y, a: -np.matmul(np.matmul(_transposed(y), g), _transposed(y)))
derivative(np.linalg.det, _det)
derivative(np.linalg.pinv, _pinv)


# a^-T; a singular matrix has no inverse, which NumPy says
@primitive(lambda g, y, a: np.expand_dims(g, (-2, -1)) * _transposed(np.linalg.inv(a)), name="np.linalg.slogdet")
def log_of_determinant(a: Any) -> Any:
    """The logarithm of |det(a)|."""
    return np.linalg.slogdet(a)[1]


@composed(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """The sign, a step, and the logarithm of the absolute value."""
    return SlogdetResult(np.linalg.slogdet(stop_gradient(a))[0], log_of_determinant(a))


@composed(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Constant = None) -> Any:
    """The solution by the pseudo-inverse, the sums of squares that are left, the rank, and the singular values."""
    _, left, rank, _ = np.linalg.lstsq(stop_gradient(a), stop_gradient(b), rcond)
    m, n = np.shape(a)
    eps = np.finfo(np.result_type(a, b)).eps
    rcond = eps * max(m, n) if rcond is None else rcond if 0 < rcond < 1 else eps  # as LAPACK's xLALSD
    solution = np.matmul(np.linalg.pinv(a, rcond), b)
    squares = np.sum(np.square(b - np.matmul(a, solution)), 0)
    residuals = np.reshape(squares, np.shape(left)) if np.size(left) else left
    return solution, residuals, rank, np.linalg.svd(a, compute_uv=False)


@composed(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """One product after another, of squares."""
    if np.ndim(a) < 2 or np.shape(a)[-1] != np.shape(a)[-2]:
        raise ValueError("np.linalg.matrix_power takes square matrices")
    n = operator.index(n)
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.zeros_like(a) + np.eye(np.shape(a)[-1], dtype=a.dtype)
    if n < 4:
        return functools.reduce(np.matmul, [a] * n)
    half = matrix_power(a, n // 2)
    whole = np.matmul(half, half)
    return np.matmul(whole, a) if n % 2 else whole
