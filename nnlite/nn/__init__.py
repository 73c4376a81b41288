"""Networks: layers, losses, schedules, optimizers, averages, and how weights are stored."""

from nnlite.nn.averaging import WeightAverage
from nnlite.nn.images import Conv2D, MaxPool2D
from nnlite.nn.initializers import Initializer, glorot_uniform, he_normal, uniform
from nnlite.nn.layer import Layer
from nnlite.nn.layers import ACTIVATIONS, BatchNorm, Dense, Dropout, Embedding, Flatten, LayerNorm
from nnlite.nn.losses import sigmoid_cross_entropy, smoothed_cross_entropy, softmax_cross_entropy, squared_error
from nnlite.nn.optimizers import SGD, Adam, Optimizer
from nnlite.nn.sequential import Sequential, fully_connected
from nnlite.nn.weights import load, load_arrays, save, save_arrays

__all__ = [
    "ACTIVATIONS",
    "SGD",
    "Adam",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Initializer",
    "Layer",
    "LayerNorm",
    "MaxPool2D",
    "Optimizer",
    "Sequential",
    "WeightAverage",
    "fully_connected",
    "glorot_uniform",
    "he_normal",
    "load",
    "load_arrays",
    "save",
    "save_arrays",
    "sigmoid_cross_entropy",
    "smoothed_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
    "uniform",
]
