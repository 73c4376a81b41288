"""Figures of what made the difference: time against quality, parallel coordinates, slices of interaction."""

import itertools

import numpy as np
import pytest

from nnlite.report import collect, group_runs, rank, write_report
from nnlite.report.parallel import MOST_COLOURED, parallel_coordinates
from nnlite.report.pareto import pareto_front, pareto_plot
from nnlite.report.slices import slices
from nnlite.report.style import PALETTE, png
from nnlite.runs import METRICS


def only_ranking(root):
    (group,) = group_runs(collect(root).runs)
    return rank(group)


def write_timed(logs, root, points, metric="val_acc"):
    """A configuration for each pair of seconds and values."""
    for number, (seconds, values) in enumerate(points):
        for seed, value in enumerate(np.atleast_1d(values)):
            model = "gan" if metric == "fid" else "classifier"
            epochs = [{metric: float(value), "seconds": seconds}]
            logs.write_run(root / "s", f"{number}-{seed}", epochs, {"epochs": number + 1}, seed=seed, model=model)
    return only_ranking(root)


@pytest.mark.parametrize("metric", ["val_acc", "fid"])
def test_on_the_front_is_what_no_other_beats_in_both(logs, tmp_path, metric):
    """By a comparison of every configuration with every other."""
    rng = np.random.default_rng(0)
    points = [
        (float(seconds), float(value)) for seconds, value in zip(rng.uniform(1, 9, 25), rng.random(25), strict=True)
    ]
    ranking = write_timed(logs, tmp_path, points, metric)
    sign = -1 if metric == "val_acc" else 1
    known = [(each.seconds, sign * each.estimate.mean) for each in ranking.ranked]
    best = {
        one for one in known if not any(other[0] <= one[0] and other[1] <= one[1] and other != one for other in known)
    }
    front = pareto_front(ranking)
    assert {(each.seconds, sign * each.estimate.mean) for each in front} == best
    assert [each.seconds for each in front] == sorted(each.seconds for each in front)


def test_a_mark_is_the_mean_at_the_time_of_a_run_in_its_colour(logs, tmp_path):
    ranking = write_timed(logs, tmp_path, [(1.0, (0.5, 0.6)), (2.0, (0.8, 0.9)), (4.0, (0.7, 0.7))])
    axes = pareto_plot(ranking).axes[0]
    marks = {line.get_label()[0]: line for line in axes.lines if line.get_label()[1:2] == ":"}
    assert [(marks[place].get_xdata()[0], marks[place].get_ydata()[0]) for place in "123"] == [
        (2.0, pytest.approx(0.85)),
        (4.0, pytest.approx(0.7)),
        (1.0, pytest.approx(0.55)),
    ]
    assert [marks[place].get_color() for place in "123"] == list(PALETTE[:3])
    assert [marks[place].get_marker() for place in "123"] == ["D", "o", "D"]
    assert axes.get_xlabel() == "training time of a run [s]"


@pytest.mark.parametrize(("longest", "unit"), [(30.0, "s"), (1800.0, "min"), (40_000.0, "h"), (0.02, "s")])
def test_times_stand_in_a_unit_that_suits_them(logs, tmp_path, longest, unit):
    for shortest in (longest / 100, longest / 3):
        points = [(shortest, 0.5), (longest / 2, 0.6), (longest, 0.7)]
        axes = pareto_plot(write_timed(logs, tmp_path / str(shortest), points)).axes[0]
        png(axes.figure)
        assert axes.get_xlabel().endswith(f"[{unit}]")
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert 2 <= len(ticks) <= 12


def test_where_all_take_as_long_or_few_are_compared_there_is_no_figure_of_time(logs, tmp_path):
    assert pareto_plot(write_timed(logs, tmp_path / "a", [(1.0, 0.5), (1.05, 0.6), (1.1, 0.7)])) is None
    assert pareto_plot(write_timed(logs, tmp_path / "b", [(1.0, 0.5), (5.0, 0.6)])) is None


def write_grid(logs, root, **axes):
    rng = np.random.default_rng(0)
    for number, values in enumerate(itertools.product(*axes.values())):
        config = dict(zip(axes, values, strict=True))
        logs.write_run(root / "s", f"r{number}", [{"val_acc": rng.uniform(0.6, 0.99)}], config, swept=[*axes])
    return only_ranking(root)


def test_each_configuration_is_a_line_and_the_best_keep_their_colours(logs, tmp_path):
    names = {"learning_rate": [0.01, 0.1, 1.0], "optimizer": ["sgd", "adam"], "epochs": [1, 2, 3]}
    ranking = write_grid(logs, tmp_path, **names)
    axes = parallel_coordinates(ranking, list(names)).axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert len(lines) == 18
    best = lines[::-1][:MOST_COLOURED]  # the best is drawn last
    assert [line.get_color() for line in best] == list(PALETTE[:MOST_COLOURED])
    winner = ranking.configurations[0].parameters
    heights = best[0].get_ydata()
    assert heights[0] == pytest.approx([0.01, 0.1, 1.0].index(winner["learning_rate"]) / 2)  # by the logarithm
    assert heights[2] == pytest.approx((winner["epochs"] - 1) / 2)
    assert heights[3] == 1
    assert lines[0].get_ydata()[3] == 0


def test_two_hyperparameters_need_no_parallel_coordinates(logs, tmp_path):
    ranking = write_grid(logs, tmp_path, learning_rate=[0.1, 1.0], epochs=[1, 2])
    assert parallel_coordinates(ranking, ["learning_rate", "epochs"]) is None


def test_a_slice_has_a_series_for_each_value_of_the_one_that_has_few(logs, tmp_path):
    ranking = write_grid(logs, tmp_path, learning_rate=[0.01, 0.1, 1.0], optimizer=["sgd", "adam"], epochs=[1, 2])
    figure = slices(ranking.trial_frame(), [("optimizer", "learning_rate")], METRICS["val_acc"])
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_xscale()) == ("learning_rate", "log")
    assert [entry.get_text() for entry in axes.get_legend().get_texts()] == ["adam", "sgd"]
    dots = [line for line in axes.lines if line.get_markersize() == 5]
    assert sorted(value for line in dots for value in line.get_ydata()) == sorted(
        trial.value for each in ranking.configurations for trial in each.trials
    )


def test_where_both_have_many_values_the_best_is_ringed_and_brightest(logs, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(20):
        config = {"learning_rate": float(10 ** rng.uniform(-4, 0)), "momentum": float(rng.uniform(0, 0.95))}
        logs.write_run(tmp_path / "s", f"r{number}", [{"val_acc": rng.random()}], config)
    ranking = only_ranking(tmp_path)
    (axes,) = slices(ranking.trial_frame(), [("learning_rate", "momentum")], METRICS["val_acc"]).axes
    (ringed,) = [line for line in axes.lines if line.get_markersize() == 10]
    winner = ranking.configurations[0].parameters
    assert {ringed.get_xdata()[0], ringed.get_ydata()[0]} == {winner["learning_rate"], winner["momentum"]}


def test_the_page_of_many_hyperparameters_shows_them_all(logs, tmp_path):
    write_grid(logs, tmp_path / "e", learning_rate=[0.01, 0.1, 1.0], optimizer=["sgd", "adam"], momentum=[0.0, 0.5])
    write_report(tmp_path / "e", tmp_path / "out")
    text = (tmp_path / "out/s/README.md").read_text("utf-8")
    assert "(slices.png)" in text
    assert "(parallel.png)" in text
    assert "A line for each of the 12 configurations with a score" in text
