"""The arithmetic of progress: curves in a few characters, speeds, and the time that is left."""

import math

import pytest

from nnlite.runs import Run, RunFolder
from nnlite.sweep.display.progress import Pace, epoch_seconds, seconds_left, seconds_left_of, sparkline


def at(seconds):
    return f"2026-01-01T00:{seconds // 60:02.0f}:{seconds % 60:06.3f}Z"


@pytest.fixture
def run(tmp_path):
    """Make a run whose epochs were logged at these seconds."""

    def make(moments, status="running", end=None):
        epochs = [{"epoch": number, "time": at(each)} for number, each in enumerate(moments, 1)]
        return Run(RunFolder(tmp_path), {"time": at(0)}, epochs, status, {"time": at(end)} if end else {})

    return make


@pytest.mark.parametrize(
    ("values", "width", "curve"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([3, 1], 8, "█▁"),
        ([0, 0, 4, 4, 8, 8], 3, "▁▅█"),
        ([5], 8, "▅"),
        ([2, 2, 2], 8, "▅▅▅"),
        ([], 8, ""),
        ([1, 2], 0, ""),
        ([1, math.nan, 2, math.inf], 8, "▁█"),
        ([-1e308, 1e308], 8, "▁█"),
        ([1000, 100, 10, 1], 8, "█▆▃▁"),  # by its logarithm
    ],
)
def test_a_curve_is_drawn_between_its_lowest_and_its_highest_value(values, width, curve):
    assert sparkline(values, width) == curve


def test_a_long_curve_fits_its_width_and_keeps_its_shape():
    curve = sparkline(range(1000), 24)
    assert len(curve) == 24
    assert list(curve) == sorted(curve)


def test_an_epoch_takes_the_median_of_the_latest_whatever_a_pause_took(run):
    assert epoch_seconds(run([])) is None
    assert epoch_seconds(run([4])) == pytest.approx(4)
    assert epoch_seconds(run([2, 4, 6, 1000, 1002, 1004])) == pytest.approx(2)


def test_the_end_of_a_finished_run_is_spread_over_its_epochs(run):
    assert epoch_seconds(run([2, 4], "completed", end=5)) == pytest.approx(2.5)
    assert epoch_seconds(run([2, 4], "failed", end=500)) == pytest.approx(2)


def test_the_time_that_a_run_has_left_falls_between_two_epochs_but_not_below_the_next(run):
    trained = run([2, 4])
    began = 1767225600.0  # 2026-01-01
    assert seconds_left_of(trained, 10, began + 4) == pytest.approx(16)
    assert seconds_left_of(trained, 10, began + 5) == pytest.approx(15)
    assert seconds_left_of(trained, 10, began + 500) == pytest.approx(14)
    assert seconds_left_of(trained, 1, began + 4) == 0
    assert seconds_left_of(run([]), 10, began) is None


@pytest.mark.parametrize(
    ("running", "waiting", "lanes", "left"),
    [
        ([5], [], 1, 5),
        ([5], [10, 10], 1, 25),
        ([5, 1], [10, 10], 2, 15),
        ([5, 5], [100], 2, 105),  # the last trial has a lane to itself
        ([], [3, 3, 3], 2, 6),
        ([2], [1], 2, 2),
    ],
)
def test_what_waits_starts_where_a_place_becomes_free(running, waiting, lanes, left):
    assert seconds_left(running, waiting, lanes) == pytest.approx(left)


def test_a_trial_is_expected_to_take_as_long_as_those_most_like_it():
    def point(hidden, rate):
        return frozenset((("hidden", hidden), ("learning_rate", rate)))

    pace = Pace()
    assert pace.expected(point("[16]", "0.1")) is None
    assert pace.expected_all([(point("[16]", "0.1"), 5)]) is None
    pace.measured(point("[16]", "0.1"), 1.0)
    pace.measured(point("[128]", "0.1"), 4.0)
    assert pace.expected(point("[16]", "0.1")) == 1.0
    assert pace.expected(point("[128]", "30.0")) == 4.0
    assert pace.expected(point("[64]", "0.1")) == 2.5
    assert pace.expected_all([(point("[16]", "0.1"), 5), (point("[128]", "0.2"), 10)]) == [5.0, 40.0]
    assert pace.expected_all([]) == []


def test_ten_thousand_unlike_trials_are_estimated_in_a_blink():
    pace = Pace()
    for number in range(100):
        pace.measured(frozenset({("x", str(number))}), 2.0)
    expected = pace.expected_all([(frozenset({("x", str(-number))}), 3) for number in range(10_000)])
    assert expected == [6.0] * 10_000
