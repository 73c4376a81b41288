"""The table of cases: for each function that the engine differentiates, calls that all proofs are run on.

A case is a call of a function. The floating-point arrays among its arguments, also those in lists, are what it is
differentiated with respect to. Whoever gives the engine a new rule adds a line here, or the suite fails.
"""

import operator
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from scipy import special

import nnlite.autodiff as ad
from nnlite.autodiff import (
    contraction,
    conventions,
    decompositions,
    indexing,
    joining,
    linear_algebra,
    norms,
    reductions,
    sequences,
    statistics,
)
from nnlite.autodiff import special as special_rules
from nnlite.autodiff.choices import chosen
from nnlite.autodiff.rule import RULES, name_of
from nnlite.nn import images

settings.register_profile("quick", derandomize=True, deadline=None, max_examples=25, database=None)
settings.register_profile("thorough", derandomize=True, deadline=None, max_examples=500, database=None)
settings.load_profile("quick")

RNG = np.random.default_rng(7)


@dataclass
class Case:
    """A call of the function `of`, a key of the engine's tables."""

    of: Hashable
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __str__(self) -> str:
        shown = [_shown(arg) for arg in self.args] + [f"{key}={_shown(value)}" for key, value in self.kwargs.items()]
        return f"{name_of(self.of)}({', '.join(shown)})"

    @property
    def inputs(self) -> list[Any]:
        """The arrays to differentiate with respect to."""
        return _inputs(self.args)

    def __call__(self, *inputs: Any, function: Callable[..., Any] | None = None) -> Any:
        """The result as one array, with `inputs` in the place of the arrays of the table."""
        return self._result(function, _replaced(self.args, iter(inputs)), self.kwargs)

    def given(self, place: int | str, value: Any, *inputs: Any) -> Any:
        """As a call, with `value` for the argument or the option in this place."""
        args, kwargs = list(_replaced(self.args, iter(inputs))), dict(self.kwargs)
        (args if isinstance(place, int) else kwargs)[place] = value
        return self._result(None, args, kwargs)

    def _result(self, function: Callable[..., Any] | None, args: Any, kwargs: dict[str, Any]) -> Any:
        if function is None:
            function = getattr(*self.of) if isinstance(self.of, tuple) else self.of
        result = function(*args, **kwargs)
        return combined(result) if isinstance(result, tuple | list) else result


def combined(results: Any) -> Any:
    """One array of several, each with a weight of its own."""
    return sum(weight * each.sum() for weight, each in enumerate(results, start=1))


def _inputs(args: Any) -> list[Any]:
    if isinstance(args, list | tuple):
        return [each for arg in args for each in _inputs(arg)]
    return [args] if isinstance(args, np.ndarray) and args.dtype.kind == "f" else []


def _replaced(args: Any, inputs: Any) -> Any:
    if isinstance(args, list | tuple):
        return type(args)([_replaced(arg, inputs) for arg in args])
    return next(inputs) if isinstance(args, np.ndarray) and args.dtype.kind == "f" else args


def _shown(arg: Any) -> str:
    if isinstance(arg, np.ndarray):
        return f"{arg.dtype.kind}{list(arg.shape)}".replace(" ", "")
    if isinstance(arg, list | tuple):
        return f"[{', '.join(map(_shown, arg))}]"
    return str(getattr(arg, "name", arg))


def real(*shape: int) -> Any:
    return RNG.standard_normal(shape)


def between(low: float, high: float, *shape: int) -> Any:
    return RNG.uniform(low, high, shape)


def positive(*shape: int) -> Any:
    return between(0.5, 2.0, *shape)


CASES: list[Case] = []


def case(of: Hashable, *args: Any, **kwargs: Any) -> None:
    CASES.append(Case(of, args, kwargs))


# --- one element at a time
ANYWHERE = (
    np.negative, np.positive, np.absolute, np.fabs, np.square, np.cbrt, np.exp, np.exp2, np.expm1, np.sin, np.cos,
    np.tan, np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.conjugate, np.real, np.radians, np.deg2rad,
    np.degrees, np.rad2deg, np.copy, np.sinc, ad.sigmoid, ad.relu, ad.leaky_relu, ad.softplus, np.modf,
)  # fmt: skip
ABOVE_0 = (np.sqrt, np.log, np.log2, np.log10, np.log1p, np.reciprocal)
WITHIN_1 = (np.arcsin, np.arccos, np.arctanh)
UNARY = (
    dict.fromkeys(ANYWHERE, (-2.0, 2.0))
    | dict.fromkeys(ABOVE_0, (0.5, 2.0))
    | dict.fromkeys(WITHIN_1, (-0.9, 0.9))
    | {np.arccosh: (1.1, 3.0)}
)
for function, (low, high) in UNARY.items():
    case(function, between(low, high, 2, 3))
    case(function, between(low, high))
