"""What the figures show, read off their artists."""

import numpy as np
import pandas as pd
import pytest

from nnlite.report import collect, group_runs, rank
from nnlite.report.comparison import parameter_plots
from nnlite.report.curves import learning_curves, shown_ranks
from nnlite.report.frame import epoch_frame
from nnlite.report.heatmap import crossed, heat_map, share_map
from nnlite.report.style import PALETTE, png
from nnlite.runs import METRICS


def group_of(experiments, sweep):
    (group,) = group_runs(collect(experiments / sweep).runs)
    return group, rank(group).trial_frame(), epoch_frame(group.runs)


def trials_of(**columns):
    """A frame of trials that all count, a configuration each."""
    size = len(columns["value"])
    frame = {"rank": range(1, size + 1), "counts": True, "run": [f"r{i}" for i in range(size)], "seed": 0}
    return pd.DataFrame({**frame, **columns})


def test_the_line_is_the_mean_over_the_seeds_and_the_band_their_extremes(experiments):
    _, trials, epochs = group_of(experiments, "quickstart")
    figure = learning_curves(epochs, trials, [METRICS["val_acc"]])
    winners = trials.loc[trials["rank"] == 1, "run"]
    table = epochs[epochs["run"].isin(winners)].pivot_table(index="epoch", columns="run", values="val_acc")
    axes = figure.axes[0]
    (line,) = [each for each in axes.lines if each.get_label().startswith("1: ")]
    np.testing.assert_allclose(line.get_ydata(), table.mean(axis=1))
    heights = axes.collections[-1].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (table.min(axis=None), table.max(axis=None))


def test_a_configuration_has_one_colour_in_every_figure(experiments):
    _, trials, epochs = group_of(experiments, "gan_lr")
    colours = {}
    for names in (("fid",), ("mode_coverage", "label_entropy")):
        for axes in learning_curves(epochs, trials, [METRICS[name] for name in names], 4).axes:
            for line in axes.lines:
                assert colours.setdefault(line.get_label(), line.get_color()) == line.get_color()
    assert colours[next(label for label in colours if label.startswith("1: "))] == PALETTE[0]


def test_the_best_configurations_and_the_worst_are_shown(experiments):
    _, trials, _ = group_of(experiments, "gan_lr")
    assert shown_ranks(trials) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert shown_ranks(trials, 4) == [1, 2, 3, 9]


def test_a_metric_that_nobody_logged_gives_no_figure(experiments):
    _, trials, epochs = group_of(experiments, "quickstart")
    assert learning_curves(epochs, trials, [METRICS["fid"]]) is None


@pytest.mark.parametrize(
    ("values", "scale", "labels"),
    [
        ([0.001, 0.01, 0.1], "log", ["0.001", "0.01", "0.1"]),
        ([0.0002, 0.001, 0.005], "log", ["0.0002", "0.001", "0.005"]),
        ([0.1, 0.2, 0.3], "linear", ["0.1", "0.2", "0.3"]),
        ([0.0, 1e-5, 1e-2], "linear", ["0", "1e-5", "0.01"]),
        ([0.0, 0.01, *np.linspace(0.05, 1.0, 20)], "linear", ["-0.25", "0", "0.25", "0.5", "0.75", "1", "1.25"]),
        (["64", "128", "200-400"], "linear", ["64", "128", "200-400"]),
        (["tanh", "relu", None], "linear", ["none", "relu", "tanh"]),
        ([True, False, True], "linear", ["no", "yes"]),
    ],
)
def test_the_axis_suits_the_values(values, scale, labels):
    trials = trials_of(value=list(np.linspace(0.5, 0.7, len(values))), **{"config.x": pd.Series(values, dtype=object)})
    figure = parameter_plots(trials, ["x"], METRICS["val_acc"])
    png(figure)
    axis = figure.axes[0].xaxis
    assert axis.get_scale() == scale
    assert [label.get_text() for label in axis.get_ticklabels()] == labels


def test_every_trial_that_counts_is_a_dot(experiments):
    group, trials, _ = group_of(experiments, "quickstart")
    figure = parameter_plots(trials, group.varied, METRICS["val_acc"])
    dots = [y for line in figure.axes[0].lines if line.get_markersize() == 5 for y in line.get_ydata()]
    assert sorted(dots) == sorted(trials.loc[trials["counts"], "value"])


def test_a_cell_of_the_heat_map_is_the_mean_of_its_pair(experiments):
    group, trials, _ = group_of(experiments, "gan_lr")
    pair, rows = crossed(trials, group.varied, {})
    shown = {text.get_text() for text in heat_map(rows, pair, METRICS["fid"]).axes[0].texts}
    means = trials.groupby(["config.learning_rate", "config.discriminator_skip"])["value"].mean()
    assert shown == {f"{mean:#.3g}".rstrip(".") for mean in means}


