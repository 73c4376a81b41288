"""Learning curves: how a metric went over the epochs, a line a configuration, its band from seed to seed."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlite.report.style import WIDTH, colour, dashes, epochs_axis, in_house_style, plain, value_axis
from nnlite.runs import Metric
from nnlite.runs.thinning import places_to_draw

MOST_LINES = 8  # the best seven and the worst: more cannot be told apart
MOST_BANDS = 4  # with more lines, the best and the worst alone have one
LONG_LABEL = 50  # characters: longer ones get a line of the legend each
MOST_PARTS = 1000  # of a curve: more than a picture has dots
MARKED_EPOCHS = 12  # a curve as short as this shows its epochs


def shown_ranks(trials: pd.DataFrame, most: int = MOST_LINES) -> list[int]:
    """The ranks (from 1) of the configurations that get a line: all, or the best ones and the worst."""
    ranks = sorted({int(rank) for rank in trials.loc[trials["counts"], "rank"]})
    return ranks if len(ranks) <= most else [*ranks[: most - 1], ranks[-1]]


@in_house_style
def learning_curves(
    epochs: pd.DataFrame, trials: pd.DataFrame, metrics: Sequence[Metric], most: int = MOST_LINES
) -> Figure | None:
    """One panel for each of the metrics that were logged, side by side; None if none was.

    The line is the mean over the seeds as far as all of them have got, the band reaches from the lowest seed to the
    highest.

    Args:
        epochs: `nnlite.report.frame.epoch_frame` of a group.
        trials: `Ranking.trial_frame` of the same group.
        metrics: what to draw.
        most: how many lines at most.
    """
    ranks = shown_ranks(trials, most)
    counting = trials.loc[trials["counts"] & trials["rank"].isin(ranks), ["run", "rank", "configuration"]]
    rows = epochs.merge(counting, on="run")
    drawn = [metric for metric in metrics if metric.name in rows and rows[metric.name].notna().any()]
    if not drawn or rows["epoch"].max() < 2:  # a point is no curve
        return None
    columns = 1 if rows["configuration"].str.len().max() > LONG_LABEL else 2
    figure = Figure(figsize=(WIDTH, 2.9 + 0.19 * -(-len(ranks) // columns)))
    bands = ranks if len(ranks) <= MOST_BANDS else [ranks[0], ranks[-1]]
    for axes, metric in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        _panel(axes, rows, metric, bands)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if len(labels) > 1:
        # Drawn from the worst to the best, so that the best is on top; read from the best to the worst.
        look: dict[str, Any] = {"loc": "outside lower left", "handlelength": 3.4, "borderaxespad": 1}
        figure.legend(handles[::-1], labels[::-1], ncols=columns, **look)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, metric: Metric, bands: Sequence[int]) -> None:
    extent: list[float] = []
    lasts: list[int] = []
    for rank in sorted(set(rows["rank"]), reverse=True):
        group = rows[rows["rank"] == rank]
        curve = group.groupby("epoch")[metric.name].agg(["mean", "min", "max", "count"])
        curve = curve[curve["count"] == group["run"].nunique()]
        curve = curve.iloc[places_to_draw([list(curve[name]) for name in ("mean", "min", "max")], MOST_PARTS)]
        x = [int(epoch) for epoch in curve.index]
        look: dict[str, Any] = {"color": colour(rank), "linestyle": dashes(rank)}
        look["marker"] = "o" if len(x) <= MARKED_EPOCHS else ""
        label = plain(f"{rank}: {group['configuration'].iloc[0]}", 110)
        axes.plot(x, curve["mean"], label=label, linewidth=1.9 if rank == 1 else 1.3, markersize=3, **look)
        if rank in bands:
            axes.fill_between(x, curve["min"], curve["max"], color=colour(rank), alpha=0.16, linewidth=0)
            extent += [*curve["min"], *curve["max"]]
        extent += [*curve["mean"]]
        lasts += x[-1:]
    if extent:
        value_axis(axes, metric, extent)
    epochs_axis(axes, int(rows["epoch"].max()), min(lasts, default=None))