BINARY = {
    np.add: -2, np.subtract: -2, np.multiply: -2, np.divide: 0.5, np.power: 0.5, np.float_power: 0.5,
    np.maximum: -2, np.minimum: -2, np.fmax: -2, np.fmin: -2, np.hypot: -2, np.arctan2: -2, np.logaddexp: -2,
    np.logaddexp2: -2, np.copysign: -2, np.remainder: 0.5, np.fmod: 0.5,
}  # fmt: skip
for function, low in BINARY.items():
    case(function, between(low, 2.0, 2, 3), between(low, 2.0, 3))
    case(function, between(low, 2.0, 4, 1), between(low, 2.0, 1, 3))
    case(function, between(low, 2.0), between(low, 2.0, 3))
    case(function, between(low, 2.0, 2, 3), 1.5)
    case(function, 1.5, between(low, 2.0, 2, 3))
case(np.power, real(2, 3), 3)
case(np.power, positive(2, 3), -2)
case(np.power, real(3), np.array([0, 1, 2]))
case(np.power, positive(2), [1.5, -0.5])
case(np.arctan2, [1.5, 2.5], positive(2))
case(np.divmod, between(3, 5, 3), positive(3))
case(np.ldexp, real(3), np.array([0, 1, -2]))
case(np.heaviside, np.array([-1, 0, 2, 0]), real(4))
case(np.astype, real(2, 3), np.float64)
case(ad.leaky_relu, real(2, 3), slope=0.5)

# --- choices
MASK = np.array([[True, False, True], [False, True, True]])
for function in (np.where, chosen):
    case(function, MASK, real(2, 3), real(3))
    case(function, MASK, real(), 0.5)
case(np.select, [MASK, ~MASK], [real(2, 3), real(3)], 1.0)
case(np.clip, real(2, 3), -0.5, 0.5)
case(np.clip, real(2, 3), real(3) - 2, real(2, 1) + 2)
case(np.clip, real(2, 3), None, 0.2)
case(np.clip, real(2, 3), min=0.1)
case(np.clip, real(2, 3), max=0.1)
case(np._core.umath.clip, real(2, 3), -0.5, 0.5)

# --- indexing
INDICES = (
    0, -1, slice(None), slice(2, 0, -1), slice(None, None, 2), (Ellipsis, 1), (None, 1, Ellipsis, None),
    (1, slice(2), 3), (), np.array([2, 0, 2, 2]), [1, 1], (slice(None), [0, 0, 2]), ([0, 1, 1], slice(None), [3, 3, 0]),
    (np.array([[0], [2]]), np.array([1, 1])), np.arange(3) > 0, np.arange(12).reshape(3, 4) % 3 == 1,
    ([True, False, True], [1, 1]), (0, 0, 0), np.zeros(0, int), (np.int64(1), ..., np.array(2)),
)  # fmt: skip
for index in INDICES:
    shape = (3, 4) if isinstance(index, np.ndarray) and index.ndim == 2 else (3, 4, 5)
    case(operator.getitem, real(*shape), index)
case(indexing.scatter, real(4), np.array([0, 2, 2, 1]), (3,))
case(indexing.scatter, real(2), slice(None, None, 2), (3,))
case(np.take, real(3, 4), np.array([[0, 2], [2, 2]]))
case(np.take, real(3, 4), [0, 3, 3], 1)
case(np.take, real(3, 4), [-1, 7], axis=0, mode="wrap")
case(np.take_along_axis, real(2, 3), np.array([[0, 0, 2, 1], [1, 1, 1, 1]]), 1)
case(np.take_along_axis, real(2, 3), np.array([5, 5, 0]), None)
case(np.compress, [True, False, True], real(3, 2), 0)
case(np.compress, [True, False, True], real(3, 2))
case(np.extract, MASK, real(2, 3))
case(np.delete, real(3, 4), [1, 2], 1)
case(np.delete, real(3, 4), 5)
case(np.sort, real(3, 4))
case(np.sort, real(3, 4), axis=None)
case(np.sort, real(3, 4), 0, "stable")
case(np.partition, real(2, 5), 2)
case(np.partition, real(2, 5), 3, None)
for width in (2, (1, 2), ((1, 0), (0, 3))):
    case(np.pad, real(3, 4), width)
    case(np.pad, real(3, 4), width, constant_values=2.5)
    case(indexing.pad_constant, real(3, 4), width)
    for mode in ("edge", "reflect", "symmetric", "wrap"):
        case(np.pad, real(3, 4), width, mode)
        case(indexing.pad_copies, real(3, 4), width, mode=mode)

