"""Primitives of our own, where NumPy's expression would overflow, be slow, or hide what is meant.

Each has its own rule for one of two reasons: stability (the sigmoid and the cross-entropies) or speed (the affine map
of a dense layer, and the standardization of a batch). Everything else is composed of NumPy calls and needs no rule.
"""

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.autodiff.accumulation import product
from nnlite.autodiff.calls import gathered
from nnlite.autodiff.hearing import ask, is_plain
from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import composed
from nnlite.autodiff.tensor import plain, stop_gradient

LEAK = 0.2  # the slope of leaky_relu below 0, if none is given
SERIES = 0.3  # below it, np.sinc and its first derivatives are taken from ten terms of the series


@primitive(
    lambda g, y, x, weight, bias: g @ weight.mT,
    lambda g, y, x, weight, bias: product(x.mT, g),
    lambda g, y, x, weight, bias: np.add.reduce(g, 0),
)
def affine(x: Any, weight: Any, bias: Any) -> Any:
    """The rows x @ weight + bias, for x (..., n, inputs), weight (inputs, outputs) and bias (outputs,)."""
    y = x @ weight
    y += bias
    return y


def _standardize(g: Any, y: Any, x: Any, epsilon: float = 1e-5, *, residual: Any) -> Any:
    # What would move a column's mean, or scale it, leaves y as it is: those two parts of g are taken away.
    share = 1.0 / len(x)
    deviation = _deviation(x - np.add.reduce(x, 0) * share, epsilon) if residual is None else residual
    return (g - np.add.reduce(g, 0) * share - y * (np.einsum("ij,ij->j", g, y) * share)) / deviation


@primitive(_standardize)
def standardize(x: Any, epsilon: float = 1e-5) -> Any:
    """Each column less its mean, divided by its standard deviation, the root of its variance + epsilon; x (n, columns).

    Source: S. Ioffe and C. Szegedy, Batch normalization, 2015, algorithm 1 and the derivative in section 3.
    """
    centred = x - np.add.reduce(x, 0) * (1.0 / len(x))
    deviation = _deviation(centred, epsilon)
    return np.divide(centred, deviation, out=centred), deviation


def _deviation(centred: Any, epsilon: float) -> Any:
    return np.sqrt(np.einsum("ij,ij->j", centred, centred) * (1.0 / len(centred)) + epsilon)


@primitive(lambda g, y, x: g * y * (1.0 - y))
def sigmoid(x: Any) -> Any:
    """The logistic function 1 / (1 + exp(-x)), without overflow."""
    return _sigmoid(x, np.empty_like(x))


def _sigmoid(x: Any, out: Any) -> Any:
    y = np.negative(x, out=out)
    with np.errstate(over="ignore"):  # exp(-x) = inf gives the right 0
        np.exp(y, out=y)
    y += 1.0
    return np.reciprocal(y, out=y)


@primitive(lambda g, y, x: _masked(g, x > 0))
def relu(x: Any) -> Any:
    """max(x, 0); its derivative at 0 is taken to be 0."""
    return np.maximum(x, 0)


@primitive(lambda g, y, x, slope=LEAK: g * _slope(x, slope) if slope else _masked(g, x > 0))
def leaky_relu(x: Any, slope: float = LEAK) -> Any:
    """max(x, slope x), for a slope from 0 to 1; its derivative at 0 is taken to be the slope.

    Raises:
        ValueError: the slope is not from 0 to 1.
    """
    if not 0.0 <= slope <= 1.0:
        raise ValueError(f"leaky_relu: the slope is {slope}, not a number from 0 to 1")
    return np.maximum(x, slope * x)


def _slope(x: Any, slope: float) -> Any:
    """1 where x > 0, else the slope."""
    return np.maximum(x > 0, x.dtype.type(slope))


def _masked(g: Any, mask: Any) -> Any:
    """G where the mask holds, else 0, also where g is infinite or NaN: on its bits, which is as fast as a product."""
    bits = {2: np.int16, 4: np.int32, 8: np.int64}.get(g.dtype.itemsize)
    if not is_plain(g) or bits is None:
        return np.where(mask, g, 0.0)
    return np.multiply(g.view(bits), mask).view(g.dtype)


