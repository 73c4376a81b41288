"""Matrix decompositions: Cholesky, QR, eigenvalues of symmetric matrices, singular values.

A decomposition has several results and a primitive one, so each primitive returns its matrices side by side, flattened
(see `_packed`). Where eigenvalues or singular values coincide, the vectors have no derivative, and get NaN or infinity.

The formulas are those of M. Seeger et al., Auto-differentiating linear algebra, 2017, and J. Townsend, Differentiating
the singular value decomposition, 2016.
"""

from typing import Any

import numpy as np
from numpy.linalg._linalg import EighResult, QRResult, SVDResult

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import composed

Shapes = tuple[tuple[int, ...], ...]


def _packed(*arrays: Any, ndims: tuple[int, ...]) -> Any:
    """The matrices and vectors of each element of a batch in one row."""
    flat = [np.reshape(x, (*np.shape(x)[: np.ndim(x) - n], -1)) for x, n in zip(arrays, ndims, strict=True)]
    return np.concatenate(flat, -1)


def _unpacked(packed: Any, shapes: Shapes) -> list[Any]:
    parts, start = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(np.reshape(packed[..., start : start + size], (*np.shape(packed)[:-1], *shape)))
        start += size
    return parts


def _t(a: Any) -> Any:
    return np.matrix_transpose(a)


def _differences(values: Any) -> Any:
    """1 / (v_j - v_i), and 0 on the diagonal."""
    apart = np.expand_dims(values, -2) - np.expand_dims(values, -1)
    same = np.eye(np.shape(values)[-1], dtype=bool)
    return np.where(same, 0.0, 1.0 / np.where(same, 1.0, apart))


# --- Cholesky


def _cholesky(g: Any, y: Any, a: Any, upper: bool = False) -> Any:
    # l^-T phi(l^T g) l^-1, made symmetric; phi takes the lower triangle and half of the diagonal
    if upper:
        y, g = _t(y), _t(g)
    inner = np.tril(np.matmul(_t(y), np.tril(g)))
    inner = inner - 0.5 * inner * np.eye(np.shape(a)[-1], dtype=a.dtype)
    half = np.linalg.solve(_t(y), _t(np.linalg.solve(_t(y), _t(inner))))
    gradient = 0.5 * (half + _t(half))
    # NumPy reads one triangle alone, so that has all of the gradient.
    only = np.triu if upper else np.tril
    return only(2.0 * gradient) - gradient * np.eye(np.shape(a)[-1], dtype=a.dtype)


@primitive(_cholesky, name="np.linalg.cholesky")
def cholesky_factor(a: Any, upper: bool = False) -> Any:
    """The triangular l with l l^T = a."""
    return np.linalg.cholesky(a, upper=upper)


composed(np.linalg.cholesky)(lambda a, /, *, upper=False: cholesky_factor(a, upper))


# --- eigenvalues of symmetric matrices


def _eigh(g: Any, y: Any, a: Any, lower: bool = True) -> Any:
    # v (diag(g_w) + (v^T g_v) / (w_j - w_i)) v^T, made symmetric
    n = np.shape(a)[-1]
    w, v = _unpacked(y, ((n,), (n, n)))
    of_w, of_v = _unpacked(g, ((n,), (n, n)))
    inner = np.expand_dims(of_w, -2) * np.eye(n, dtype=a.dtype) + np.matmul(_t(v), of_v) * _differences(w)
    return _one_triangle(np.matmul(np.matmul(v, inner), _t(v)), lower)


def _one_triangle(gradient: Any, lower: bool) -> Any:
    # NumPy reads one triangle alone, so that has all of the gradient.
    only = np.tril if lower else np.triu
    both = gradient + _t(gradient)
    return only(both) - 0.5 * both * np.eye(np.shape(both)[-1], dtype=both.dtype)


@primitive(_eigh, name="np.linalg.eigh")
def eigen_packed(a: Any, lower: bool = True) -> Any:
    """The eigenvalues w and the eigenvectors v of a symmetric matrix."""
    w, v = np.linalg.eigh(a, "L" if lower else "U")
    return _packed(w, v, ndims=(1, 2))


def _eigenvalues(g: Any, y: Any, a: Any, lower: bool = True) -> Any:
    # v diag(g) v^T, which does not ask whether eigenvalues coincide
    v = np.linalg.eigh(a, "L" if lower else "U")[1]
    return _one_triangle(np.matmul(v * np.expand_dims(g, -2), _t(v)), lower)


@primitive(_eigenvalues, name="np.linalg.eigvalsh")
def eigenvalues(a: Any, lower: bool = True) -> Any:
    """The eigenvalues alone."""
    return np.linalg.eigvalsh(a, "L" if lower else "U")


