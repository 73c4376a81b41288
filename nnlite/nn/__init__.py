"""Networks: layers, losses, schedules, optimizers, averages, and how weights are stored."""

from nnlite.nn.averaging import WeightAverage
from nnlite.nn.initializers import Initializer, glorot_uniform, he_normal, uniform
from nnlite.nn.layers import ACTIVATIONS, BatchNorm, Dense, Dropout, Layer, Sequential, fully_connected
from nnlite.nn.losses import sigmoid_cross_entropy, smoothed_cross_entropy, softmax_cross_entropy, squared_error
from nnlite.nn.optimizers import SGD, Adam, Optimizer
from nnlite.nn.weights import load_arrays, save_arrays

__all__ = [
    "ACTIVATIONS",
    "SGD",
    "Adam",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Initializer",
    "Layer",
    "Optimizer",
    "Sequential",
    "WeightAverage",
    "fully_connected",
    "glorot_uniform",
    "he_normal",
    "load_arrays",
    "save_arrays",
    "sigmoid_cross_entropy",
    "smoothed_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
    "uniform",
]
