"""nnlite: a small neural-network engine in NumPy, and a sweep runner that shows what each hyperparameter does."""

from typing import TYPE_CHECKING, Any

from nnlite.autodiff import GradientTape, Tensor, leaky_relu, primitive, relu, sigmoid, softmax, softplus, stop_gradient
from nnlite.autodiff.functional import check_gradient, hessian_vector, jacobian
from nnlite.errors import NnliteError
from nnlite.habits import PACKAGE, refuse_name
from nnlite.nn import (
    SGD,
    Adam,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool2D,
    Sequential,
    WeightAverage,
    glorot_uniform,
    he_normal,
    load,
    save,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
    uniform,
)
from nnlite.tracing import ask, traced

if TYPE_CHECKING:
    from nnlite.report import load_runs

__all__ = [
    "SGD",
    "Adam",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GradientTape",
    "Layer",
    "LayerNorm",
    "MaxPool2D",
    "NnliteError",
    "Sequential",
    "Tensor",
    "WeightAverage",
    "ask",
    "check_gradient",
    "glorot_uniform",
    "he_normal",
    "hessian_vector",
    "jacobian",
    "leaky_relu",
    "load",
    "load_runs",
    "primitive",
    "relu",
    "save",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "stop_gradient",
    "traced",
    "uniform",
]


def __getattr__(name: str) -> Any:
    if name == "load_runs":  # pandas and matplotlib are for those who ask for results: workers never load them
        from nnlite.report import load_runs  # noqa: PLC0415

        return load_runs
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("nnlite")
    return refuse_name("nnlite", name, PACKAGE, __all__)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
