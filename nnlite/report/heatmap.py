"""A heat map: the mean objective for each pair of values of two hyperparameters."""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnlite.report.comparison import having, values_of
from nnlite.report.style import INK, WIDTH, axis_label, in_house_style, plain
from nnlite.runs import Metric
from nnlite.runs.quantities import is_share, number

MOST_CELLS = 12  # on a side
EMPTY = (0.94, 0.94, 0.94, 1.0)


@in_house_style
def heat_map(trials: pd.DataFrame, names: Sequence[str], metric: Metric) -> Figure | None:
    """Draw it; None unless there are two hyperparameters, each of two values or some more.

    Args:
        trials: `Ranking.trial_frame` of a group.
        names: the hyperparameters, without `config.`; the first one goes across.
        metric: what the column `value` holds.
    """
    rows = trials[trials["counts"]]
    if len(names) != 2 or rows.empty or any(not 2 <= len(values_of(rows, name)) <= MOST_CELLS for name in names):
        return None
    across, down = (values_of(rows, name) for name in names)
    means = {
        (x, y): rows[having(rows, names[0], x) & having(rows, names[1], y)]["value"].mean()
        for x in across
        for y in down
    }
    worth = sorted((mean for mean in means.values() if not math.isnan(mean)), reverse=not metric.higher_is_better)
    figure = Figure(figsize=(min(WIDTH, 2.2 + 1.0 * len(across)), 1.2 + 0.5 * len(down)))
    axes = figure.subplots()
    for (x, y), mean in means.items():
        _cell(axes, across.index(x), down.index(y), mean, worth, metric)
    axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(down) - 0.5))
    axes.set(xlabel=plain(names[0]), ylabel=plain(names[1]))
    axes.set_xticks(range(len(across)), [plain(number(value), 12) for value in across])
    axes.set_yticks(range(len(down)), [plain(number(value)) for value in down])
    axes.set_title(f"mean {axis_label(metric)}", fontsize=9)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _cell(axes: Axes, column: int, row: int, mean: float, worth: list[float], metric: Metric) -> None:
    """One pair; `worth` are all means from the worst to the best."""
    known = not math.isnan(mean)
    # Shaded by place, not by value: one outlier would else make all others look alike.
    shade = worth.index(mean) / max(1, len(worth) - 1) if known else 1.0
    face = colormaps["cividis"](shade) if known else EMPTY
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=2))
    ink = INK if shade >= 0.5 else "white"
    weight = "bold" if known and mean == worth[-1] else "normal"
    axes.text(column, row, _written(metric, mean), ha="center", va="center", color=ink, fontweight=weight)


def _written(metric: Metric, mean: float) -> str:
    if math.isnan(mean):
        return "-"
    if is_share(metric):
        return f"{100 * mean:.2f}"
    # Zeros at the end are kept where they fit, so that the cells have the same number of digits.
    return f"{mean:#.3g}".rstrip(".") if 0.01 <= abs(mean) < 1000 else number(mean, 3)