case(np.pad, real(3, 4), {0: (1, 2), -1: 1})

# --- moving elements
for function in (np.flip, np.fliplr, np.flipud, np.rot90, np.tril, np.triu, np.diag, np.diagonal, np.linalg.diagonal):
    case(function, real(3, 4))
for k in (-1, 1):
    case(np.diag, real(3), k)
    case(np.diagflat, real(2, 2), k)
    case(np.tril, real(3, 4), k)
    case(np.triu, real(2, 3, 4), k)
    case(np.diagonal, real(3, 4, 2), k, -1, 0)
    case(np.linalg.diagonal, real(2, 3, 4), offset=k)
    case(np.rot90, real(3, 4, 2), k + 3, axes=(2, 1))
    case(np.roll, real(3, 4), k)
    case(np.roll, real(3, 4), (k, 2), axis=(0, 1))
    case(np.flip, real(3, 4), k)
case(np.flip, real(3, 4, 2), (0, -1))
case(np.rollaxis, real(2, 3, 4), 2, 0)
case(np.repeat, real(3, 2), 2)
case(np.repeat, real(3, 2), [1, 0, 3], axis=0)
case(np.tile, real(3, 2), (2, 1, 3))
case(np.tile, real(3), 2)
case(np.resize, real(3, 2), (4, 5))
case(np.lib.stride_tricks.sliding_window_view, real(5, 4), (2, 3))

# --- shapes
for order in "CFAK":
    case(np.ravel, real(3, 4).T, order)
    if order != "K":
        case(np.reshape, real(3, 4).T, (2, -1), order)
case(np.reshape, real(3, 4), -1)
case(np.squeeze, real(1, 3, 1))
case(np.squeeze, real(1, 3, 1), -1)
case(np.squeeze, real(1, 3, 1), axis=(0, 2))
case(np.expand_dims, real(3), (0, -1))
case(np.transpose, real(2, 3, 4))
case(np.transpose, real(2, 3, 4), (1, -1, 0))
case(np.transpose, real(3), 0)
case(np.swapaxes, real(2, 3, 4), 0, -1)
case(np.moveaxis, real(2, 3, 4), (0, -1), (1, 0))
case(np.matrix_transpose, real(2, 3, 4))
case(np.linalg.matrix_transpose, real(2, 3, 4))
case(np.broadcast_to, real(3, 1), (2, 3, 4))
case(np.broadcast_to, real(), (2,))
case(np.broadcast_arrays, real(3, 1), real(2))
case(np.meshgrid, real(3), real(2))
case(np.meshgrid, real(3), real(2), sparse=True, indexing="ij")
for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    for shape in ((), (3,), (2, 3), (2, 3, 4), (2, 1, 2, 1)):
        case(function, real(*shape))
    case(function, real(), real(3))

# --- joining and splitting
for function in (np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack):
    case(function, [real(2, 3), real(2, 3)])
    case(function, (real(3), real(3), np.arange(3)))
for axis in (1, -2, None):
    case(np.concatenate, [real(2, 3), real(2, 3)], axis)
case(np.concatenate, real(2, 3, 1), axis=-1)
case(np.stack, [real(2, 3), real(2, 3)], axis=-1)
case(np.unstack, real(2, 3), axis=-1)
case(np.append, real(2, 3), real(2))
case(np.append, real(2, 3), real(1, 3), axis=0)
case(joining.joined, real(2, 3), real(2, 1), axis=1)
case(np.array_split, real(5, 2), 3)
case(np.split, real(4, 6), [1, 4], axis=1)
case(np.split, real(4, 6), 2)
case(np.hsplit, real(4, 6), 3)
case(np.hsplit, real(4), 2)
case(np.vsplit, real(4, 6), 2)
case(np.dsplit, real(2, 3, 4), [1])
case(np.unstack, real(2, 3))
case(np.unstack, real(2, 3), axis=1)

