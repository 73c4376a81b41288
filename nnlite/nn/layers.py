"""Layers: callables that own parameters.

A layer maps a batch (n, inputs) to a batch (n, outputs) and lists its parameters, which are plain tensors. `Sequential`
chains layers and gives each parameter a name, under which it is saved.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import Tensor, affine, leaky_relu, relu, sigmoid
from nnlite.errors import InputError, nearest
from nnlite.nn.initializers import Initializer, glorot_uniform

Activation = Callable[[Any], Any]

ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
}


class Layer(Protocol):
    """What `Sequential` chains."""

    def __call__(self, x: Any) -> Any:
        """Map a batch of rows."""

    def parameters(self) -> dict[str, Tensor]:
        """The layer's own parameters by name."""


class Dense:
    """A fully-connected layer, activation(x @ weight + bias).

    Args:
        inputs: length of an input row.
        outputs: length of an output row.
        activation: a name in `ACTIVATIONS`, a function, or None for the affine map alone.
        rng: draws the weights.
        initializer: how they are drawn; the bias starts at zero.

    Attributes:
        weight: (inputs, outputs), float32.
        bias: (outputs,), float32.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        activation: str | Activation | None = None,
        *,
        rng: np.random.Generator,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        if isinstance(activation, str) and activation not in ACTIVATIONS:
            raise InputError(f"there is no activation {activation!r}: {nearest(activation, ACTIVATIONS)}")
        self.activation = ACTIVATIONS[activation] if isinstance(activation, str) else activation
        self.weight = Tensor(initializer((inputs, outputs), rng), dtype=np.float32)
        self.bias = Tensor(np.zeros(outputs, dtype=np.float32))

    def __call__(self, x: Any) -> Any:
        """Map a batch (n, inputs) to (n, outputs)."""
        y = affine(x, self.weight, self.bias)
        return y if self.activation is None else self.activation(y)

    def parameters(self) -> dict[str, Tensor]:
        """Weight and bias."""
        return {"weight": self.weight, "bias": self.bias}


class Sequential:
    """Layers one after the other."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers

    def __call__(self, x: Any) -> Any:
        """Map a batch through all layers."""
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Tensor]:
        """All parameters, in the order of the layers."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters as (name, tensor), such as ("0.weight", ...)."""
        for position, layer in enumerate(self.layers):
            for name, parameter in layer.parameters().items():
                yield f"{position}.{name}", parameter

    def state(self) -> dict[str, NDArray[Any]]:
        """A copy of every parameter by name."""
        return {name: np.array(parameter) for name, parameter in self.named_parameters()}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Overwrite every parameter.

        Raises:
            InputError: `state` is of a network of other layers.
        """
        expected = {name: parameter.shape for name, parameter in self.named_parameters()}
        found = {name: array.shape for name, array in state.items()}
        if found != expected:
            raise InputError(f"the saved weights are of another network: {found}, not {expected}")
        for name, parameter in self.named_parameters():
            parameter[...] = state[name]


def fully_connected(
    sizes: list[int], activation: str, output_activation: str | None, rng: np.random.Generator
) -> Sequential:
    """Dense layers of the given sizes, input first, with `activation` after each but the last."""
    activations = [activation] * (len(sizes) - 2) + [output_activation]
    return Sequential(
        *(
            Dense(inputs, outputs, each, rng=rng)
            for inputs, outputs, each in zip(sizes, sizes[1:], activations, strict=False)
        )
    )
