"""Means over seeds and their intervals."""

import statistics

import numpy as np
import pytest

from nnlite.report.intervals import difference, estimate, t_quantile

# Two-sided 95 % and 99 % quantiles from the NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2.
PUBLISHED = [
    (1, 12.706, 63.657),
    (2, 4.303, 9.925),
    (3, 3.182, 5.841),
    (4, 2.776, 4.604),
    (9, 2.262, 3.250),
    (30, 2.042, 2.750),
    (100, 1.984, 2.626),
]


@pytest.mark.parametrize(("freedom", "at_95", "at_99"), PUBLISHED)
def test_the_quantile_is_the_published_one(freedom, at_95, at_99):
    assert t_quantile(freedom, 0.95) == pytest.approx(at_95, abs=6e-4)
    assert t_quantile(freedom, 0.99) == pytest.approx(at_99, abs=6e-4)


def test_the_interval_holds_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    known = [estimate(rng.normal(3.0, 2.0, 3).tolist()) for _ in range(4000)]
    assert statistics.fmean(abs(each.mean - 3.0) <= each.half for each in known) == pytest.approx(0.95, abs=0.01)


def test_a_single_value_has_no_interval():
    assert estimate([2.5]).half is None
    assert difference(estimate([2.5]), estimate([1.0, 2.0])) == (1.0, None)


def test_the_interval_of_a_difference_holds_the_true_difference_at_least_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(3000):
        gap, half = difference(estimate(rng.normal(1.0, 1.0, 3).tolist()), estimate(rng.normal(0.0, 3.0, 3).tolist()))
        hits += abs(gap - 1.0) <= half
    assert 0.945 <= hits / 3000 <= 0.99


def test_equal_values_are_certain():
    assert difference(estimate([2.0, 2.0]), estimate([1.0, 1.0])) == (1.0, 0.0)
