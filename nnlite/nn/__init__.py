"""Networks: layers, losses, schedules, optimizers, and how weights are stored."""

from nnlite.nn.initializers import glorot_uniform
from nnlite.nn.layers import ACTIVATIONS, Dense, Sequential, fully_connected
from nnlite.nn.losses import sigmoid_cross_entropy, softmax_cross_entropy, squared_error
from nnlite.nn.optimizers import SGD, Adam, Optimizer
from nnlite.nn.weights import load_arrays, save_arrays

__all__ = [
    "ACTIVATIONS",
    "SGD",
    "Adam",
    "Dense",
    "Optimizer",
    "Sequential",
    "fully_connected",
    "glorot_uniform",
    "load_arrays",
    "save_arrays",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
]