case(np.block, [[real(2, 3), real(2, 1)], [real(1, 1), real(1, 3)]])
case(np.block, [real(2), real(), real(3)])
case(np.block, real(2, 2))
for index in (1, [0, 2, 2], slice(0, 3, 2), -1):
    case(np.insert, real(4), index, real())
    case(np.insert, real(3, 4), index, real(), 0)
    case(np.insert, real(3, 4), index, real(4), axis=0)
case(np.insert, real(3, 2), [1, 4], real(2))
case(np.linspace, real(), real(), 5)
case(np.linspace, real(2, 3), real(3), 4, False, axis=-1)
case(np.linspace, real(2), 1.0, 3, retstep=True)
case(np.linspace, real(2), 1.0, 1)
case(np.logspace, real(), real(), 5)
case(np.logspace, real(2), 1.0, 4, base=positive(2), axis=1)

# --- reductions
for function in (np.sum, np.mean, np.prod, np.max, np.amax, np.min, np.amin, np.var, np.std, np.average, np.ptp):
    case(function, real(3, 4))
    case(function, real(2, 3, 4), axis=(0, -1))
    case(function, real(3, 4), axis=-1, keepdims=True)
    case(function, real(2, 3, 4), 1)
    case(function, real(2, 3), keepdims=True)
    case(function, np.array(1.5)) if function not in (np.std, np.average) else None
for function in (np.var, np.std):
    case(function, real(3, 4), axis=0, ddof=1)
    case(function, real(3, 4), correction=1)
case(np.prod, np.array([2.0, 0.0, 3.0]))
case(np.prod, np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0]]), axis=1)
case(np.prod, np.array([[[2.0, 0.0], [3.0, 1.5]], [[1.0, 0.5], [2.0, 3.0]]]), axis=(0, -1), keepdims=True)
case(np.prod, np.array(0.0), axis=0)
case(np.cumprod, np.array(1.5), axis=0)
for function in (np.mean, np.var, np.std):
    case(function, real(0, 3), axis=1)
case(np.average, real(3, 4), weights=np.arange(1, 13).reshape(3, 4))
case(np.average, real(3, 4), 0, positive(3))
case(np.average, real(3, 4), 0, positive(3, 4), keepdims=True)
for function in (np.cumsum, np.cumprod):
    case(function, real(3, 4))
    case(function, real(3, 4), -1)
    case(function, np.array([[2.0, 0.0, 3.0], [1.0, 0.0, 0.0]]), axis=1)
for function in (np.cumulative_sum, np.cumulative_prod):
    case(function, real(4))
    case(function, real(3, 4), axis=0)
for ufunc in (np.add, np.multiply, np.maximum, np.minimum):
    case((ufunc, "reduce"), real(3, 4))
    case((ufunc, "reduce"), real(3, 4), axis=(0, 1), keepdims=True)
    case((ufunc, "accumulate"), real(3, 4))
    case((ufunc, "accumulate"), real(2, 3, 4), -2)
    case((ufunc, "outer"), real(2, 3), real(4))
case(np.diff, real(3, 5))
case(np.diff, real(3, 5), 2, axis=0)
case(np.trapezoid, real(3, 5))
case(np.trapezoid, real(5), positive(5))
case(np.trapezoid, real(5, 2), positive(5, 2), axis=0)
HOLES = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, False]])
for function in (np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std):
    case(function, real(3, 4), where=HOLES, **({} if function not in (np.max, np.min) else {"initial": 0.3}))
    case(function, positive(2, 3, 4), axis=(-1, 0), keepdims=True, where=HOLES, **(
        {} if function not in (np.max, np.min) else {"initial": 1.0}
    ))  # fmt: skip
case(np.sum, real(3, 4), 0, initial=2.0)
case(np.prod, real(3, 4), 0, initial=2.0)
case(np.var, real(3, 4), 1, where=HOLES, ddof=1)
case(np.std, real(3, 4), where=[True, False, True, True], ddof=1)
case((np.add, "reduce"), real(3, 4), where=HOLES, initial=1.0)
case((np.multiply, "reduce"), real(3, 4), 1, where=HOLES)
case((np.maximum, "reduce"), real(3, 4), initial=0.1, where=HOLES)
for ufunc in (np.logaddexp, np.logaddexp2):
    case((ufunc, "reduce"), real(3, 4))
    case((ufunc, "reduce"), real(2, 3, 4), axis=None)
    case((ufunc, "reduce"), real(2, 3, 4), (0, 2), keepdims=True)
