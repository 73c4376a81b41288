"""Functions whose results carry no derivative: steps, comparisons, indices, questions of form, and output.

They are computed on plain arrays, and what comes out is plain. Their derivative is 0 wherever there is one.
"""

from typing import Any

import numpy as np

from nnlite.autodiff.rule import WRITERS, composed, constant
from nnlite.autodiff.tensor import as_tensor, plain

# Steps.
constant(np.sign, np.floor, np.ceil, np.rint, np.trunc, np.fix, np.round, np.around, np.floor_divide)

# Comparisons and logic.
constant(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
constant(np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.all, np.any)
constant(np.isfinite, np.isinf, np.isnan, np.isnat, np.isneginf, np.isposinf, np.signbit)
constant(np.isclose, np.allclose, np.array_equal, np.array_equiv, np.isin)
constant(np.isreal, np.isrealobj, np.iscomplex, np.iscomplexobj, np.imag, np.angle)

# Whole numbers: a floating-point tensor never gets here.
constant(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_count, np.invert, np.left_shift, np.right_shift)
constant(np.gcd, np.lcm, np.packbits, np.unpackbits)

# Indices and counts.
constant(np.argmax, np.argmin, np.argsort, np.argpartition, np.nanargmax, np.nanargmin, np.lexsort)
constant(np.nonzero, np.flatnonzero, np.argwhere, np.count_nonzero, np.searchsorted, np.digitize, np.ix_)
constant(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.ravel_multi_index, np.unravel_index)
constant(np.linalg.matrix_rank)

# Form.
constant(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type, np.einsum_path)
constant(np.may_share_memory, np.shares_memory)

# Output.
constant(np.array_repr, np.array_str, np.array2string, np.save, np.savez, np.savez_compressed, np.savetxt)


# New arrays. They are tensors, so that writing a tensor into them on the record is refused.
def _new(like: Any) -> Any:
    return lambda a, *args, **kwargs: as_tensor(like(plain(a), *args, **kwargs))


for like in (np.zeros_like, np.ones_like, np.empty_like):
    composed(like)(_new(like))
composed(np._core.umath._ones_like)(_new(np.ones_like))  # type: ignore[attr-defined] # what x**0 was before NumPy 2.2
composed(np.full_like)(
    lambda a, fill_value, dtype=None: np.broadcast_to(np.astype(as_tensor(fill_value), dtype or a.dtype), np.shape(a))
)

# And those that write into an array.
WRITERS.update({np.copyto: "dst", np.fill_diagonal: "a", np.put: "a", np.putmask: "a"})
WRITERS.update({np.place: "arr", np.put_along_axis: "arr"})
