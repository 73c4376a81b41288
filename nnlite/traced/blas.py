"""Adding to an array as `nnlite.autodiff.accumulation.accumulate` does, as a call of a program."""

from typing import TYPE_CHECKING, Any

from nnlite.autodiff.accumulation import MatrixProduct, accumulate
from nnlite.autodiff.hearing import LISTENER, bare
from nnlite.traced.recording import AskedFloat, Call

if TYPE_CHECKING:
    from nnlite.traced.recording import Trace


def add(trace: "Trace", total: Any, addend: Any, scale: float, keep: float) -> None:
    """Total <- keep * total + scale * addend, now and at each call of the program."""
    array = bare(total)
    product = isinstance(addend, MatrixProduct)
    arrays = [addend.left, addend.right] if product else [bare(addend)]
    known = array.dtype.char in "fd" and addend.dtype == array.dtype and array.size > 0
    known = known and array.flags.carray and array.dtype.isnative
    if product and not (known and addend.left.size):
        addend, product = bare(addend.compute()), False
        arrays = [addend]
    place = trace.place(array)
    how = "gemm" if product else "axpy" if known and addend.flags.c_contiguous else "sum"
    numbers = [each.asked if isinstance(each, AskedFloat) else each for each in (scale, keep)]
    operands = [_by_columns(trace, each) for each in reversed(arrays)] if product else [trace.place(arrays[0])]
    if product:
        target = trace.place(trace.heard(array).T)
    elif how == "axpy":
        operands = [trace.place(trace.heard(arrays[0]).reshape(-1))]
        target = trace.place(trace.heard(array).reshape(-1))
    else:
        target = place
    call = Call(how, (target, *operands, *numbers), {"kind": array.dtype.char}, [place], "blas", trace.within_what)
    trace.calls.append(call)
    token = LISTENER.set(None)
    try:
        values = [each.asked.value if isinstance(each, AskedFloat) else each for each in (scale, keep)]
        accumulate(array, addend, *values)
    finally:
        LISTENER.reset(token)


def _by_columns(trace: "Trace", array: Any) -> Any:
    """The transpose as BLAS takes it: the place, and whether that is to be turned."""
    matrix = bare(array).T
    if matrix.flags.c_contiguous:
        return trace.place(bare(array)), True
    return trace.place(trace.heard(bare(array)).T), False
