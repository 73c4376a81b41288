"""Dropout: what is left out, what becomes of the rest, and when nothing is."""

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor
from nnlite.nn import Dense, Dropout, Sequential, fully_connected

ONES = np.ones((500, 301), np.float32)  # 150,500 numbers: no multiple of four


def rng(seed=5):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_the_stated_share_is_left_out_and_the_mean_stays(rate):
    dropped = Dropout(rate, rng=rng())(ONES, training=True)
    deviation = np.sqrt(rate * (1 - rate) / ONES.size)
    assert np.mean(dropped == 0) == pytest.approx(rate, abs=4 * deviation)
    assert np.mean(dropped, dtype=float) == pytest.approx(1.0, abs=4 * deviation / (1 - rate))
    assert set(np.unique(dropped[dropped > 0])) == {dropped.max()}
    assert dropped.max() == pytest.approx(1 / (1 - rate), rel=1e-4)


def test_the_mean_stays_exactly_also_where_the_rate_is_rounded():
    """A rate of one third is dropped in 21,845 of 65,536 cases, and scaled by what is left of them."""
    assert Dropout(1 / 3, rng=rng())(ONES, training=True).max() == np.float32(65_536 / (65_536 - 21_845))


def test_each_number_is_left_out_by_itself():
    """Four decisions are cut from one random number; none may follow from a neighbour."""
    left_out = (Dropout(0.5, rng=rng())(ONES, training=True) == 0).ravel() - 0.5
    for lag in (1, 2, 3, 4, 301):
        assert np.mean(left_out[lag:] * left_out[:-lag]) * 4 == pytest.approx(0, abs=4 / np.sqrt(ONES.size))


def test_in_use_it_is_the_identity_and_draws_nothing():
    generator = rng()
    before = generator.bit_generator.state
    assert Dropout(0.5, rng=generator)(ONES, training=False) is ONES
    assert Dropout(0.0, rng=generator)(ONES, training=True) is ONES
    assert generator.bit_generator.state == before


def test_every_call_leaves_out_others_and_the_same_generator_the_same():
    layer, again = Dropout(0.5, rng=rng()), Dropout(0.5, rng=rng())
    first, second = (layer(ONES, training=True) for _ in range(2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, again(ONES, training=True))
    assert np.array_equal(second, again(ONES, training=True))


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_any_kind_of_generator_serves(bits):
    dropped = Dropout(0.25, rng=np.random.Generator(bits(1)))(ONES, training=True)
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (0, 4), (2, 3, 4)])
def test_shape_and_dtype_stay(kind, shape):
    dropped = Dropout(0.5, rng=rng())(np.ones(shape, kind), training=True)
    assert (dropped.shape, dropped.dtype) == (shape, kind)


def test_the_gradient_passes_where_the_number_did():
    x = Tensor(rng().random((20, 30)) + 1.0)
    with GradientTape() as tape:
        dropped = Dropout(0.5, rng=rng())(x, training=True)
        total = np.sum(dropped)
    np.testing.assert_allclose(tape.gradient(total, [x])[0], np.where(np.array(dropped) > 0, 2.0, 0.0))


@pytest.mark.parametrize("rate", [-0.1, 1.0, 20.0, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(ValueError, match="not a number from 0 to below 1"):
        Dropout(rate, rng=rng())


def test_a_call_that_does_not_say_whether_it_trains_is_refused_where_it_matters():
    for network in (
        Sequential(Dropout(0.5, rng=rng())),
        fully_connected([301, 3, 2], "relu", None, rng(), dropout=0.5),
    ):
        with pytest.raises(ValueError, match=r"Dropout does one thing in training and another in use: say model\(x,"):
            network(ONES)
    Sequential(Dense(301, 2, rng=rng()))(ONES)


def test_a_network_has_it_after_each_hidden_layer_and_in_front_if_asked():
    network = fully_connected([4, 3, 3, 2], "relu", None, rng(), dropout=0.5, input_dropout=0.2)
    assert [type(layer) for layer in network.layers] == [Dropout, Dense, Dropout, Dense, Dropout, Dense]
    assert [layer.rate for layer in network.layers[::2]] == [0.2, 0.5, 0.5]
    assert [name for name, _ in network.named_parameters()][::2] == ["1.weight", "3.weight", "5.weight"]


def test_a_network_without_it_has_the_same_weights_and_draws_nothing_more():
    plain, dropping = rng(), rng()
    first = fully_connected([4, 3, 2], "relu", None, plain)
    second = fully_connected([4, 3, 2], "relu", None, dropping, dropout=0.5)
    assert [type(layer) for layer in first.layers] == [Dense, Dense]
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert one.tobytes() == other.tobytes()
    assert plain.bit_generator.state == dropping.bit_generator.state