case(np.average, real(2, 3, 4), (2, 0), positive(4, 2))
case(np.average, real(2, 3, 4), (-1, 1), positive(4, 3), keepdims=True)
case(np.average, real(3, 4), 1, positive(4), True)
case(np.average, real(3, 4), returned=True)
for function in (np.cumulative_sum, np.cumulative_prod):
    case(function, real(3, 4), axis=-1, include_initial=True)
case(reductions.recurrence, real(2, 4), real(2, 4))
case(reductions.recurrence, real(5, 3), real(5, 3))

# --- without NaNs
GAPS = np.where(HOLES, np.arange(12.0).reshape(3, 4) % 7 / 3 - 0.9, np.nan)
for function in (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian):
    case(function, real(3, 4))
    case(function, real(2, 3, 4), (2, 0), keepdims=True)
    case(function, real(4, 3), axis=1)
for function in (np.nancumsum, np.nancumprod):
    case(function, real(3, 4))
    case(function, real(3, 4), 0)
case(np.nan_to_num, real(3, 4))
case(np.nan_to_num, real(3, 4), nan=1.0, posinf=2.0, neginf=3.0)

# --- statistics
for function in (np.quantile, np.nanquantile):
    for method in statistics.POSITIONS:
        case(function, real(3, 5), 0.3, 1, method=method)
    case(function, real(2, 3, 4), [0.1, 0.5, 1.0], (2, 0), keepdims=True)
    case(function, real(3, 4), 0.4)
case(np.quantile, real(2, 3, 4), [[0.1, 0.5], [0.9, 1.0]], (2, 0), keepdims=True)
for function in (np.percentile, np.nanpercentile):
    case(function, real(3, 4), [20.0, 70.0], 0)
for shape in ((5,), (3, 4)):
    case(np.median, real(*shape))
case(np.median, real(2, 3, 4), (2, 0), keepdims=True)
case(np.median, real(2, 3, 4), axis=-2)
case(np.cov, real(3, 5))
case(np.cov, real(5))
case(np.cov, real(3, 5), real(2, 5), bias=True)
case(np.cov, real(5, 3), rowvar=False, ddof=0)
case(np.cov, real(3, 5), fweights=[1, 2, 1, 3, 1], aweights=[0.5, 1.0, 2.0, 1.0, 0.1])
case(np.corrcoef, real(3, 5))
case(np.corrcoef, real(5), real(5))
case(np.corrcoef, real(5, 3), rowvar=False)
case(np.bincount, np.array([1, 3, 1, 0]), real(4), 6)
case(np.bincount, np.array([1, 3, 1]), real(3))

# --- sequences
case(np.diff, real(3, 5), prepend=real(3, 1), append=0.0)
case(np.diff, real(3, 5), 2, 0, real(), real(2, 5))
case(np.diff, real(3), 0)
case(np.ediff1d, real(3, 2))
case(np.ediff1d, real(4), real(2), real(1))
for edge_order in (1, 2):
    case(np.gradient, real(5), edge_order=edge_order)
    case(np.gradient, real(4, 5), edge_order=edge_order)
    case(np.gradient, real(4, 5), 0.5, np.cumsum(positive(5)), edge_order=edge_order)
    case(np.gradient, real(4, 5), positive(), axis=0, edge_order=edge_order)
for mode in ("full", "same", "valid"):
    for n, m in ((5, 3), (5, 4), (4, 4), (3, 5), (4, 5), (1, 3)):
        case(np.convolve, real(n), real(m), mode)
        case(np.correlate, real(n), real(m), mode)
case(np.convolve, real(3), [1, -2])
case(sequences.convolved, real(3), real(4))
case(np.interp, between(-1, 4, 2, 3), [0.0, 1.0, 2.5, 3.0], real(4))
case(np.interp, between(-1, 4, 6), np.cumsum(positive(4)), real(4), real(), real())
case(np.interp, real(), [0.5], real(1))
case(np.polyval, real(4), real(3))
case(np.polyval, real(4), 1.5)
case(np.vander, real(4))
case(np.vander, real(4), 3, increasing=True)
case(np.unwrap, 4 * real(7))
case(np.unwrap, 4 * real(3, 5), axis=0, period=3.0)

