"""Layers for images (n, height, width, channels): a convolution is a matrix product with every patch of the image."""

from typing import Any

import numpy as np

from nnlite.autodiff import IN_PLACE, Tensor, affine, dense, primitive
from nnlite.nn.initializers import Initializer, glorot_uniform
from nnlite.nn.layer import Layer
from nnlite.nn.layers import Activation, activation_of, shape_of

Pair = tuple[int, int]


def _overlaid(g: Any, y: Any, x: Any, size: Pair, stride: int) -> Any:  # noqa: ARG001 - as a rule is called
    return overlaid(g, np.shape(x), size, stride)


@primitive(_overlaid, None, None)
def patches(x: Any, size: Pair, stride: int) -> Any:
    """The patches of `size` of images (n, height, width, channels), (n, rows, columns, height, width, channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))[:, ::stride, ::stride]
    return windows.transpose(0, 1, 2, 4, 5, 3).copy()


def _patches(g: Any, y: Any, columns: Any, shape: tuple[int, ...], size: Pair, stride: int) -> Any:  # noqa: ARG001
    return patches(g, size, stride)


@primitive(_patches, None, None, None)
def overlaid(columns: Any, shape: tuple[int, ...], size: Pair, stride: int) -> Any:
    """The transpose of `patches`: images of `shape` to which each patch has been added where it was taken from."""
    images = np.zeros_like(columns, shape=shape, order="C")
    rows, across = columns.shape[1:3]
    for i, j in np.ndindex(size):
        images[:, i : i + stride * rows : stride, j : j + stride * across : stride] += columns[:, :, :, i, j]
    return images


class Conv2D(Layer):
    """A convolution of images, activation(weight * x + bias) at each place.

    Args:
        inputs: channels of an image.
        outputs: channels of the result.
        size: height and width of the weight, or one number for both.
        activation: as of `Dense`.
        rng: draws the weight.
        stride: how many pixels from each place to the next.
        padding: how many rows and columns of zeros are put around the image.
        initializer: how the weight is drawn, as a matrix (height * width * inputs, outputs); the bias starts at zero.

    Attributes:
        weight: (height, width, inputs, outputs), float32.
        bias: (outputs,), float32.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int | Pair,
        activation: str | Activation | None = None,
        *,
        rng: np.random.Generator,
        stride: int = 1,
        padding: int = 0,
        initializer: Initializer = glorot_uniform,
    ) -> None:
        self.stride, self.padding = stride, padding
        self.activation = activation_of(activation)
        self._named = activation if isinstance(activation, str) else None
        height, width = (size, size) if isinstance(size, int) else size
        matrix = initializer((height * width * inputs, outputs), rng)
        self.weight = Tensor(np.reshape(matrix, (height, width, inputs, outputs)), dtype=np.float32)
        self.bias = Tensor(np.zeros(outputs, dtype=np.float32))

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map images (n, height, width, inputs) to (n, rows, columns, outputs).

        Raises:
            ValueError: `x` is of another shape, or its images are smaller than the weight.
        """
        height, width, inputs, outputs = self.weight.shape
        self._check(shape_of(x, self))
        if self.padding:
            x = np.pad(x, ((0, 0), (self.padding, self.padding), (self.padding, self.padding), (0, 0)))
        found = patches(x, (height, width), self.stride)
        matrix = np.reshape(self.weight, (-1, outputs))
        rows = np.reshape(found, (-1, height * width * inputs))
        if self._named is None:
            y = affine(rows, matrix, self.bias)
            y = y if self.activation is None else self.activation(y)
        else:
            y = dense(rows, matrix, self.bias, IN_PLACE[self._named])
        return np.reshape(y, (*np.shape(found)[:3], outputs))

    def _check(self, shape: tuple[int, ...]) -> None:
        height, width, inputs, _ = self.weight.shape
        more = 2 * self.padding
        if len(shape) != 4 or shape[3] != inputs or shape[1] + more < height or shape[2] + more < width:
            raise ValueError(
                f"Conv2D takes images (n, height, width, {inputs}) of {height} x {width} pixels or more with their "
                f"padding, and was given an array of shape {shape}: its weight is {self.weight.shape}"
                + ("; x[..., None] adds the axis of one channel" if len(shape) == 3 and inputs == 1 else "")
            )


class MaxPool2D(Layer):
    """The largest of each square of pixels; rows and columns that are left over at the end are left out.

    Args:
        size: of the squares.
    """

    def __init__(self, size: int = 2) -> None:
        self.size = size

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:  # noqa: ARG002 - it makes no difference
        """Map images (n, height, width, channels) to (n, height // size, width // size, channels).

        Raises:
            ValueError: `x` is of another shape, or its images are smaller than a square.
        """
        shape, size = shape_of(x, self), self.size
        if len(shape) != 4 or min(shape[1:3]) < size:
            raise ValueError(
                f"MaxPool2D({size}) takes images (n, height, width, channels) of {size} x {size} pixels or more, and "
                f"was given an array of shape {shape}"
            )
        n, rows, columns, channels = shape[0], shape[1] // size, shape[2] // size, shape[3]
        if (rows * size, columns * size) != shape[1:3]:
            x = x[:, : rows * size, : columns * size]
        return np.max(np.reshape(x, (n, rows, size, columns, size, channels)), axis=(2, 4))
