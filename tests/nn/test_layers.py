"""Layers and chains of them."""

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor, prove_gradient
from nnlite.errors import InputError
from nnlite.nn import (
    ACTIVATIONS,
    Dense,
    Layer,
    Sequential,
    fully_connected,
    glorot_uniform,
    he_normal,
    squared_error,
    uniform,
)

FORMULAS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
}


def rng():
    return np.random.default_rng(5)


def test_every_activation_has_a_formula_here():
    assert set(ACTIVATIONS) == set(FORMULAS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_dense_layer_is_an_affine_map_and_an_activation(name):
    layer, x = Dense(4, 3, name, rng=rng()), rng().standard_normal((5, 4), dtype=np.float32)
    layer.bias[...] = [0.1, -0.2, 0.3]
    expected = FORMULAS[name](x @ np.array(layer.weight) + np.array(layer.bias))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6, atol=1e-6)
    assert layer(x).dtype == np.float32


def test_a_layer_may_have_any_function_or_none_for_activation():
    x = np.ones((1, 2), np.float32)
    plain = Dense(2, 2, rng=rng())(x)
    np.testing.assert_allclose(Dense(2, 2, np.sin, rng=rng())(x), np.sin(plain), rtol=1e-6)


def test_an_unknown_activation_is_named_with_the_likeliest_meant():
    with pytest.raises(InputError, match="there is no activation 'sigmoyd': did you mean 'sigmoid'"):
        Dense(2, 2, "sigmoyd", rng=rng())


def test_first_weights_are_spread_evenly_within_their_limit():
    weights = glorot_uniform((300, 200), rng())
    limit = np.sqrt(6 / 500)
    assert weights.dtype == np.float32
    assert np.max(np.abs(weights)) <= limit
    assert np.mean(weights) == pytest.approx(0.0, abs=limit / 100)
    assert np.var(weights) == pytest.approx(limit**2 / 3, rel=0.02)
    assert not np.any(Dense(3, 2, rng=rng()).bias)


def test_weights_for_rectifiers_keep_the_variance_of_signals():
    weights = he_normal((400, 300), rng())
    assert weights.dtype == np.float32
    assert np.mean(weights) == pytest.approx(0.0, abs=4 * np.sqrt(2 / 400) / np.sqrt(weights.size))
    assert np.var(weights) == pytest.approx(2 / 400, rel=0.02)
    draw = rng()
    signal = draw.standard_normal((200, 400), dtype=np.float32)
    for _ in range(8):
        signal = np.maximum(signal @ he_normal((400, 400), draw), 0)
    assert np.mean(signal**2) == pytest.approx(1.0, rel=0.5)  # with half the variance it would be 0.004


def test_uniform_weights_lie_within_their_scale_whatever_the_shape():
    for shape in ((300, 200), (2, 1000)):
        weights = uniform(0.02)(shape, rng())
        assert weights.dtype == np.float32
        assert 0.0199 < np.max(np.abs(weights)) <= np.float32(0.02)
        assert np.var(weights) == pytest.approx(0.02**2 / 3, rel=0.1)


def test_a_network_draws_all_weights_by_its_initializer():
    network = fully_connected([50, 40, 30], "relu", None, rng(), initializer=uniform(1e-3))
    assert all(0 < np.max(np.abs(layer.weight)) <= 1e-3 for layer in network.layers)


def test_a_layer_of_ones_own_needs_to_say_no_more_than_what_it_maps():
    class Double(Layer):
        def __call__(self, x, *, training=None):
            return x * (2 if training else 1)

    network = Sequential(Double(), Dense(2, 2, rng=rng()))
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(network(x, training=True), network(2 * x, training=False))
    assert [name for name, _ in network.named_parameters()] == ["1.weight", "1.bias"]


def test_the_same_seed_gives_the_same_weights():
    first, second = (fully_connected([4, 3, 2], "tanh", None, np.random.default_rng(1)) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_chain_applies_its_layers_in_order_and_names_their_parameters():
    network = fully_connected([4, 3, 2], "relu", "tanh", rng())
    x = rng().standard_normal((5, 4), dtype=np.float32)
    first, second = network.layers
    np.testing.assert_array_equal(network(x), second(first(x)))
    assert (first.activation, second.activation) == (ACTIVATIONS["relu"], np.tanh)
    assert [name for name, _ in network.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert [parameter.shape for parameter in network.parameters()] == [(4, 3), (3,), (3, 2), (2,)]


def test_the_gradient_reaches_every_parameter():
    x, targets = rng().standard_normal((5, 4)), rng().standard_normal((5, 2))

    def loss(w, b, v, c):
        network = fully_connected([4, 3, 2], "tanh", "sigmoid", rng())
        network.layers[0].weight, network.layers[0].bias = w, b
        network.layers[1].weight, network.layers[1].bias = v, c
        return squared_error(network(x), targets)

    prove_gradient(loss, *(np.array(each) for each in fully_connected([4, 3, 2], "tanh", None, rng()).parameters()))


def test_a_network_learns():
    network, x = fully_connected([2, 8, 1], "tanh", None, rng()), rng().standard_normal((50, 2), dtype=np.float32)
    targets = x[:, :1] * x[:, 1:]
    losses = []
    for _ in range(300):
        with GradientTape():
            loss = squared_error(network(x), targets)
        loss.backward()
        for parameter in network.parameters():
            parameter -= 0.2 * parameter.grad  # noqa: PLW2901
            parameter.grad = None
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 10


def test_a_state_is_a_copy_and_comes_back_to_the_bit():
    network, other = (fully_connected([4, 3], "tanh", None, np.random.default_rng(k)) for k in (1, 2))
    state = network.state()
    network.layers[0].weight[...] = 0.0
    other.load_state(state)
    assert np.any(other.layers[0].weight)
    for name, parameter in other.named_parameters():
        assert isinstance(parameter, Tensor)
        assert parameter.tobytes() == state[name].tobytes()


def test_the_state_of_another_network_is_refused():
    with pytest.raises(InputError, match="the saved weights are of another network"):
        Sequential(Dense(3, 2, rng=rng())).load_state(fully_connected([4, 3], "tanh", None, rng()).state())


def test_what_is_of_the_right_shape_and_cannot_be_recorded_is_told_as_it_is():
    with GradientTape(), pytest.raises(TypeError, match="no derivative rule for a MaskedArray"):
        Dense(3, 2, rng=rng())(np.ma.ones((1, 3)))
