"""Adding to an array as `nnlite.autodiff.accumulation.accumulate` does, as a call of a program."""

from typing import Any, Protocol

from nnlite.autodiff.accumulation import MatrixProduct, accumulate
from nnlite.autodiff.hearing import LISTENER, bare
from nnlite.tracing.arrays import AskedNumber, known
from nnlite.tracing.places import Call, Place, users_line


class Recording(Protocol):
    """What this needs of a trace."""

    calls: list[Call]
    part: str

    def place(self, array: Any) -> Place:
        """Where an array lies."""

    def heard(self, array: Any) -> Any:
        """The array as one that tells."""


def add(trace: Recording, place: Place, addend: Any, scale: Any, keep: Any) -> None:
    """Total <- keep * total + scale * addend, now and at each call of the program."""
    total = place.array
    addend = MatrixProduct(bare(addend.left), bare(addend.right)) if isinstance(addend, MatrixProduct) else bare(addend)
    fits = total.dtype.char in "fd" and addend.dtype == total.dtype and total.size > 0
    fits = fits and total.flags.carray and total.dtype.isnative
    if isinstance(addend, MatrixProduct) and not (fits and addend.left.size):
        addend = bare(addend.compute())
    if isinstance(addend, MatrixProduct):
        how = "gemm"
        operands: list[Any] = [_by_columns(trace, addend.right), _by_columns(trace, addend.left)]
        target = trace.place(trace.heard(total).T)
    elif fits and addend.flags.c_contiguous:
        how = "axpy"
        operands = [trace.place(trace.heard(addend).reshape(-1))]
        target = trace.place(trace.heard(total).reshape(-1))
    else:
        how, operands, target = "sum", [trace.place(addend)], place
    numbers = [each.asked if isinstance(each, AskedNumber) else each for each in (scale, keep)]
    call = Call(how, (target, *operands, *numbers), {}, [place], "blas", trace.part, line=users_line())
    trace.calls.append(call)
    token = LISTENER.set(None)
    try:
        accumulate(total, addend, known(scale), known(keep))
    finally:
        LISTENER.reset(token)


def _by_columns(trace: Recording, array: Any) -> tuple[Place, bool]:
    """The transpose as BLAS takes it: the place, and whether that is to be turned."""
    transposed = trace.heard(array).T
    if bare(transposed).flags.c_contiguous:
        return trace.place(array), True
    return trace.place(transposed), False
