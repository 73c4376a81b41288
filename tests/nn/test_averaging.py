"""The moving average of weights against a loop that says what it is."""

import numpy as np
import pytest

from nnlite.errors import InputError
from nnlite.nn import BatchNorm, Dense, Sequential, WeightAverage

RNG = np.random.default_rng(6)


def network():
    return Sequential(Dense(3, 2, rng=np.random.default_rng(1)), BatchNorm(2))


def wander(model):
    """Change every array of the network."""
    model.load_state(
        {name: array + RNG.standard_normal(array.shape).astype("f") for name, array in model.state().items()}
    )


def test_it_is_what_the_formula_says_of_every_array_that_the_network_saves():
    model = network()
    average, expected = WeightAverage(model, 0.9), model.state()
    for t in range(1, 121):
        wander(model)
        average.update()
        decay = min(0.9, (1 + t) / (10 + t))
        for name, array in model.state().items():
            expected[name] = decay * expected[name].astype(float) + (1 - decay) * array
    assert set(expected) == {"0.weight", "0.bias", "1.scale", "1.shift", "1.mean", "1.variance"}
    for name, array in average.weights().items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5)
        assert array.dtype == np.float32


def test_it_begins_as_a_copy_and_soon_forgets_the_first_weights():
    model = network()
    first, average = model.state(), WeightAverage(model, 0.999)
    assert average.weights()["0.weight"].tobytes() == first["0.weight"].tobytes()
    model.load_state({name: np.zeros_like(array) for name, array in first.items()})
    average.update()
    np.testing.assert_allclose(average.weights()["0.weight"], first["0.weight"] * 2 / 11, rtol=1e-6)
    for _ in range(100):
        average.update()
    assert np.max(np.abs(average.weights()["0.weight"])) < 1e-6, "0.999 ** 101 would leave nine tenths of them"


def test_of_weights_that_stay_it_is_the_weights():
    model = network()
    average = WeightAverage(model, 0.99)
    for _ in range(1000):
        average.update()
    for name, array in model.state().items():
        np.testing.assert_allclose(average.weights()[name], array, rtol=1e-5)


def test_the_network_is_only_read():
    model = network()
    before, average = model.state(), WeightAverage(model, 0.5)
    average.update()
    average.weights()["0.weight"][...] = 7.0
    assert np.max(average.weights()["0.weight"]) < 7.0, "what it gives is a copy"
    for name, array in model.state().items():
        assert array.tobytes() == before[name].tobytes()


def test_a_resumed_average_goes_on_to_the_bit():
    model = network()
    straight, stopped = WeightAverage(model, 0.9), WeightAverage(model, 0.9)
    for average in (straight, stopped):
        average.update()
    state = stopped.state()
    wander(model)
    resumed = WeightAverage(model, 0.9)
    resumed.load_state(state)
    for average in (straight, stopped, resumed):
        average.update()
    for name, array in straight.state().items():
        assert resumed.state()[name].tobytes() == array.tobytes()


def test_the_average_of_another_network_is_refused():
    with pytest.raises(InputError, match="the saved averages are of another network"):
        WeightAverage(network(), 0.9).load_state(WeightAverage(Sequential(BatchNorm(2)), 0.9).state())
