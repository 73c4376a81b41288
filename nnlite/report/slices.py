"""Slices of interaction: how what one hyperparameter does depends on another, where a sweep varies more than two.

The pairs are those that explain most together beyond each alone. Where one of the two has few values, each of them is a
series of dots over the other; where both have many, a dot of the plane is a configuration, the brighter the better.
"""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from nnlite.report.cells import column_of
from nnlite.report.comparison import LOG_DECADES, MARGIN, MOST_HUES, all_numbers, panel, values_of
from nnlite.report.style import INK, WIDTH, in_house_style, plain, value_axis
from nnlite.runs import Metric
from nnlite.runs.quantities import number

MOST_SLICES = 2


@in_house_style
def slices(trials: pd.DataFrame, pairs: Sequence[tuple[str, str]], metric: Metric) -> Figure | None:
    """A panel for each pair, two at most; None without a pair.

    Args:
        trials: `Ranking.trial_frame` of a group.
        pairs: of hyperparameters, without `config.`, the most important first.
        metric: what the column `value` holds.
    """
    rows = trials[trials["counts"]]
    shown = [pair for pair in pairs if not rows.empty and _can_be_drawn([values_of(rows, name) for name in pair])]
    # Series over an axis say more than dots in a plane.
    shown.sort(key=lambda pair: min(len(values_of(rows, name)) for name in pair) > MOST_HUES)
    shown = shown[:MOST_SLICES]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH if len(shown) > 1 else WIDTH * 0.62, 3.6))
    for axes, pair in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        few, many = sorted(pair, key=lambda name: len(values_of(rows, name)))
        if len(values_of(rows, few)) <= MOST_HUES:
            panel(axes, rows, many, few)
            value_axis(axes, metric, rows["value"].tolist(), MARGIN)
        else:
            _plane(axes, rows, many, few)
    return figure


def _can_be_drawn(values: Sequence[Sequence[object]]) -> bool:
    few, many = sorted(values, key=len)
    return len(few) > 1 and (len(few) <= MOST_HUES or (all_numbers(few) and all_numbers(many)))


def _plane(axes: Axes, rows: pd.DataFrame, across: str, up: str) -> None:
    """Each configuration as a dot, shaded by its place among all, the best one ringed."""
    dots = rows.groupby("rank")[[column_of(across), column_of(up)]].first().sort_index(ascending=False)
    last = len(dots) - 1
    for place, (x, y) in enumerate(zip(dots[column_of(across)], dots[column_of(up)], strict=True)):
        look: dict[str, Any] = {"markersize": 6, "markeredgewidth": 0.4}
        if place == last:
            look = {"markersize": 10, "markeredgewidth": 1.8}
        axes.plot([x], [y], "o", color=colormaps["cividis"](place / max(1, last)), markeredgecolor=INK, **look)
    for axis, name in ((axes.xaxis, across), (axes.yaxis, up)):
        values = values_of(rows, name)
        wide = values[0] > 0 and math.log10(values[-1] / values[0]) >= LOG_DECADES
        axis.set_label_text(plain(name))
        if wide:
            (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
            axis.set_minor_locator(NullLocator())
        axis.set_major_locator(LogLocator(numticks=9) if wide else MaxNLocator(nbins=6))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value))))