# --- products
for function in (np.matmul, np.linalg.matmul, np.dot):
    for left, right in (
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 2)),
    ):
        case(function, real(*left), real(*right))
for left, right in (((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (6, 3, 4)), ((2, 3), (5, 3, 4)), ((1, 2, 3), (5, 3, 1))):
    case(np.matmul, real(*left), real(*right))
case(np.dot, real(2, 3), real(5, 3, 4))
case(np.dot, real(), real(2, 3))
for function in (np.inner, np.kron, np.outer, np.tensordot, np.vdot):
    case(function, real(3, 4), real(3, 4))
case(np.inner, real(2, 4), real(4))
case(np.inner, real(), real(4))
case(np.kron, real(2), real(3, 1, 2))
case(np.tensordot, real(2, 3, 4), real(4, 3, 5), ([1, 2], [1, 0]))
case(np.tensordot, real(2, 3), real(4), 0)
case(np.tensordot, real(2, 0), real(0, 3), 1)
case(np.tensordot, real(2, 3), real(3, 2), (-1, 0))
case(np.linalg.tensordot, real(2, 3), real(3, 4), axes=1)
case(np.linalg.outer, real(2), real(3))
case(np.linalg.vecdot, real(2, 3), real(3))
case(np.linalg.vecdot, real(2, 3), real(2, 1), axis=0)
case(np.vecdot, real(2, 3), real(3))
if hasattr(np, "matvec"):  # since NumPy 2.2
    case(np.matvec, real(5, 2, 3), real(3))
    case(np.vecmat, real(5, 2), real(2, 3))
case(np.linalg.multi_dot, [real(2, 3), real(3, 4), real(4)])
case(np.trace, real(3, 4))
case(np.trace, real(2, 3, 4), 1, 2, 0)
case(np.linalg.trace, real(2, 3, 4), offset=-1)
for subscripts, shapes in {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 4)),
    "ab,bc,cd->da": ((2, 3), (3, 4), (4, 2)),
    "...ij,...jk->...ik": ((5, 2, 3), (3, 4)),
    "i...,i...": ((2, 3), (2, 3)),
    "ij->j": ((2, 3),),
    "ij->": ((2, 3),),
    "ij,k->k": ((2, 3), (4,)),
    "ij,j->i": ((2, 3), (1,)),
    "ii->i": ((3, 3),),
    "ii": ((3, 3),),
    "iij,jk->k": ((3, 3, 2), (2, 4)),
    "ij,ij->ij": ((1, 3), (2, 1)),
    "ba": ((2, 3),),
}.items():
    case(np.einsum, subscripts, *(real(*shape) for shape in shapes))
case(np.einsum, "ij , jk -> ik", real(2, 3), real(3, 4), optimize=True)
case(contraction.contracted, real(2, 3), real(3, 4), inputs=("ij", "jk"), output="ki", optimize=False)

# --- linear algebra
SQUARE = np.eye(3) + 0.3 * real(2, 3, 3)
case(np.linalg.inv, SQUARE)
case(np.linalg.det, SQUARE)
case(np.linalg.det, SQUARE[0])
case(np.linalg.solve, SQUARE[0], real(3))
case(np.linalg.solve, SQUARE, real(3))
case(np.linalg.solve, SQUARE, real(2, 3, 4))
for n in (-2, 1, 3):
    case(np.linalg.matrix_power, SQUARE, n)
case(np.linalg.norm, real(4))
case(np.sum, real(), axis=0)
case(np.linalg.norm, real(3, 4))
case(np.linalg.norm, real(3, 4), "fro", keepdims=True)
for order in (None, 1, 2, np.inf):
    case(np.linalg.norm, real(3, 4), order, 1)
    case(np.linalg.norm, real(3, 4), order, (0,))
case(np.linalg.norm, real(2, 3, 4), axis=(0, 2))
case(np.linalg.vector_norm, real(3, 4))
case(np.linalg.vector_norm, real(3, 4), axis=0, keepdims=True)
case(np.linalg.matrix_norm, real(2, 3, 4))

for order in (0.5, 1, 2, 3, -1, 2.5, np.inf, -np.inf):
    case(np.linalg.norm, real(4), order)
    case(np.linalg.norm, real(3, 4), order, 0, keepdims=True)
    case(np.linalg.vector_norm, real(2, 3, 4), axis=(2, 0), ord=order)