def test_of_more_than_two_hyperparameters_a_heat_map_shows_two_with_the_others_held():
    grid = [(x, y, 1) for x in (1, 2) for y in (1, 2, 3)] + [(1, 1, 2)]
    columns = dict(zip(("config.x", "config.y", "config.z"), zip(*grid, strict=True), strict=True))
    trials = trials_of(value=[float(number) for number in range(len(grid))], **columns)
    pair, rows = crossed(trials, ["z", "y", "x"], {"x": 1, "y": 1, "z": 1})
    assert pair == ("y", "x"), "z was never changed together with one of them"
    assert rows["value"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert crossed(trials, ["z", "y", "x"], {"x": 1, "y": 1, "z": 2}) is None


def test_a_map_of_shares_counts_the_runs_that_are_known():
    trials = trials_of(value=[1.0] * 4, **{"config.x": [1, 1, 2, 2], "config.y": [1, 2, 1, 1]})
    trials["run"] = ["a", "b", "c", "d"]
    figure = share_map(trials, ("x", "y"), {"a": True, "c": True, "d": False}, "runs that failed")
    shown = {each.get_position(): each.get_text() for each in figure.axes[0].texts}
    assert shown == {(0, 0): "1 of 1", (0, 1): "-", (1, 0): "1 of 2", (1, 1): "-"}


@pytest.mark.parametrize("values", [[0.5, 0.5, 0.5], [1.0, 0.1, 0.999], [0.0, 0.0, 1.0]])
@pytest.mark.parametrize("metric", ["val_acc", "val_loss", "mode_coverage"])
def test_extreme_values_can_be_drawn(values, metric):
    trials = trials_of(value=values, **{"config.x": [1, 2, 3]})
    assert png(parameter_plots(trials, ["x"], METRICS[metric])).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("metric", "values", "scale"),
    [
        ("val_acc", [0.1, 0.95, 0.98], "function"),
        ("val_acc", [0.1, 0.5, 0.6], "linear"),
        ("val_loss", [0.01, 0.5, 1.0], "log"),
        ("val_loss", [0.8, 0.9, 1.0], "linear"),
        ("label_entropy", [0.01, 0.5, 3.0], "linear"),
    ],
)
def test_the_vertical_scale_shows_both_the_best_and_the_worst(metric, values, scale):
    trials = trials_of(value=values, **{"config.x": [1, 2, 3]})
    axes = parameter_plots(trials, ["x"], METRICS[metric]).axes[0]
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < min(values) < max(values) < high
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 3


def test_nothing_is_drawn_of_a_hyperparameter_that_never_changed():
    assert parameter_plots(trials_of(value=[0.5, 0.6], **{"config.x": 1}), ["x"], METRICS["val_acc"]) is None


@pytest.mark.parametrize(("lengths", "scale"), [((20, 30), "linear"), ((3, 30), "log")])
def test_lines_of_very_different_lengths_are_drawn_over_the_logarithm_of_the_epoch(lengths, scale):
    trials = trials_of(value=[0.9] * len(lengths), configuration=[f"epochs {length}" for length in lengths])
    epochs = pd.concat(
        pd.DataFrame({"run": f"r{i}", "epoch": range(1, length + 1), "val_acc": np.linspace(0.5, 0.9, length)})
        for i, length in enumerate(lengths)
    )
    (axes,) = learning_curves(epochs, trials, [METRICS["val_acc"]]).axes
    axes.figure.canvas.draw()
    assert axes.get_xscale() == scale
    low, high = axes.get_xlim()
    assert low < 1 < high
    assert low < 30 < high
    shown = {place: label.get_text() for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)}
    assert all(label == f"{place:.0f}" for place, label in shown.items() if low <= place <= high), shown


def test_a_few_drawn_values_are_dots_without_a_line_on_an_axis_that_can_be_read():
    rates = [0.0005278, 0.0005383, 0.0006618, 0.0006982, 0.003262]
    trials = trials_of(value=[0.9, 0.91, 0.92, 0.93, 0.94], **{"config.learning_rate": rates})
    (axes,) = parameter_plots(trials, ["learning_rate"], METRICS["val_acc"]).axes
    axes.figure.canvas.draw()
    assert [line.get_linestyle() for line in axes.lines] == ["None"], "their means are no line"
    low, high = axes.get_xlim()
    ticks = [place for place in axes.get_xticks() if low <= place <= high]
    assert not set(ticks) & set(rates)
    assert min(np.diff(ticks)) > 0.09 * (high - low), "labels do not run into one another"
