"""Layers one after the other, and networks of fully-connected ones."""

import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.nn.initializers import Initializer, glorot_uniform
from nnlite.nn.layer import Layer, Member, members_of
from nnlite.nn.layers import BatchNorm, Dense, Dropout

Step = Callable[..., Any]


class Sequential(Layer):
    """Layers, or plain functions of a batch, one after the other.

    `len(model)` is their number, `model[0]` the first, `model[:2]` a network of the first two, which shares their
    parameters; `print(model)` shows a table of them.

    Args:
        layers: each a `Layer` or any callable, such as `nnlite.relu` or `lambda x: x.reshape(-1, 28, 28, 1)`. Those
            that have an argument `training` are given it.

    Raises:
        TypeError: one of them cannot be called.
    """

    def __init__(self, *layers: Step) -> None:
        for position, layer in enumerate(layers):
            if not callable(layer):
                way_out = "Sequential(*layers)" if isinstance(layer, list | tuple) else "nnlite.Dense, np.tanh ..."
                raise TypeError(f"layer {position} of a Sequential is no layer or function but {layer!r}: {way_out}")
        self.layers: Any = layers
        self._told = tuple(_takes_training(layer) for layer in layers)

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch through all layers.

        Args:
            x: the batch.
            training: whether this call is to train on `x`. It must be said where there is a layer to which it makes
                a difference.

        Raises:
            ValueError: it was not said, and it matters; or a layer cannot take what it is given.
        """
        try:
            for layer, told in zip(self.layers, self._told, strict=True):
                x = layer(x, training=training) if told else layer(x)
        except Exception as error:
            position = next(k for k, each in enumerate(self.layers) if each is layer)
            error.add_note(f"in layer {position} of a Sequential, {_name(layer)}")
            raise
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __repr__(self) -> str:
        rows = [("", "layer", "parameters", "count"), *_rows("", self)]
        distinct = {id(each): each.size for each in self.parameters()}
        rows.append(("", "in all", "", f"{sum(distinct.values()):,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".strip("\n") for a, b, c, d in rows
        )

    def members(self) -> Iterator[Member]:
        """All arrays, under the number of the layer, and where they are."""
        for position, layer in enumerate(self.layers):
            yield from members_of(str(position), layer, self.layers, position)


def _rows(path: str, network: Sequential) -> Iterator[tuple[str, str, str, str]]:
    """The rows of the table: of each layer its place, name, parameters with their shapes, and how many numbers."""
    for position, layer in enumerate(network.layers):
        place = f"{path}{position}"
        if isinstance(layer, Sequential):
            yield from _rows(f"{place}.", layer)
            continue
        owned = list(layer.named_parameters()) if isinstance(layer, Layer) else []
        shapes = ", ".join(f"{name} {parameter.shape}" for name, parameter in owned)
        yield place, _name(layer), shapes, f"{sum(parameter.size for _, parameter in owned):,}"


def _name(layer: Any) -> str:
    return type(layer).__name__ if isinstance(layer, Layer) else getattr(layer, "__name__", repr(layer))


def _takes_training(layer: Step) -> bool:
    try:
        parameters = inspect.signature(layer).parameters
    except (TypeError, ValueError):  # some of those written in C have no signature
        return False
    return "training" in parameters


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
    layers: list[Step] = [Dropout(input_dropout, rng=dropout_rng)] if input_dropout else []
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
