"""Rules of products of matrices and vectors.

The gradient of `y = a @ b` is `g @ b.T` for a and `a.T @ g` for b, batch by batch; a vector is a matrix with one row
or one column that has been left out, and is treated as such.
"""

from typing import Any

import numpy as np

from nnlite.autodiff.rule import derivative


def _matmul_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(b) == 1:  # ... n, n -> ...
        return np.expand_dims(g, -1) * b
    if np.ndim(a) == 1:  # n, ... n m -> ... m
        return np.matmul(b, np.expand_dims(g, -1))[..., 0]
    return np.matmul(g, np.matrix_transpose(b))


def _matmul_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 1:
        return a * g if np.ndim(b) == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if np.ndim(b) == 1:
        return np.matmul(np.matrix_transpose(a), np.expand_dims(g, -1))[..., 0]
    return np.matmul(np.matrix_transpose(a), g)


def _dot(side: Any) -> Any:
    def product(g: Any, y: Any, a: Any, b: Any, out: None = None) -> Any:
        if np.ndim(a) == 0 or np.ndim(b) == 0:
            return g * (b if side is _matmul_left else a)
        if np.ndim(a) > 2 or np.ndim(b) > 2:
            raise TypeError("np.dot of more than two dimensions has no derivative rule; use np.matmul")
        return side(g, y, a, b)

    return product


derivative(np.matmul, _matmul_left, _matmul_right)
derivative(np.dot, _dot(_matmul_left), _dot(_matmul_right))