for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    case(np.linalg.norm, real(3, 4), order, keepdims=True)
    case(np.linalg.norm, real(2, 3, 4), order, (2, 0))
    case(np.linalg.matrix_norm, real(2, 3, 4), **({} if order is None else {"ord": order}))
for axis in (None, 0, (0, 1)):
    case(norms.euclidean, real(3, 4), axis)
case(norms.of_order, real(3, 4), 3.0, (1,))
for singular in (np.zeros((3, 3)), np.arange(9.0).reshape(3, 3), np.diag([2.0, 0.0, 3.0]), np.zeros((1, 1))):
    case(np.linalg.det, singular)
case(np.linalg.slogdet, SQUARE)
case(linear_algebra.log_of_determinant, SQUARE)
for shape in ((3, 3), (2, 4, 3), (3, 4)):
    case(np.linalg.pinv, real(*shape))
    case(np.linalg.svd, real(*shape), full_matrices=False)
    case(np.linalg.svd, real(*shape), compute_uv=False)
    case(np.linalg.svdvals, real(*shape))
    case(np.linalg.qr, real(*shape))
    case(decompositions.singular_packed, real(*shape))
    case(decompositions.singular_values, real(*shape))
case(np.linalg.qr, real(4, 3), "r")
case(np.linalg.svd, real(3, 3))
case(decompositions.qr_packed, real(4, 3))
for m, n in ((4, 3), (3, 3), (2, 4)):
    case(np.linalg.lstsq, real(m, n), real(m))
    case(np.linalg.lstsq, real(m, n), real(m, 2), None)
SYMMETRIC = SQUARE + np.swapaxes(SQUARE, 1, 2) + np.diag([1.0, 2.0, 4.0])
for triangle in ("L", "U"):
    case(np.linalg.eigh, SYMMETRIC, triangle)
    case(np.linalg.eigvalsh, SYMMETRIC[0], UPLO=triangle)
    case(np.linalg.cholesky, SYMMETRIC, upper=triangle == "U")
    case(decompositions.eigen_packed, SYMMETRIC, triangle == "L")
    case(decompositions.eigenvalues, SYMMETRIC, triangle == "L")
    case(decompositions.cholesky_factor, SYMMETRIC, triangle == "U")
case(np.cross, real(2, 3), real(3))
case(np.cross, real(3, 2), real(4, 3, 1), 0, 1, 0)
case(np.cross, real(3, 2), real(3, 2), axis=0)
case(np.linalg.cross, real(2, 3), real(2, 3))

# --- SciPy's
SCIPY = {
    special.erf: (-2, 2), special.erfc: (-2, 2), special.erfinv: (-0.9, 0.9), special.erfcinv: (0.2, 1.8),
    special.ndtr: (-2, 2), special.log_ndtr: (-4, 4), special.ndtri: (0.1, 0.9), special.expit: (-3, 3),
    special.log_expit: (-3, 3), special.logit: (0.1, 0.9), special.entr: (0.2, 2), special.gammaln: (0.3, 4),
    special.loggamma: (0.3, 4), special.gamma: (0.3, 4), special.rgamma: (0.3, 4), special.digamma: (0.3, 4),
    special.i0: (-2, 2), special.i1: (-2, 2), special.j0: (-2, 2), special.j1: (-2, 2), special.exp2: (-2, 2),
    special.exp10: (-2, 2), special.expm1: (-2, 2), special.log1p: (-0.5, 2), special.cbrt: (0.5, 2),
}  # fmt: skip
for function, (low, high) in SCIPY.items():
    case(function, between(low, high, 2, 3))
for function in (special.rel_entr, special.kl_div, special.xlogy, special.xlog1py, special.beta, special.betaln):
    case(function, positive(2, 3), positive(3))
    case(function, positive(2, 3), 1.5)
for function in (special.iv, special.jv):
    case(function, 1.5, positive(2, 3))
case(special_rules._polygamma, positive(3), 2)
case(special_rules._hazard, between(-60, 3, 2, 3))
case(special.log_ndtr, between(-70, 4, 8))
case(special.rgamma, np.array([1e-10, -0.5, -2e-12]))

# --- the engine's own
for kink in (np.array(False), np.array([False, False])):
    case(conventions._undefined_at, real(2), kink, real(2))