def _is_lower(triangle: str) -> bool:
    if triangle.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return triangle.upper() == "L"


@composed(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803 - NumPy's name
    """Both, from the triangle that is asked for."""
    n = np.shape(a)[-1]
    return EighResult(*_unpacked(eigen_packed(a, _is_lower(UPLO)), ((n,), (n, n))))


composed(np.linalg.eigvalsh)(lambda a, UPLO="L": eigenvalues(a, _is_lower(UPLO)))  # noqa: N803


# --- singular values


def _svd(g: Any, y: Any, a: Any) -> Any:
    m, n = np.shape(a)[-2:]
    k = min(m, n)
    shapes = ((m, k), (k,), (k, n))
    u, s, v_ = _unpacked(y, shapes)
    of_u, of_s, of_v = _unpacked(g, shapes)
    v, of_v = _t(v_), _t(of_v)
    one, row, column = np.eye(k, dtype=a.dtype), np.expand_dims(s, -2), np.expand_dims(s, -1)
    apart = _differences(np.square(s))  # 1 / (s_j^2 - s_i^2)
    skew_u, skew_v = np.matmul(_t(u), of_u), np.matmul(v_, of_v)
    inner = (apart * (skew_u - _t(skew_u))) * row + column * (apart * (skew_v - _t(skew_v)))
    inner = inner + one * np.expand_dims(of_s, -2)
    gradient = np.matmul(np.matmul(u, inner), v_)
    if m > k:  # what leaves the space that u spans
        outside = of_u / row
        gradient = gradient + np.matmul(outside - np.matmul(u, np.matmul(_t(u), outside)), v_)
    if n > k:
        outside = of_v / row
        gradient = gradient + np.matmul(u, _t(outside - np.matmul(v, np.matmul(v_, outside))))
    return gradient


@primitive(_svd, name="np.linalg.svd")
def singular_packed(a: Any) -> Any:
    """u, s and v^T with u diag(s) v^T = a, without the vectors beyond the smaller side."""
    return _packed(*np.linalg.svd(a, full_matrices=False), ndims=(2, 1, 2))


def _singular_values(g: Any, y: Any, a: Any) -> Any:
    # u diag(g) v^T
    u, _, v_ = np.linalg.svd(a, full_matrices=False)
    return np.matmul(u * np.expand_dims(g, -2), v_)


@primitive(_singular_values, name="np.linalg.svd")
def singular_values(a: Any) -> Any:
    """The singular values alone."""
    return np.linalg.svd(a, compute_uv=False)


@composed(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Values and vectors; full_matrices only where that adds no vectors, which would be arbitrary."""
    m, n = np.shape(a)[-2:]
    if hermitian:
        raise TypeError("np.linalg.svd has no derivative rule for hermitian=True: use np.linalg.eigh")
    if not compute_uv:
        return singular_values(a)
    if full_matrices and m != n:
        raise TypeError(
            "np.linalg.svd has no derivative rule for full_matrices=True of a matrix that is not square: the vectors "
            "that it adds are arbitrary; say full_matrices=False"
        )
    k = min(m, n)
    return SVDResult(*_unpacked(singular_packed(a), ((m, k), (k,), (k, n))))


composed(np.linalg.svdvals)(lambda x, /: singular_values(x))


# --- QR


def _qr(g: Any, y: Any, a: Any) -> Any:
    # (g_q + q copyltu(r g_r^T - g_q^T q)) r^-T; copyltu mirrors the lower triangle
    m, n = np.shape(a)[-2:]
    q, r = _unpacked(y, ((m, n), (n, n)))
    of_q, of_r = _unpacked(g, ((m, n), (n, n)))
    inner = np.tril(np.matmul(r, _t(of_r)) - np.matmul(_t(of_q), q))
    mirrored = inner + _t(np.tril(inner, -1))
    return _t(np.linalg.solve(r, _t(of_q + np.matmul(q, mirrored))))


@primitive(_qr, name="np.linalg.qr")
def qr_packed(a: Any) -> Any:
    """The matrices q and r with q r = a, for at least as many rows as columns."""
    return _packed(*np.linalg.qr(a), ndims=(2, 2))


@composed(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """The reduced decomposition of a matrix that is at least as high as wide; else of its first columns."""
    m, n = np.shape(a)[-2:]
    if mode not in ("reduced", "r"):
        raise TypeError(f"np.linalg.qr has no derivative rule for mode={mode!r}: use 'reduced' or 'r'")
    k = min(m, n)
    q, r = _unpacked(qr_packed(a[..., :k]), ((m, k), (k, k)))
    if n > k:
        r = np.concatenate([r, np.matmul(_t(q), a[..., k:])], -1)
    return r if mode == "r" else QRResult(q, r)
