"""Distributions: a number between 0 and 1 becomes a value that could be trained, distributed as the file says."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnlite.errors import InputError
from nnlite.models import HYPERPARAMETERS
from nnlite.sweep.distributions import read_distribution
from nnlite.sweep.values import hyperparameter

POSITIONS = (np.arange(10_000) + 0.5) / 10_000


def read(name, value, model="classifier"):
    return read_distribution(hyperparameter(model, "search", name, "spec.toml"), value)


def sample(name, value, model="classifier"):
    distribution = read(name, value, model)
    return [distribution.quantile(position) for position in POSITIONS]


def shares(values):
    return {value: values.count(value) / len(values) for value in dict.fromkeys(values)}


def test_a_uniform_number_lies_anywhere_between_its_bounds():
    values = sample("momentum", {"low": 0.2, "high": 0.8})
    assert values == sorted(values)
    assert np.allclose(np.quantile(values, [0, 0.25, 0.5, 1]), [0.2, 0.35, 0.5, 0.8], atol=1e-3)


def test_a_log_uniform_number_is_as_likely_in_each_decade():
    values = np.array(sample("learning_rate", {"low": 1e-4, "high": 1.0, "log": True}))
    assert values[0] == 1e-4
    assert values[-1] == pytest.approx(1.0, rel=1e-3)
    for decade in (1e-4, 1e-3, 1e-2, 1e-1):
        assert np.mean((decade <= values) & (values < 10 * decade)) == pytest.approx(0.25, abs=0.001)


def test_an_integer_takes_both_bounds_and_each_as_often():
    found = shares(sample("batch_size", {"low": 10, "high": 14}))
    assert found == pytest.approx(dict.fromkeys(range(10, 15), 0.2), abs=1e-3)
    assert all(type(value) is int for value in found)


def test_a_log_uniform_integer_takes_both_bounds():
    found = shares(sample("lr_decay_epochs", {"low": 1, "high": 100, "log": True}))
    assert (min(found), max(found)) == (1, 100)
    # The share of k is that of [k - 1/2, k + 1/2] in the logarithm.
    assert found[2] == pytest.approx(math.log(2.5 / 1.5) / math.log(100.5 / 0.5), abs=1e-3)
    assert all(type(value) is int for value in found)


def test_a_step_leaves_only_its_multiples():
    assert list(shares(sample("batch_size", {"low": 10, "high": 45, "step": 10}))) == [10, 20, 30, 40]
    assert list(shares(sample("momentum", {"low": 0.0, "high": 0.9, "step": 0.3}))) == [0.0, 0.3, 0.6, 0.9]


def test_a_normal_number_has_mean_and_standard_deviation():
    values = sample("weight_decay", {"mean": 1.0, "std": 0.1})
    assert np.mean(values) == pytest.approx(1.0, abs=1e-3)
    assert np.std(values) == pytest.approx(0.1, rel=1e-2)


def test_a_lognormal_number_has_its_median_and_spread():
    logarithms = np.log(sample("learning_rate", {"mean": 0.01, "std": 0.5, "log": True}))
    assert np.median(logarithms) == pytest.approx(math.log(0.01), abs=1e-3)
    assert np.std(logarithms) == pytest.approx(0.5, rel=1e-2)


def test_a_normal_number_is_cut_at_its_bounds_and_at_the_range_of_its_hyperparameter():
    assert min(sample("momentum", {"mean": 0.5, "std": 0.5, "low": 0.25})) == 0.25
    own = sample("momentum", {"mean": 0.9, "std": 0.3})
    assert min(own) == pytest.approx(0.0, abs=0.01)
    assert 0.99 < max(own) < 1
    assert len({value for value in own if value > 0.99}) > 5, "cut, not clipped"
    assert min(sample("learning_rate", {"mean": 0.0, "std": 1.0})) > 0


def test_a_choice_takes_lists_and_words_each_as_often():
    assert shares(sample("hidden", {"choices": [[64], [128, 64]]})) == {(64,): 0.5, (128, 64): 0.5}
    assert shares(sample("optimizer", ["sgd", "adam"])) == {"sgd": 0.5, "adam": 0.5}


def test_numbers_are_rounded_to_four_digits_and_to_more_where_the_bounds_share_some():
    for value in sample("learning_rate", {"low": 1e-4, "high": 1.0, "log": True})[::97]:
        assert value == float(f"{value:.4g}")
    narrow = sample("learning_rate", {"low": 1.0, "high": 1.0001})
    assert len(set(narrow)) > 100


@given(
    st.sampled_from(["learning_rate", "momentum", "weight_decay", "batch_size", "lr_decay_epochs", "lr_decay"]),
    st.sampled_from(["uniform", "log", "step", "normal", "lognormal"]),
    st.floats(1e-9, 0.999) | st.integers(1, 50_000),
    st.floats(1e-9, 0.999) | st.integers(1, 50_000),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
)
def test_whatever_the_distribution_its_values_could_be_trained(name, kind, one, other, position, second):
    low, high = sorted((one, other))
    table = {
        "uniform": {"low": low, "high": high},
        "log": {"low": low, "high": high, "log": True},
        "step": {"low": low, "high": high, "step": one},
        "normal": {"mean": one, "std": other},
        "lognormal": {"mean": one, "std": other, "log": True},
    }[kind]
    try:
        distribution = read(name, table)
    except InputError:
        assume(False)
    value = distribution.quantile(position)
    trained = getattr(HYPERPARAMETERS["classifier"].model_validate({name: value}), name)
    assert trained == value
    assert type(trained) is type(value)
    if "low" in table:
        assert low <= value <= high
    assert (value <= distribution.quantile(second)) or position >= second


MISTAKES = [
    ("momentum", 0.5, ["list of values or a distribution", "0.5"]),
    ("momentum", [], ["empty"]),
    ("momentum", {"choices": []}, ["choices", "empty"]),
    ("momentum", [0.5, 2.0], ["momentum[1]", "less than 1", "2.0"]),
    ("momentum", {"choices": [0.5], "log": True}, ["choices stand alone"]),
    ("momentum", {"low": 0.1}, ["low and high"]),
    ("momentum", {"mean": 0.1}, ["mean and std"]),
    ("momentum", {}, ["low and high"]),
    ("momentum", {"low": 0.1, "high": 0.2, "std": 1.0}, ["low and high, or mean and std"]),
    ("momentum", {"lo": 0.1, "high": 0.2}, ["'lo'", "'low'"]),
    ("momentum", {"low": "a", "high": 0.2}, ["momentum.low", "number", "'a'"]),
    ("momentum", {"low": 0.5, "high": 0.2}, ["low = 0.5 is above high = 0.2"]),
    ("momentum", {"low": 0.0, "high": 1.0}, ["momentum.high", "less than 1"]),
    ("momentum", {"low": 0.0, "high": 0.5, "log": True}, ["log = true", "above 0"]),
    ("momentum", {"low": 0.1, "high": 0.5, "log": True, "step": 0.1}, ["step", "log"]),
    ("momentum", {"low": 0.1, "high": 0.5, "step": 0.0}, ["step", "above 0"]),
    ("momentum", {"low": 0.1, "high": float("nan")}, ["momentum.high", "finite"]),
    ("momentum", {"mean": 0.5, "std": 0.0}, ["std", "above 0"]),
    ("momentum", {"mean": 0.5, "std": 0.1, "step": 0.1}, ["step"]),
    ("learning_rate", {"mean": 0.5, "std": 100.0, "log": True}, ["learning_rate.std", "100"]),
    ("learning_rate", {"mean": 1e308, "std": 1e308}, ["learning_rate.std", "1e+308"]),
    ("momentum", {"mean": 100.0, "std": 0.1}, ["leave nothing between"]),
    ("learning_rate", {"mean": 0.0, "std": 1.0, "log": True}, ["median"]),
    ("batch_size", {"low": 1.5, "high": 3}, ["batch_size.low", "whole number"]),
    ("batch_size", {"low": 1, "high": 9, "step": 1.5}, ["step", "integer"]),
    ("batch_size", {"low": 0, "high": 9}, ["batch_size.low", "greater"]),
    ("hidden", {"low": 1, "high": 9}, ["hidden is no number", "choices"]),
    ("optimizer", {"low": 1, "high": 9}, ["optimizer is no number", "choices"]),
]


@pytest.mark.parametrize(("name", "value", "said"), MISTAKES)
def test_what_is_no_distribution_is_refused_with_file_and_key(name, value, said):
    with pytest.raises(InputError) as caught:
        read(name, value)
    assert str(caught.value).startswith(f"spec.toml: search.{name}")
    for part in said:
        assert part in str(caught.value)


def test_a_range_with_a_value_in_it_that_cannot_be_trained_is_refused():
    with pytest.raises(InputError, match="1 would never train the discriminator"):
        read("discriminator_skip", {"low": 0, "high": 3}, "gan")
