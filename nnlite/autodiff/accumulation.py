"""Adding gradients to where they belong, without first making arrays of them.

The gradient of a weight matrix is a matrix product, `x.T @ g`, of the size of the weights: for a wide layer, writing it
down costs as much as an update. Whoever merely adds it to something, as gradient descent does, can leave that to BLAS,
which adds a product to an array at no cost beyond the product's (`gemm` with beta = 1). So the walk back hands on a
`MatrixProduct` that nobody has computed yet; whoever looks at it gets an array.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import hearing
from nnlite.autodiff.hearing import bare, heard, is_plain, listener

Array = NDArray[Any]


class MatrixProduct:
    """`left @ right`, not yet computed.

    Args:
        left: (n, k), a plain array.
        right: (k, m), a plain array that nobody else writes to, such as a gradient in the walk back.

    Attributes:
        shape: that of the array it stands for.
        dtype: that of the array it stands for.
    """

    __slots__ = ("dtype", "left", "right", "shape")

    def __init__(self, left: Array, right: Array) -> None:
        self.left = left
        self.right = right
        self.shape = (left.shape[0], right.shape[1])
        self.dtype = left.dtype if left.dtype is right.dtype else np.result_type(left, right)

    def secured(self, memory: Array | None = None) -> "Gradient":
        """What stays as it is though somebody should write to the left side.

        If anybody could, that is a product of a copy (in `memory`, if it fits) or, where that would be larger than what
        it is for, the array.
        """
        left, trace = self.left, hearing.LISTENER.get() if hearing.listening else None
        if not (may_change(left) if trace is None else trace.may_change(left)):
            return self
        if left.size > math.prod(self.shape):
            return self.compute()
        if trace is not None:
            self.left = left if trace.stays(left) else bare(heard(left).copy("K"))
        elif memory is None or (memory.strides, memory.shape, memory.dtype) != (left.strides, left.shape, left.dtype):
            self.left = left.copy("K")
        else:
            np.copyto(memory, left)
            self.left = memory
        return self

    def compute(self, out: Array | None = None) -> Array:
        """The array, in `out` if that is given."""
        if hearing.listening:
            product: Array = bare(np.matmul(heard(self.left), heard(self.right), out=out))
            return product
        return np.matmul(self.left, self.right, out=out)


class Scattered:
    """Zeros but for `values`, which are added at an `index`: the gradient of indexing, not written down.

    Args:
        values: a plain array.
        index: of any kind that NumPy has.
        shape: of the array it stands for.

    Attributes:
        shape: that of the array it stands for.
        dtype: that of the values.
    """

    __slots__ = ("dtype", "index", "shape", "values")

    def __init__(self, values: Array, index: Any, shape: tuple[int, ...]) -> None:
        self.values = values
        self.index = index
        self.shape = shape
        self.dtype = values.dtype

    def compute(self) -> Array:
        """The array."""
        total: Array
        if hearing.listening:
            total = np.zeros_like(heard(self.values), self.dtype, "C", shape=self.shape)
        else:
            total = np.zeros(self.shape, self.dtype)  # the system hands out zeros as they are used
        self.add_to(total)
        plain: Array = bare(total)
        return plain

    def add_to(self, total: Array) -> None:
        """Add the values to an array of this shape, touching no other element."""
        index, values = self.index, heard(self.values)
        parts = index if type(index) is tuple else (index,)
        if not any(_repeats(part) for part in parts):
            heard(total)[index] += values
            return
        arrays = [heard(np.asarray(part)) for part in parts if _repeats(part)]
        if len(arrays) < len(parts) or not total.flags.c_contiguous:
            np.add.at(total, index, values)
            return
        # Indices of the first axes name rows; np.add.at is five times faster on elements than on rows.
        rows: Any = 0
        for part, length in zip(arrays, self.shape, strict=False):
            rows = rows * length + np.where(part < 0, part + length, part)
        width = math.prod(self.shape[len(parts) :])
        places = rows[..., None] * width + np.arange(width)
        np.add.at(total.reshape(-1), places.reshape(-1), values.reshape(-1))


def _repeats(part: Any) -> bool:
    """Whether a part of an index may name an element twice: an array of whole numbers, but no slice and no mask."""
    if part is None or part is Ellipsis or isinstance(part, slice | int | np.integer):
        return False
    array = np.asarray(part)
    return array.ndim > 0 and array.dtype.kind != "b"


Gradient = Array | MatrixProduct


def product(left: Any, right: Any) -> Any:
    """`left @ right` for the rules of products: left uncomputed where both are plain matrices."""
    if type(left) is type(right) is np.ndarray and left.ndim == right.ndim == 2:
        return MatrixProduct(left, right)
    if is_plain(left) and is_plain(right) and left.ndim == right.ndim == 2:
        return MatrixProduct(bare(left), bare(right))
    return left @ right


def computed(gradient: Gradient | Scattered) -> Array:
    """The gradient as an array."""
    return gradient.compute() if isinstance(gradient, MatrixProduct | Scattered) else gradient


def accumulate(total: Array, addend: Gradient, scale: float = 1.0, keep: float = 1.0) -> None:
    """Total <- keep * total + scale * addend, in place and, where BLAS knows how, in a single pass.

    Args:
        total: a plain array.
        addend: of its shape.
        scale: what the addend is multiplied by.
        keep: what the total is multiplied by.
    """
    if hearing.listening and (trace := listener()) is not None:
        trace.add(total, addend, scale, keep)
        return
    kind = total.dtype.char
    known = kind in "fd" and addend.dtype == total.dtype and total.size > 0
    known = known and total.flags.carray and total.dtype.isnative  # else BLAS would be given a copy, or write-protected
    if isinstance(addend, MatrixProduct):
        if known and addend.left.size:
            # BLAS counts by columns, so it is given the transposes: total.T <- keep total.T + scale right.T left.T
            right, turn_right = _by_columns(addend.right.T)
            left, turn_left = _by_columns(addend.left.T)
            blas("gemm", kind)(scale, right, left, keep, total.T, turn_right, turn_left, 1)
            return
        addend = addend.compute()
    if keep != 1.0:
        total *= keep
    if known and addend.flags.c_contiguous:
        blas("axpy", kind)(addend.reshape(-1), total.reshape(-1), a=scale)
    else:
        total += scale * addend


def owner(array: Array) -> Any:
    """Whose memory a view shows, in the end: an array, or what was there before NumPy."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array if array.base is None else array.base


def may_change(array: Array) -> bool:
    """Whether somebody may write to it: recorded values are read-only, data and parameters are not."""
    last = owner(array)
    return array.flags.writeable or not isinstance(last, np.ndarray) or last.flags.writeable


def _by_columns(matrix: Array) -> tuple[Array, bool]:
    """The matrix as BLAS takes it: itself or, if that spares a copy, its transpose; and whether it is the latter."""
    return (matrix.T, True) if matrix.flags.c_contiguous else (matrix, False)


@functools.cache
def blas(name: str, kind: str) -> Any:
    """A function of BLAS for a type of numbers, "f" or "d": SciPy has all of them, and is slow to import."""
    from scipy.linalg import blas as functions  # noqa: PLC0415

    return getattr(functions, {"f": "s", "d": "d"}[kind] + name)