@dataclass(frozen=True)
class Activation:
    """An elementwise function whose derivative follows from its value, so that it can be applied in place.

    Attributes:
        name: of the function.
        of: writes the function of its first argument into its second.
        back: the gradient of its argument, given that of its value, and the value.
    """

    name: str
    of: Callable[[Any, Any], Any]
    back: Callable[[Any, Any], Any]


IN_PLACE = {
    each.name: each
    for each in (
        Activation("sigmoid", _sigmoid, lambda g, y: _scaled(g, y * (1.0 - y))),
        Activation("tanh", np.tanh, lambda g, y: _scaled(g, 1.0 - y * y)),
        Activation("relu", lambda x, out: np.maximum(x, 0.0, out=out), lambda g, y: _masked(g, y > 0)),
        Activation(
            "leaky_relu",
            lambda x, out: np.maximum(x, LEAK * x, out=out),
            lambda g, y: _scaled(g, _one_or_leak(y > 0, y.dtype.type)),
        ),
    )
}


def _one_or_leak(positive: Any, kind: Callable[[float], Any]) -> Any:
    """1 where `positive` is true, else LEAK, both exactly: in half the time of a selection."""
    slope = positive * kind(1.0 - LEAK)
    slope += kind(LEAK)
    return slope


def _scaled(g: Any, slope: Any) -> Any:
    """G * slope, in the memory of the slope where nothing records it."""
    in_place = is_plain(g) and is_plain(slope) and g.dtype == slope.dtype
    return np.multiply(g, slope, out=slope) if in_place else g * slope


@primitive(
    lambda g, y, x, weight, bias, activation: g @ weight.mT,
    lambda g, y, x, weight, bias, activation: product(x.mT, g),
    lambda g, y, x, weight, bias, activation: np.add.reduce(g, 0),
    through=lambda g, y, x, weight, bias, activation: activation.back(g, y),
)
def dense(x: Any, weight: Any, bias: Any, activation: Activation) -> Any:
    """activation(x @ weight + bias) in one array, shapes as in `affine`."""
    y = x @ weight
    y += bias
    return activation.of(y, y)


@primitive(lambda g, y, x: g * sigmoid(x))
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(0.0, x).astype(x.dtype, copy=False)


