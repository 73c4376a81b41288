"""Layers for images, and layer norm and embedding, against their definitions written out in loops."""

import numpy as np
import pytest

import nnlite as nn

RNG = np.random.default_rng(8)


def convolved(x, weight, bias, stride, padding):
    x = np.pad(np.asarray(x, float), ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    height, width, _, outputs = weight.shape
    rows, columns = ((length - side) // stride + 1 for length, side in zip(x.shape[1:3], (height, width), strict=True))
    y = np.empty((len(x), rows, columns, outputs))
    for n, i, j, o in np.ndindex(y.shape):
        patch = x[n, i * stride : i * stride + height, j * stride : j * stride + width]
        y[n, i, j, o] = np.sum(patch * weight[..., o]) + bias[o]
    return y


@pytest.mark.parametrize("size", [1, 2, (3, 2)])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (1, 1), (3, 2)])
def test_a_convolution_is_what_its_definition_says(size, stride, padding):
    layer = nn.Conv2D(2, 4, size, np.tanh, rng=RNG, stride=stride, padding=padding)
    layer.bias[...] = RNG.standard_normal(4)
    x = RNG.standard_normal((3, 6, 5, 2), np.float32)
    expected = np.tanh(convolved(x, np.array(layer.weight), np.array(layer.bias), stride, padding))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    assert layer(x).dtype == np.float32

    def function(x, weight, bias):
        layer.weight, layer.bias = weight, bias
        return layer(x)

    nn.check_gradient(function, [x, layer.weight, layer.bias])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_pool_is_the_largest_of_each_square(size):
    x = RNG.standard_normal((2, 7, 6, 3))
    y = nn.MaxPool2D(size)(x)
    for n, i, j, c in np.ndindex(y.shape):
        assert y[n, i, j, c] == x[n, i * size : (i + 1) * size, j * size : (j + 1) * size, c].max()
    assert y.shape == (2, 7 // size, 6 // size, 3)
    nn.check_gradient(nn.MaxPool2D(size), [x])


def test_layer_norm_takes_mean_and_variance_of_each_row_away():
    layer = nn.LayerNorm(5)
    layer.scale[...], layer.shift[...] = RNG.standard_normal((2, 5))
    x = 10 * RNG.standard_normal((2, 3, 5)) + 4
    for place in np.ndindex(2, 3):
        row = (x[place] - x[place].mean()) / np.sqrt(x[place].var() + 1e-5)
        np.testing.assert_allclose(layer(x)[place], row * np.array(layer.scale) + np.array(layer.shift), rtol=1e-9)


def test_an_embedding_adds_up_the_gradients_of_an_index_that_comes_twice():
    layer = nn.Embedding(4, 2, rng=RNG)
    with nn.GradientTape():
        loss = np.sum(layer(np.array([1, 3, 1])) * [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    loss.backward()
    assert layer.weight.grad.tolist() == [[0, 0], [6, 8], [0, 0], [3, 4]]


WRONG_INPUTS = {
    "Dense": (nn.Dense(4, 3, rng=RNG), np.ones((2, 5)), r"Dense\(4, 3\) takes a batch \(n, 4\).*\(2, 5\).*\(4, 3\)"),
    "Dense of a row": (nn.Dense(4, 3, rng=RNG), np.ones(4), r"takes a batch \(n, 4\).*shape \(4,\): x\[None\] makes"),
    "Dense of text": (
        nn.Dense(4, 3, rng=RNG),
        np.array([["a"] * 4]),
        "Dense takes an array of real numbers, not of <U1",
    ),
    "Dense of complex": (nn.Dense(1, 3, rng=RNG), [[1j]], "Dense takes an array of real numbers, not of complex128"),
    "Conv2D": (
        nn.Conv2D(3, 4, 2, rng=RNG),
        np.ones((2, 5, 5, 1)),
        r"Conv2D takes.* 3\).*\(2, 5, 5, 1\).*\(2, 2, 3, 4\)",
    ),
    "Conv2D without channels": (nn.Conv2D(1, 4, 2, rng=RNG), np.ones((2, 5, 5)), r"\(2, 5, 5\).*x\[..., None\] adds"),
    "Conv2D of rows": (nn.Conv2D(1, 4, 2, rng=RNG), np.ones((2, 784)), r"takes images .* of shape \(2, 784\)"),
    "Conv2D of small images": (
        nn.Conv2D(1, 4, 3, rng=RNG),
        np.ones((2, 5, 2, 1)),
        r"of 3 x 3 pixels or more.*\(2, 5, 2, 1\)",
    ),
    "MaxPool2D": (nn.MaxPool2D(3), np.ones((2, 2, 5, 1)), r"MaxPool2D\(3\) takes images .*3 x 3.*\(2, 2, 5, 1\)"),
    "LayerNorm": (nn.LayerNorm(3), np.ones((2, 5)), r"LayerNorm\(3\) takes rows \(..., 3\).*\(2, 5\)"),
    "BatchNorm": (nn.BatchNorm(3), np.ones((4, 5)), r"BatchNorm\(3\) takes rows \(n, 3\).*\(4, 5\)"),
    "BatchNorm of images": (
        nn.BatchNorm(3),
        np.ones((4, 2, 2, 3)),
        r"BatchNorm\(3\) takes rows \(n, 3\).*\(4, 2, 2, 3\)",
    ),
    "Embedding of floats": (
        nn.Embedding(3, 2, rng=RNG),
        np.ones(2),
        "Embedding takes integers from 0 to 2, not float64",
    ),
    "Embedding of others": (
        nn.Embedding(3, 2, rng=RNG),
        [0, 3],
        r"from 0 to 2; those it was given are from 0 to 3.*\(3, 2\)",
    ),
    "Embedding of negative": (nn.Embedding(3, 2, rng=RNG), [-1], "those it was given are from -1"),
}


@pytest.mark.parametrize(("layer", "x", "told"), WRONG_INPUTS.values(), ids=WRONG_INPUTS)
def test_a_wrong_input_is_told_at_the_layer_with_both_shapes_and_where_it_stands(layer, x, told):
    model = nn.Sequential(lambda x: x, layer)
    for wrap in (lambda given: given, nn.Tensor):
        with nn.GradientTape(), pytest.raises((TypeError, ValueError), match=told) as caught:
            model(wrap(x), training=True)
        assert caught.value.__notes__ == [f"in layer 1 of a Sequential, {type(layer).__name__}"]
