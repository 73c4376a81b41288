"""What a trace makes of single calls: those that tell nothing of numbers, and those that it has to refuse."""

from typing import Any

import numpy as np

from nnlite.autodiff.hearing import Heard, bare
from nnlite.tracing.places import Call, TracedValueError, in_words, key_of, name_of, places_in, users_line

# What tells nothing of the numbers: the same for every call of this signature.
OF_FORM = frozenset(
    (np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.min_scalar_type, np.may_share_memory,
     np.shares_memory, np.iscomplexobj, np.isrealobj, np.einsum_path)
)  # fmt: skip

# Functions and methods whose result has a shape that depends on the numbers of one argument: its position.
SHAPED_BY: dict[Any, int] = {
    np.nonzero: 0, np.flatnonzero: 0, np.argwhere: 0, np.compress: 0, np.extract: 0, np.repeat: 1, np.bincount: 0,
    np.unique: 0, np.unique_all: 0, np.unique_counts: 0, np.unique_inverse: 0, np.unique_values: 0, np.trim_zeros: 0,
    np.union1d: 0, np.intersect1d: 0, np.setdiff1d: 0, np.setxor1d: 0, np.delete: 1, np.insert: 1,
    "nonzero": 0, "compress": 1, "repeat": 1,
}  # fmt: skip


def check_shape(call: Call) -> None:
    """Refuse what has a shape that depends on numbers which will be others.

    Raises:
        TracedValueError: it has.
    """
    function, args = call.function, call.args
    shaping: Any = None
    if call.kind == "item":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        shaping = [each for each in places_in(index) if each.array.dtype.kind == "b"]
    elif function in SHAPED_BY and SHAPED_BY[function] < len(args):
        shaping = args[SHAPED_BY[function]]
    elif function is np.where and len(args) == 1:
        shaping = args[0]
    if shaping is not None and any(each.memory.kind != "outside" for each in places_in(shaping)):
        name = "x[mask]" if call.kind == "item" else name_of(function)
        raise TracedValueError(
            f"{name} has a shape that depends on numbers, which are others at the next call of this traced step "
            f"({in_words(users_line())}): np.where(mask, x, 0) keeps the shape; or do it outside the step"
        )


def shows_itself(function: Any, args: tuple[Any, ...]) -> bool:
    """Whether a call writes a view of an array to where it lies, as Python does for x[1:] += 1."""
    if function != "__setitem__" or not isinstance(args[2], Heard):
        return False
    array, index, value = (bare(each) for each in args)
    parts = index if isinstance(index, tuple) else (index,)
    if not all(part is None or part is Ellipsis or isinstance(part, slice | int) for part in parts):
        return False
    shown = np.asarray(array[index])
    return bool(shown.size > 0 and key_of(shown) == key_of(value))