@primitive(lambda g, y, x, axis=-1, keepdims=False: _kept(g, axis, keepdims) * softmax(x, axis))
def log_sum_exp(x: Any, axis: int | tuple[int, ...] = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over an axis, without overflow."""
    highest = np.max(x, axis=axis, keepdims=True)
    highest = np.where(np.isfinite(highest), highest, 0)
    y = np.log(np.sum(np.exp(x - highest), axis=axis, keepdims=True)) + highest
    return y if keepdims else np.squeeze(y, axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)), without overflow and without losing small probabilities."""
    x = gathered(x)
    shifted = x - np.maximum.reduce(stop_gradient(x), axis, keepdims=True)
    return shifted - log_sum_exp(shifted, axis, keepdims=True)


def softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """exp(x) / sum(exp(x)) over an axis, without overflow."""
    x = gathered(x)
    exponentials = np.exp(x - np.maximum.reduce(stop_gradient(x), axis, keepdims=True))
    return exponentials / np.add.reduce(exponentials, axis, keepdims=True)


@primitive(lambda g, y, logits, labels, residual: (g * (1.0 / len(labels))) * _error(logits, labels, residual), None)
def softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """The mean over a batch of -log(softmax(logits)[label]), without overflow.

    Args:
        logits: (n, classes), floating point, n from 1.
        labels: (n,), integers from 0 to classes - 1.

    Returns:
        The loss in nats, a scalar of the logits' dtype.

    Raises:
        ValueError: the shapes are others, or a label is negative.
        IndexError: a label is too large.
    """
    if np.ndim(logits) != 2 or np.shape(labels) != np.shape(logits)[:1] or not len(labels):
        raise ValueError(
            f"logits (n, classes) and labels (n,) are wanted, not {np.shape(logits)} and {np.shape(labels)}"
        )
    ask(_check_labels, labels)
    rows = np.arange(len(labels))
    shifted = np.subtract(logits, np.maximum.reduce(logits, 1, keepdims=True), order="C")  # which can be flat
    chosen = shifted[rows, labels]  # which also finds a label that is too large
    error = np.exp(shifted, out=shifted)  # softmax(logits) - one_hot(labels), step by step
    sums = np.add.reduce(error, 1, keepdims=True)
    error /= sums
    flat = error.reshape(-1)  # a view, whose elements are found sooner than by row and column
    flat[rows * error.shape[1] + labels] -= 1.0
    return np.add.reduce(np.log(sums)[:, 0] - chosen) * (1.0 / len(labels)), error


def _check_labels(labels: Any) -> None:
    if labels.dtype.kind == "i" and np.minimum.reduce(labels) < 0:  # which would count from the last class
        raise ValueError("a label is negative")


def _error(logits: Any, labels: Any, known: Any) -> Any:
    """How far the predicted probabilities are from the certain right ones."""
    return softmax(logits) - one_hot(labels, logits) if known is None else known


@primitive(
    lambda g, y, logits, targets, residual: _shared(g, logits, targets) * _miss(logits, targets, residual),
    lambda g, y, logits, targets, residual: _shared(g, logits, targets) * -_stretched(logits, targets),
)
def sigmoid_cross_entropy(logits: Any, targets: Any) -> Any:
    """The mean of -t log(s) - (1 - t) log(1 - s) with s = sigmoid(logit), without overflow.

    Args:
        logits: any shape, floating point.
        targets: the probabilities t, of a shape that broadcasts with that of the logits.

    Returns:
        The loss in nats, a scalar of the logits' dtype.
    """
    # log(1 + exp(-|x|)) + max(x, 0) - t x, which stays finite for any x; and s from the same exp(-|x|).
    small = np.exp(-np.abs(logits))
    losses = np.log1p(small) + np.maximum(logits, 0) - targets * logits
    probabilities = np.where(logits >= 0, 1.0, small) / (1.0 + small)
    return np.mean(losses, dtype=logits.dtype), probabilities - targets


def _shared(g: Any, logits: Any, targets: Any) -> Any:
    """The gradient of the mean with respect to each of the losses that `sigmoid_cross_entropy` averages."""
    return g * (1.0 / math.prod(np.broadcast_shapes(np.shape(logits), np.shape(targets))))


def _stretched(logits: Any, targets: Any) -> Any:
    return np.broadcast_to(logits, np.broadcast_shapes(np.shape(logits), np.shape(targets)))


def _miss(logits: Any, targets: Any, known: Any) -> Any:
    """How far the predicted probabilities are from the targets."""
    return sigmoid(logits) - targets if known is None else known


def one_hot(labels: Any, like: Any) -> Any:
    """Rows of zeros with a one at each label, of the shape (n, classes) and the dtype of `like`."""
    rows = np.zeros_like(plain(like), order="C")
    rows[np.arange(len(labels)), labels] = 1.0
    return rows


def _kept(array: Any, axis: int | tuple[int, ...], keepdims: bool) -> Any:
    return array if keepdims else np.expand_dims(array, axis)


@composed(np.sinc)
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), by its power series where that quotient and its derivatives lose their digits."""
    near = np.abs(stop_gradient(x)) < SERIES
    series: Any = 0.0
    for k in reversed(range(1, 10)):  # 1 - u/(2 3) (1 - u/(4 5) (1 - ...)), with u = (pi x)^2
        series = np.square(np.where(near, x, 0.0) * math.pi) * (1.0 - series) / (2 * k * (2 * k + 1))
    angle = np.where(near, 1.0, x) * math.pi
    return np.where(near, 1.0 - series, np.sin(angle) / angle)


def _log_add(base: float, array: Any, axis: Any = 0, *, keepdims: bool = False) -> Any:
    """The logarithm of the sum of powers of the base."""
    axes = tuple(range(np.ndim(array))) if axis is None else axis
    scale = math.log(base)
    return log_sum_exp(array if scale == 1.0 else array * scale, axes, bool(operator.index(keepdims))) / scale


composed((np.logaddexp, "reduce"))(functools.partial(_log_add, math.e))
composed((np.logaddexp2, "reduce"))(functools.partial(_log_add, 2.0))