TARGETS = np.array([0, 2, 1, 2])
case(ad.affine, real(4, 3), real(3, 2), real(2))
case(ad.affine, real(3, 3, 3), real(3, 3), real(3))
for activation in ad.IN_PLACE.values():
    case(ad.dense, real(3, 3, 3), real(3, 3), real(3), activation)
    case(ad.dense, real(4, 3), real(3, 2), real(2), activation)
case(ad.standardize, real(4, 3))
case(ad.standardize, real(5, 1), epsilon=0.5)
case(ad.softmax_cross_entropy, real(4, 3), TARGETS)
case(ad.sigmoid_cross_entropy, real(4, 3), between(0, 1, 4, 3))
case(ad.sigmoid_cross_entropy, real(4, 1), 1.0)
for function in (ad.log_sum_exp, ad.log_softmax, ad.softmax):
    case(function, real(4, 3))
    case(function, real(2, 4, 3), axis=1)
case(ad.log_sum_exp, real(4, 3), 0, keepdims=True)
for like in (np.zeros_like, np.ones_like, np._core.umath._ones_like):
    case(like, real(3))
case(np.full_like, real(2, 3), real())

IN_WORDS = {
    "sigmoid": lambda np, x: 1 / (1 + np.exp(-x)),
    "tanh": lambda np, x: np.tanh(x),
    "relu": lambda np, x: np.maximum(x, 0),
    "leaky_relu": lambda np, x: np.maximum(x, 0) + 0.2 * np.minimum(x, 0),
}

# The same mathematics in another engine's words.
INDEPENDENT = {
    ad.affine: lambda np, x, w, b: np.dot(x, w) + b,
    ad.dense: lambda np, x, w, b, activation: IN_WORDS[activation.name](np, np.dot(x, w) + b),
    ad.standardize: lambda np, x, epsilon=1e-5: (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + epsilon),
    ad.sigmoid: lambda np, x: 1 / (1 + np.exp(-x)),
    ad.relu: lambda np, x: np.maximum(x, 0),
    ad.leaky_relu: lambda np, x, slope=0.2: np.maximum(x, 0) + slope * np.minimum(x, 0),
    ad.softplus: lambda np, x: np.log(1 + np.exp(x)),
    ad.log_sum_exp: lambda np, x, axis=-1, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    ad.log_softmax: lambda np, x, axis=-1: x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True)),
    ad.softmax: lambda np, x, axis=-1: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True),
    ad.softmax_cross_entropy: lambda np, x, labels: np.mean(
        np.log(np.sum(np.exp(x), axis=1)) - x[list(range(len(labels))), labels]
    ),
    ad.sigmoid_cross_entropy: lambda np, x, t: np.mean(np.log(1 + np.exp(x)) - t * x),
    chosen: lambda np, condition, a, b: np.where(condition, a, b),
    operator.getitem: lambda _, x, index: x[index],
    joining.joined: lambda np, *arrays, axis: np.concatenate(arrays, axis),
}

# --- images
for size, stride in (((2, 2), 1), ((3, 1), 2)):
    case(images.patches, real(2, 5, 4, 2), size, stride)
    rows, columns = ((length - side) // stride + 1 for length, side in zip((5, 4), size, strict=True))
    case(images.overlaid, real(2, rows, columns, *size, 2), (2, 5, 4, 2), size, stride)


# Every product of every rule, by key and position, but for the one that is 0 or NaN everywhere.
PRODUCTS = [(key, k) for key, rule in RULES.items() for k in range(len(rule.gradients)) if k in rule.differentiable]
PRODUCTS.remove((conventions._undefined_at, 2))


def pytest_generate_tests(metafunc: Any) -> None:
    """Run a test on each `case` of the table, or on each `product_of_rule` that there is."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=map(str, CASES))
    if "product_of_rule" in metafunc.fixturenames:
        metafunc.parametrize("product_of_rule", PRODUCTS, ids=[f"{RULES[key].name}-{k}" for key, k in PRODUCTS])


@pytest.fixture
def cases() -> list[Case]:
    return CASES


@pytest.fixture
def one_case_each() -> list[Case]:
    """The first case of each function that differentiates with respect to something."""
    return list({case.of: case for case in reversed(CASES) if case.inputs}.values())


@pytest.fixture
def independent() -> dict[Hashable, Callable[..., Any]]:
    return INDEPENDENT
