"""Layers: callables that own parameters.

A layer maps a batch (n, inputs) to a batch (n, outputs) and lists its parameters, which are plain tensors. `Sequential`
chains layers and gives each parameter a name, under which it is saved.

Some layers do one thing in training and another in use. There is no mode that a network is switched into and could be
left in: each call says which it is, `model(x, training=True)`, and such a layer refuses a call that does not say.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import IN_PLACE, Tensor, affine, dense, leaky_relu, relu, sigmoid, standardize, stop_gradient
from nnlite.autodiff.tensor import changed, plain
from nnlite.errors import InputError, nearest
from nnlite.nn.initializers import Initializer, glorot_uniform

Activation = Callable[[Any], Any]

_LEVELS = 2**16  # probabilities that a Dropout tells apart
_ALL_BITS = 2**64 - 1

ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
}


class Layer(ABC):
    """What `Sequential` chains."""

    @abstractmethod
    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch of rows.

        Args:
            x: (n, inputs).
            training: whether the network is being trained on them. None is for layers that make no difference; the
                others raise a ValueError.
        """

    def parameters(self) -> dict[str, Tensor]:
        """The layer's own parameters by name, which an optimizer changes; none, unless overridden."""
        return {}

    def buffers(self) -> dict[str, NDArray[Any]]:
        """Arrays that are saved with the parameters, but no optimizer changes, by name; none, unless overridden."""
        return {}


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
        self.activation = _activation(activation)
        self._in_place = IN_PLACE.get(activation) if isinstance(activation, str) else None
        self.weight = Tensor(initializer((inputs, outputs), rng), dtype=np.float32)
        self.bias = Tensor(np.zeros(outputs, dtype=np.float32)) if bias else None

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map a batch (n, inputs) to (n, outputs)."""
        if self.bias is None:
            y = x @ self.weight
        elif self._in_place is None:
            y = affine(x, self.weight, self.bias)
        else:
            return dense(x, self.weight, self.bias, self._in_place)
        return y if self.activation is None else self.activation(y)

    def parameters(self) -> dict[str, Tensor]:
        """Weight and, if it has one, bias."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})


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
        bits = self._rng.integers(0, _ALL_BITS, -(-x.size // 4), dtype=np.uint64, endpoint=True).view(np.uint16)
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
        self.activation = _activation(activation)
        self.momentum = momentum
        self.epsilon = epsilon
        self.scale = Tensor(np.ones(features, dtype=np.float32))
        self.shift = Tensor(np.zeros(features, dtype=np.float32))
        self.mean = np.zeros(features, dtype=np.float32)
        self.variance = np.ones(features, dtype=np.float32)

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch (n, features) to one of that shape.

        Raises:
            ValueError: the call does not say whether it trains, or is to train on a single row, which has no variance.
        """
        if _said(training, self):
            self._follow(stop_gradient(x))
            y = standardize(x, epsilon=self.epsilon) * self.scale + self.shift
        else:
            factor = self.scale * (1.0 / np.sqrt(self.variance + self.epsilon))
            y = x * factor + (self.shift - self.mean * factor)
        return y if self.activation is None else self.activation(y)

    def parameters(self) -> dict[str, Tensor]:
        """Scale and shift."""
        return {"scale": self.scale, "shift": self.shift}

    def buffers(self) -> dict[str, NDArray[Any]]:
        """The running mean and variance."""
        return {"mean": self.mean, "variance": self.variance}

    def _follow(self, x: NDArray[Any]) -> None:
        if len(x) < 2:
            raise ValueError(f"BatchNorm cannot train on a batch of {len(x)}: it takes two rows to have a variance")
        self.mean += (1.0 - self.momentum) * (np.mean(x, axis=0) - self.mean)
        self.variance += (1.0 - self.momentum) * (np.var(x, axis=0, ddof=1) - self.variance)


class Sequential:
    """Layers one after the other."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch through all layers.

        Args:
            x: (n, inputs).
            training: whether this call is to train on `x`. It must be said where there is a layer to which it makes
                a difference.

        Raises:
            ValueError: it was not said, and it matters.
        """
        for layer in self.layers:
            x = layer(x, training=training)
        return x

    def parameters(self) -> list[Tensor]:
        """All parameters, in the order of the layers."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters as (name, tensor), such as ("0.weight", ...)."""
        for position, layer in enumerate(self.layers):
            for name, parameter in layer.parameters().items():
                yield f"{position}.{name}", parameter

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All parameters and buffers as (name, array), the arrays being the network's own memory: not to be changed."""
        for name, parameter in self.named_parameters():
            yield name, plain(parameter)
        for position, layer in enumerate(self.layers):
            for name, buffer in layer.buffers().items():
                yield f"{position}.{name}", buffer

    def state(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter and buffer by name."""
        return {name: array.copy() for name, array in self.named_arrays()}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Overwrite every parameter and buffer.

        Raises:
            InputError: `state` is of a network of other layers.
        """
        arrays = dict(self.named_arrays())
        expected = {name: array.shape for name, array in arrays.items()}
        found = {name: array.shape for name, array in state.items()}
        if found != expected:
            raise InputError(f"the saved weights are of another network: {found}, not {expected}")
        for name, array in arrays.items():
            array[...] = state[name]
        for parameter in self.parameters():
            changed(parameter)


def fully_connected(
    sizes: list[int],
    activation: str,
    output_activation: str | None,
    rng: np.random.Generator,
    *,
    initializer: Initializer = glorot_uniform,
    batch_norm: bool = False,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    dropout_rng: np.random.Generator | None = None,
) -> Sequential:
    """Dense layers of the given sizes, input first, with `activation` after each but the last.

    Args:
        sizes: lengths of the rows, of the input, between the layers and of the output.
        activation: of the hidden layers.
        output_activation: of the last.
        rng: draws the weights.
        initializer: how.
        batch_norm: whether a `BatchNorm` stands before the activation of each hidden layer.
        dropout: the rate of a `Dropout` after each hidden layer; 0 for none.
        input_dropout: the same of one in front of everything.
        dropout_rng: draws what they leave out; if not given, one that is spawned from `rng`.
    """
    if dropout_rng is None:
        (dropout_rng,) = rng.spawn(1)
    layers: list[Layer] = [Dropout(input_dropout, rng=dropout_rng)] if input_dropout else []
    *hidden, last = itertools.pairwise(sizes)
    for inputs, outputs in hidden:
        if batch_norm:
            layers.append(Dense(inputs, outputs, rng=rng, initializer=initializer, bias=False))
            layers.append(BatchNorm(outputs, activation))
        else:
            layers.append(Dense(inputs, outputs, activation, rng=rng, initializer=initializer))
        if dropout:
            layers.append(Dropout(dropout, rng=dropout_rng))
    return Sequential(*layers, Dense(*last, output_activation, rng=rng, initializer=initializer))


def constrain(layer: Dense, max_norm: float) -> None:
    """Shorten the incoming weights of each unit of `layer`, a column of its weight, to at most `max_norm`.

    To be called after each update. Source: N. Srivastava et al., Dropout, 2014, section 5.1 (max-norm regularization).
    """
    weight = plain(layer.weight)
    norms = np.sqrt(np.einsum("ij,ij->j", weight, weight))
    # Infinite weights stay so: a training that diverges shall be seen to do so.
    too_long = (norms > max_norm) & (norms < np.inf)
    if too_long.any():
        weight *= np.where(too_long, max_norm / np.maximum(norms, max_norm), 1.0).astype(weight.dtype)
        changed(layer.weight)


def _activation(wanted: str | Activation | None) -> Activation | None:
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
