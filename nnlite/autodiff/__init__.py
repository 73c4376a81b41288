"""Automatic differentiation of NumPy: tensors, tapes, and the table of derivative rules."""

from nnlite.autodiff import (  # noqa: F401 - they fill the tables
    choices,
    constants,
    contraction,
    decompositions,
    elementwise,
    extremes,
    indexing,
    joining,
    linear_algebra,
    norms,
    products,
    reductions,
    sequences,
    shaping,
    statistics,
)
from nnlite.autodiff.check import prove_gradient
from nnlite.autodiff.compounds import (
    IN_PLACE,
    affine,
    dense,
    leaky_relu,
    log_softmax,
    log_sum_exp,
    relu,
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    softplus,
    standardize,
)
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.tape import GradientTape
from nnlite.autodiff.tensor import Tensor, stop_gradient

__all__ = [
    "IN_PLACE",
    "GradientTape",
    "Tensor",
    "affine",
    "dense",
    "leaky_relu",
    "log_softmax",
    "log_sum_exp",
    "primitive",
    "prove_gradient",
    "relu",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "standardize",
    "stop_gradient",
]
