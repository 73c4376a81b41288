"""nnlite: a small neural-network engine in NumPy, and a sweep runner that shows what each hyperparameter does."""

from typing import TYPE_CHECKING, Any

from nnlite.autodiff import GradientTape, Tensor, leaky_relu, relu, sigmoid, softmax, softplus, stop_gradient
from nnlite.autodiff.functional import check_gradient, hessian_vector, jacobian
from nnlite.errors import NnliteError
from nnlite.nn import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    Sequential,
    WeightAverage,
    glorot_uniform,
    he_normal,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
    uniform,
)

if TYPE_CHECKING:
    from nnlite.report import load_runs

__all__ = [
    "SGD",
    "Adam",
    "BatchNorm",
    "Dense",
    "Dropout",
    "GradientTape",
    "NnliteError",
    "Sequential",
    "Tensor",
    "WeightAverage",
    "check_gradient",
    "glorot_uniform",
    "he_normal",
    "hessian_vector",
    "jacobian",
    "leaky_relu",
    "load_runs",
    "relu",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "stop_gradient",
    "uniform",
]


def __getattr__(name: str) -> Any:
    # pandas and matplotlib are for those who ask for results: workers that train never load them.
    if name == "load_runs":
        from nnlite.report import load_runs  # noqa: PLC0415

        return load_runs
    raise AttributeError(f"module 'nnlite' has no attribute {name!r}")
