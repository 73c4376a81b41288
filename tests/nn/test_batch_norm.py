"""Batch normalization against its definition in float64, in training and in use."""

import numpy as np
import pytest

from nnlite.autodiff import prove_gradient
from nnlite.errors import InputError
from nnlite.nn import ACTIVATIONS, BatchNorm, Dense, Sequential, fully_connected

RNG = np.random.default_rng(4)
ROWS = (RNG.standard_normal((20, 3)) * [1.0, 5.0, 0.01] + [0.0, -3.0, 100.0]).astype(np.float32)


def layer(**options):
    made = BatchNorm(3, **options)
    made.scale[...] = [1.0, 2.0, -1.0]
    made.shift[...] = [0.0, 0.5, 1.0]
    return made


def definition(x, mean, variance, epsilon=1e-5):
    x, mean, variance = (np.asarray(each, np.float64) for each in (x, mean, variance))
    return (x - mean) / np.sqrt(variance + epsilon) * [1.0, 2.0, -1.0] + [0.0, 0.5, 1.0]


def test_in_training_each_column_has_the_mean_and_variance_of_the_batch_taken_away():
    made = layer()(ROWS, training=True)
    exact = ROWS.astype(np.float64)
    np.testing.assert_allclose(made, definition(ROWS, exact.mean(axis=0), exact.var(axis=0)), atol=2e-3)
    np.testing.assert_allclose(np.mean(made, axis=0), [0.0, 0.5, 1.0], atol=2e-3)
    assert made.dtype == np.float32


def test_the_running_statistics_follow_those_of_the_batches():
    norm, mean, variance = layer(momentum=0.8), np.zeros(3), np.ones(3)
    for _ in range(6):
        batch = RNG.standard_normal((10, 3)) * [1.0, 2.0, 3.0] + [0.0, 1.0, 2.0]
        norm(batch.astype(np.float32), training=True)
        mean = 0.8 * mean + 0.2 * batch.mean(axis=0)
        variance = 0.8 * variance + 0.2 * batch.var(axis=0, ddof=1)
    np.testing.assert_allclose(norm.mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(norm.variance, variance, rtol=1e-5)
    assert norm.mean.dtype == norm.variance.dtype == np.float32


def test_in_use_it_is_the_running_statistics_that_count_and_they_stay():
    norm = layer()
    norm.mean[...], norm.variance[...] = [1.0, -2.0, 90.0], [0.5, 20.0, 4.0]
    np.testing.assert_allclose(
        norm(ROWS, training=False), definition(ROWS, [1.0, -2.0, 90.0], [0.5, 20.0, 4.0]), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(norm(ROWS[:1], training=False), norm(ROWS, training=False)[:1], rtol=1e-6)
    assert norm.mean.tolist() == [1.0, -2.0, 90.0]
    assert norm.variance.tolist() == [0.5, 20.0, 4.0]


def test_after_many_batches_use_and_training_agree():
    norm = layer()
    for _ in range(300):
        norm(ROWS, training=True)
    np.testing.assert_allclose(norm(ROWS, training=False), norm(ROWS, training=True), atol=0.1)


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_reaches_input_scale_and_shift(training):
    def run(x, scale, shift):
        norm = BatchNorm(3, np.tanh)
        norm.mean[...], norm.variance[...] = 0.5, 2.0
        norm.scale, norm.shift = scale, shift
        return norm(x, training=training)

    prove_gradient(run, RNG.standard_normal((6, 3)), RNG.standard_normal(3), RNG.standard_normal(3), order=2)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_batch_without_a_variance_cannot_be_trained_on(rows):
    norm = layer()
    with pytest.raises(ValueError, match=f"cannot train on a batch of {rows}: it takes two rows"):
        norm(ROWS[:rows], training=True)
    assert norm.mean.tolist() == [0, 0, 0]


def test_a_column_that_never_varies_gives_the_shift():
    norm = layer()
    np.testing.assert_allclose(norm(np.full((4, 3), 7.0, np.float32), training=True), [[0.0, 0.5, 1.0]] * 4)


def test_a_call_that_does_not_say_whether_it_trains_is_refused():
    with pytest.raises(ValueError, match="BatchNorm does one thing in training and another in use"):
        Sequential(layer())(ROWS)


def test_the_running_statistics_are_saved_with_the_weights_and_are_no_parameters():
    network = Sequential(Dense(3, 3, rng=RNG), layer())
    network(ROWS, training=True)
    assert [name for name, _ in network.named_parameters()] == ["0.weight", "0.bias", "1.scale", "1.shift"]
    state = network.state()
    assert list(state)[4:] == ["1.mean", "1.variance"]
    other = Sequential(Dense(3, 3, rng=RNG), BatchNorm(3))
    other.load_state(state)
    assert other(ROWS, training=False).tobytes() == network(ROWS, training=False).tobytes()
    network(ROWS * 2, training=True)
    assert other.layers[1].mean.tobytes() == state["1.mean"].tobytes(), "what was saved is a copy"


def test_weights_without_running_statistics_are_of_another_network():
    network = Sequential(layer())
    with pytest.raises(InputError, match="of another network"):
        network.load_state({"0.scale": np.ones(3), "0.shift": np.zeros(3)})


def test_a_network_has_it_before_the_activation_of_each_hidden_layer_in_the_place_of_the_bias():
    network = fully_connected([4, 3, 2], "relu", "tanh", RNG, batch_norm=True)
    dense, norm, last = network.layers
    assert (dense.activation, norm.activation, last.activation) == (None, ACTIVATIONS["relu"], np.tanh)
    assert [name for name, _ in dense.named_parameters()] == ["weight"]
    assert [name for name, _ in last.named_parameters()] == ["weight", "bias"]
    x = RNG.standard_normal((5, 4), dtype=np.float32)
    np.testing.assert_allclose(dense(x), x @ np.array(dense.weight), rtol=1e-6)


def test_an_unknown_activation_is_named_with_the_likeliest_meant():
    with pytest.raises(InputError, match="did you mean 'relu'"):
        BatchNorm(3, "rleu")
