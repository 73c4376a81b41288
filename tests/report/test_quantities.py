"""Numbers as a person writes them."""

import pytest

from nnlite.report.estimates import lead, score_with_interval
from nnlite.report.intervals import Estimate
from nnlite.runs import METRICS
from nnlite.runs.quantities import counted, duration, number, score


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.1 + 0.2, "0.3"),
        (0.03, "0.03"),
        (1e-5, "1e-5"),
        (3e-7, "3e-7"),
        (0.0, "0"),
        (100, "100"),
        (1234567.0, "1234567"),
        (12345.678, "12346"),
        (0.98765432, "0.9877"),
        (True, "yes"),
        (None, "none"),
        ("relu", "relu"),
    ],
)
def test_numbers_have_the_digits_that_matter(value, written):
    assert number(value) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.3, "12 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5990, "1 h 40 min"),
        (7260, "2 h 1 min"),
        (7200, "2 h"),
        (864000, "10.0 days"),
        (None, "-"),
    ],
)
def test_times_are_human(seconds, written):
    assert duration(seconds) == written


def test_accuracies_are_percentages():
    assert score(METRICS["val_acc"], 0.97931) == "97.93 %"
    assert score_with_interval(METRICS["val_acc"], Estimate(0.97931, 0.001, 3, 0.0012)) == "97.93 ± 0.12 %"
    assert score_with_interval(METRICS["val_acc"], Estimate(0.577, 1, 2, 1.6912)) == "57.70 ± over 50 %"
    assert lead(METRICS["val_acc"], 0.0021, None) == "0.21 percentage points"


def test_mean_and_interval_end_at_the_same_decimal():
    assert score_with_interval(METRICS["fid"], Estimate(12.3456, 1, 3, 1.234)) == "12.3 ± 1.2"
    assert score_with_interval(METRICS["fid"], Estimate(12.3456, 1, 3, 0.0)) == "12.3 ± 0.0"
    assert score_with_interval(METRICS["label_entropy"], Estimate(3.3012, 1, 3, 0.0123)) == "3.301 ± 0.012 bits"


def test_plurals_are_spelt():
    assert [counted(1, "run"), counted(2, "run"), counted(2, "category")] == ["1 run", "2 runs", "2 categories"]
