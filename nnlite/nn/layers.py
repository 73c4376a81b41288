"""The layers of fully-connected networks, and those that any network may have.

Some layers do one thing in training and another in use. There is no mode that a network is switched into and could be
left in: each call says which it is, `model(x, training=True)`, and such a layer refuses a call that does not say.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import IN_PLACE, Tensor, affine, dense, leaky_relu, relu, sigmoid, standardize, stop_gradient
from nnlite.autodiff.hearing import as_array, ask, assign, read
from nnlite.autodiff.tensor import changed, plain
from nnlite.errors import InputError, nearest
from nnlite.nn.initializers import Initializer, glorot_uniform
from nnlite.nn.layer import Layer

Activation = Callable[[Any], Any]

_LEVELS = 2**16  # probabilities that a Dropout tells apart
_ALL_BITS = 2**64 - 1

ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
}


class Dense(Layer):
    """A fully-connected layer, activation(x @ weight + bias).

    Args:
        inputs: length of an input row.
        outputs: length of an output row.
        activation: a name in `ACTIVATIONS`, a function, or None for the affine map alone.
        rng: draws the weights.
        initializer: how they are drawn; the bias starts at zero.
        bias: False leaves it out: a `BatchNorm` that follows would take it away again.

    Attributes:
        weight: (inputs, outputs), float32.
        bias: (outputs,), float32; or None.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: str | Activation | None = None,
        *,
        rng: np.random.Generator,
        initializer: Initializer = glorot_uniform,
        bias: bool = True,
    ) -> None:
        self.activation = activation_of(activation)
        self._named = activation if isinstance(activation, str) else None  # one that may be applied in place
        self.weight = Tensor(initializer((inputs, outputs), rng), dtype=np.float32)
        self.bias = Tensor(np.zeros(outputs, dtype=np.float32)) if bias else None

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map a batch (n, inputs) to (n, outputs).

        Raises:
            ValueError: `x` is of another shape.
        """
        apart = self.activation  # what is still to be applied
        try:
            if self.bias is None:
                y = x @ self.weight
            elif self._named is None:
                y = affine(x, self.weight, self.bias)
            else:
                y, apart = dense(x, self.weight, self.bias, IN_PLACE[self._named]), None
        except (TypeError, ValueError):  # looked into only now, so that what fits pays nothing
            self._check(x)
            raise
        if y.ndim < 2:
            self._check(x)
        return y if apart is None else apart(y)

    def _check(self, x: Any) -> None:
        shape, (inputs, outputs) = shape_of(x, self), self.weight.shape
        if len(shape) < 2 or shape[-1] != inputs:
            raise ValueError(
                f"Dense({inputs}, {outputs}) takes a batch (n, {inputs}), and was given one of shape {shape}: "
                + ("x[None] makes a batch of one row" if len(shape) < 2 else f"its weight is {self.weight.shape}")
            )


class Dropout(Layer):
    """In training, sets each number to 0 with probability `rate` and scales the others up, so that the mean stays.

    Source: N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014; in the form
    of its section 10, "inverted", which leaves nothing to be done in use.

    Args:
        rate: from 0 to below 1; rounded to a multiple of 1 / 65536.
        rng: draws what is left out. It is part of what a resumed training depends on.

    Raises:
        ValueError: there is no such rate.
    """

    def __init__(self, rate: float, *, rng: np.random.Generator) -> None:
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"the rate of a Dropout is {rate}, not a number from 0 to below 1")
        self.rate = rate
        self._rng = rng
        self._threshold = min(round(rate * _LEVELS), _LEVELS - 1)
        self._scale = _LEVELS / (_LEVELS - self._threshold)

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch of any shape, floating point, to one of that shape and dtype; `x` itself, unless in training."""
        if not _said(training, self) or not self._threshold:
            return x
        # Four decisions of 16 bits each are cut from one 64-bit number: five times as fast as a float for each.
        drawn: Any = ask(self._rng.integers, 0, _ALL_BITS, -(-x.size // 4), dtype=np.uint64, endpoint=True)
        bits = drawn.view(np.uint16)
        kept = bits[: x.size].reshape(x.shape) >= self._threshold
        return x * np.multiply(kept, self._scale, dtype=x.dtype)


class BatchNorm(Layer):
    """Standardizes each column, then activation(scale * x + shift).

    In training the mean and the variance are the batch's own. In use they are the running ones, which each training
    call moves a little, r <- momentum * r + (1 - momentum) * (the batch's), the variance as estimated with n - 1.

    Source: S. Ioffe and C. Szegedy, Batch normalization: accelerating deep network training by reducing internal
    covariate shift, 2015, algorithms 1 and 2.

    Args:
        features: length of a row.
        activation: as of `Dense`.
        momentum: how slowly the running statistics follow, from 0 to below 1 (what PyTorch calls so is 1 minus this).
        epsilon: added to variances, so that a column that does not vary stays finite.

    Attributes:
        scale, shift: (features,), float32, parameters; they start at 1 and 0.
        mean, variance: (features,), float32, the running statistics, buffers; they start at 0 and 1.
    """

    def __init__(
        self,
        features: int,
        activation: str | Activation | None = None,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
    ) -> None:
        self.activation = activation_of(activation)
        self.momentum = momentum
        self.epsilon = epsilon
        self.scale = Tensor(np.ones(features, dtype=np.float32))
        self.shift = Tensor(np.zeros(features, dtype=np.float32))
        self.mean = np.zeros(features, dtype=np.float32)
        self.variance = np.ones(features, dtype=np.float32)

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch (n, features) to one of that shape.

        Raises:
            ValueError: the call does not say whether it trains, or is to train on a single row, which has no variance;
                or the rows of `x` are of another length.
        """
        _check_features(x, self, self.scale, batch=True)
        if _said(training, self):
            self._follow(stop_gradient(x))
            y = standardize(x, epsilon=self.epsilon) * self.scale + self.shift
        else:
            factor = self.scale * (1.0 / np.sqrt(read(self, "variance") + self.epsilon))
            y = x * factor + (self.shift - read(self, "mean") * factor)
        return y if self.activation is None else self.activation(y)

    def _follow(self, x: NDArray[Any]) -> None:
        if len(x) < 2:
            raise ValueError(f"BatchNorm cannot train on a batch of {len(x)}: it takes two rows to have a variance")
        share = 1.0 - self.momentum
        assign(self, "mean", _towards(read(self, "mean"), np.mean(x, axis=0), share))
        assign(self, "variance", _towards(read(self, "variance"), np.var(x, axis=0, ddof=1), share))


class LayerNorm(Layer):
    """Standardizes each row, then scale * x + shift.

    Source: J. Ba, J. Kiros and G. Hinton, Layer normalization, 2016.

    Args:
        features: length of a row, the last axis.
        epsilon: added to variances, so that a row that does not vary stays finite.

    Attributes:
        scale, shift: (features,), float32, parameters; they start at 1 and 0.
    """

    def __init__(self, features: int, *, epsilon: float = 1e-5) -> None:
        self.epsilon = epsilon
        self.scale = Tensor(np.ones(features, dtype=np.float32))
        self.shift = Tensor(np.zeros(features, dtype=np.float32))

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map rows (..., features) to rows of that shape.

        Raises:
            ValueError: the rows are of another length.
        """
        _check_features(x, self, self.scale)
        centered = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(np.square(centered), axis=-1, keepdims=True)
        return centered / np.sqrt(variance + self.epsilon) * self.scale + self.shift


class Embedding(Layer):
    """A row of numbers for each of `count` things: row i of the weight for the index i.

    Args:
        count: how many things there are.
        features: length of a row.
        rng: draws the weight, from a standard normal distribution.

    Attributes:
        weight: (count, features), float32.
    """

    def __init__(self, count: int, features: int, *, rng: np.random.Generator) -> None:
        self.weight = Tensor(rng.standard_normal((count, features), dtype=np.float32))

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map integers of any shape to rows (..., features).

        Raises:
            TypeError: they are no integers.
            ValueError: one is not from 0 to count - 1.
        """
        indices, count = as_array(plain(x)), len(self.weight)
        if indices.dtype.kind not in "iu":
            raise TypeError(f"Embedding takes integers from 0 to {count - 1}, not {indices.dtype}")
        ask(self._check, indices)
        return self.weight[indices]

    def _check(self, indices: NDArray[Any]) -> None:
        count = len(self.weight)
        if indices.size and not 0 <= indices.min() <= indices.max() < count:
            raise ValueError(
                f"Embedding takes integers from 0 to {count - 1}; those it was given are from {indices.min()} to "
                f"{indices.max()}, its weight is {self.weight.shape}"
            )


class Flatten(Layer):
    """Each image, or whatever an element of the batch is, as one row."""

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map a batch (n, ...) to (n, numbers in each)."""
        return np.reshape(x, (len(x), math.prod(np.shape(x)[1:])))


def constrain(layer: Dense, max_norm: float) -> None:
    """Shorten the incoming weights of each unit of `layer`, a column of its weight, to at most `max_norm`.

    To be called after each update. Source: N. Srivastava et al., Dropout, 2014, section 5.1 (max-norm regularization).
    """
    ask(_shorten, plain(layer.weight), max_norm)
    changed(layer.weight)


def _shorten(weight: NDArray[Any], max_norm: float) -> None:
    norms = np.sqrt(np.einsum("ij,ij->j", weight, weight))
    if not np.all(norms < np.inf):  # of weights too large to be squared in their own precision
        norms = np.sqrt(np.sum(np.square(weight, dtype=np.longdouble), axis=0))
    # Infinite weights stay so: a training that diverges shall be seen to do so.
    too_long = (norms > max_norm) & (norms < np.inf)
    if too_long.any():
        weight *= np.where(too_long, max_norm / np.maximum(norms, max_norm), 1.0).astype(weight.dtype)


def activation_of(wanted: str | Activation | None) -> Activation | None:
    """The function that is meant, by its name in `ACTIVATIONS` or itself."""
    if not isinstance(wanted, str):
        return wanted
    if wanted not in ACTIVATIONS:
        raise InputError(f"there is no activation {wanted!r}: {nearest(wanted, ACTIVATIONS)}")
    return ACTIVATIONS[wanted]


def _said(training: bool | None, layer: Layer) -> bool:
    """Whether the network is being trained, which the caller has to have said."""
    if training is None:
        raise ValueError(
            f"{type(layer).__name__} does one thing in training and another in use: say model(x, training=True), or "
            "training=False"
        )
    return training


def shape_of(x: Any, layer: Layer) -> tuple[int, ...]:
    """The shape of what a layer is given.

    Raises:
        TypeError: it holds no real numbers.
    """
    if not isinstance(x, np.ndarray):
        x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{type(layer).__name__} takes an array of real numbers, not of {x.dtype}")
    shape: tuple[int, ...] = x.shape
    return shape


def _check_features(x: Any, layer: Layer, scale: Tensor, *, batch: bool = False) -> None:
    shape = shape_of(x, layer)
    if not shape or shape[-1] != len(scale) or (batch and len(shape) != 2):
        rows = f"(n, {len(scale)})" if batch else f"(..., {len(scale)})"
        name = type(layer).__name__
        raise ValueError(f"{name}({len(scale)}) takes rows {rows}, and was given an array of shape {shape}")


def _towards(running: NDArray[Any], new: NDArray[Any], share: float) -> NDArray[Any]:
    """A `share` of the way from running statistics to a batch's, in a new array: a tape may hold the old one."""
    moved: NDArray[Any] = running + share * (new - running)
    return moved.astype(running.dtype, copy=False)
