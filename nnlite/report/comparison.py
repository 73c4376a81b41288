"""Comparison plots: what each hyperparameter did to the objective, every trial a dot.

With two swept hyperparameters the dots of one plot are coloured by the other; with more, a plot shows one against all
the others together.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, cast

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from nnlite.report.cells import are_drawn, column_of
from nnlite.report.groups import natural
from nnlite.report.intervals import estimate
from nnlite.report.style import PALETTE, WIDTH, axis_label, in_house_style, plain, value_axis
from nnlite.runs import Metric
from nnlite.runs.quantities import number

MOST_PANELS = 8
MOST_HUES = 6
LOG_DECADES = 1.0  # values further apart than that were meant as factors
NEXT_LABEL = 0.09  # of the axis: nearer labels would overlap
MARKERS = "osD^vP"
DODGE = 5.0  # points between series that share a place
ROOM_BELOW = 44  # characters below an axis
ROOM_BESIDE = 0.12  # of the axis, left and right of the values
MARGIN = 0.2  # room for intervals; those of two seeds may be cut off all the same


@in_house_style
def parameter_plots(trials: pd.DataFrame, names: Sequence[str], metric: Metric) -> Figure | None:
    """Each hyperparameter against the objective, two plots a row on one vertical scale; None if there is nothing.

    Args:
        trials: `Ranking.trial_frame` of a group.
        names: the hyperparameters, without `config.`.
        metric: what the column `value` holds.
    """
    rows = trials[trials["counts"]]
    shown = [name for name in names if not rows.empty and len(values_of(rows, name)) > 1][:MOST_PANELS]
    if not shown:
        return None
    lines = -(-len(shown) // 2)
    figure = Figure(figsize=(WIDTH if len(shown) > 1 else WIDTH * 0.62, 3.3 * lines))
    grid = figure.subplots(lines, min(2, len(shown)), squeeze=False, sharey=True)
    for index, axes in enumerate(grid.flat):
        if index >= len(shown):
            axes.set_axis_off()
            continue
        other = shown[1 - index] if len(shown) == 2 else None
        panel(axes, rows, shown[index], other)
        axes.tick_params(labelleft=True)
    value_axis(grid[0, 0], metric, rows["value"].tolist(), MARGIN)
    for axes in grid[1:, 0]:
        axes.set_ylabel(axis_label(metric))
    return figure


def panel(axes: Axes, rows: pd.DataFrame, name: str, other: str | None) -> None:
    """One hyperparameter below; if the other has few values, a colour and a marker for each of these."""
    values = values_of(rows, name)
    position = horizontal_axis(axes, name, values)
    hues = values_of(rows, other) if other else []
    if other is None or not 2 <= len(hues) <= MOST_HUES:
        _series(axes, rows, name, position, Line2D([], [], color=PALETTE[0], marker="o"), 0.0)
        return
    # Not the palette: those colours name configurations. An ordered scale names ordered values.
    shades = colormaps["cividis"]
    keys = []
    for index, value in enumerate(hues):
        shade = to_hex(shades(0.82 * index / (len(hues) - 1)))
        key = Line2D([], [], color=shade, marker=MARKERS[index], markersize=5, label=plain(number(value)))
        _series(axes, rows[having(rows, other, value)], name, position, key, DODGE * (index - (len(hues) - 1) / 2))
        keys.append(key)
    axes.legend(
        handles=keys,
        title=plain(other),
        title_fontsize=8.5,
        alignment="left",
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.2),
        ncols=max(1, 40 // (4 + max(len(str(key.get_label())) for key in keys))),
    )


def _series(
    axes: Axes, rows: pd.DataFrame, name: str, position: dict[object, float], key: Line2D, dodge: float
) -> None:
    """The trials as dots, and their means as a line, in the colour and with the marker of `key`."""
    shift = axes.transData + ScaledTranslation(dodge / 72, 0, cast("Figure", axes.figure).dpi_scale_trans)
    scores = {place: rows[having(rows, name, value)]["value"].tolist() for value, place in position.items()}
    dots = [(place, score) for place, members in scores.items() for score in members]
    look: dict[str, Any] = {"color": key.get_color(), "transform": shift}
    axes.plot(*zip(*dots, strict=True), str(key.get_marker()), markersize=5, alpha=0.6, markeredgewidth=0, **look)
    if are_drawn(position):  # a line through their means would be noise
        return
    means = {place: estimate(members) for place, members in scores.items() if members}
    # Words have no order, nor has one number of layers to another: nothing leads from one to the next.
    line = "_" if any(isinstance(value, str) and not value.isdigit() for value in position) else "-"
    axes.plot(list(means), [each.mean for each in means.values()], line, linewidth=1.3, markersize=18, **look)
    bars = {place: each for place, each in means.items() if each.half}
    low, high = ([each.mean + sign * (each.half or 0) for each in bars.values()] for sign in (-1, 1))
    axes.vlines(list(bars), low, high, linewidth=0.9, alpha=0.6, **look)
    axes.plot([*bars, *bars], [*low, *high], "_", markersize=6, alpha=0.6, **look)


def horizontal_axis(axes: Axes, name: str, values: list[Any]) -> dict[object, float]:
    """Scale the axis for the values of a hyperparameter; where each of them stands."""
    axes.set_xlabel(plain(name))
    numeric = all_numbers(values)
    positive = numeric and min(values) > 0
    sizes = [abs(value) for value in values if value] if numeric else []
    wide = bool(sizes) and math.log10(max(sizes) / min(sizes)) >= LOG_DECADES
    if not numeric or (wide and not positive and not are_drawn(values)):
        axes.set_xticks(range(len(values)), [_folded(number(value), ROOM_BELOW // len(values)) for value in values])
        axes.set_xlim(-0.5, len(values) - 0.5)
        return {value: float(place) for place, value in enumerate(values)}
    wide = wide and positive
    low, high = values[0], values[-1]
    room = ROOM_BESIDE * (high - low)
    axes.set_xlim(low - room, high + room)
    if wide:
        factor = (high / low) ** ROOM_BESIDE
        axes.set_xscale("log")
        axes.set_xlim(low / factor, high * factor)
        axes.xaxis.set_minor_locator(NullLocator())
    if are_drawn(values):
        axes.xaxis.set_major_locator(LogLocator() if wide else MaxNLocator(nbins=6))
    else:
        axes.xaxis.set_major_locator(FixedLocator(_apart(values, logarithmic=wide)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value))))
    return {value: float(value) for value in values}


def _folded(label: str, width: int) -> str:
    """A label on at most four lines of so many characters, broken where a list or a sentence can be."""
    pieces = re.findall(r"[^- ]+[- ]?", plain(label, 4 * max(width, 4))) or [label]
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line if len(line) <= width + 4 else f"{line[: width + 3]}…" for line in lines[:4])


def _apart(values: list[float], *, logarithmic: bool) -> list[float]:
    """The values whose labels have room on the axis."""
    places = [math.log10(value) if logarithmic else value for value in values]
    room = NEXT_LABEL * (places[-1] - places[0])
    kept: list[float] = []
    last = -math.inf
    for value, place in zip(values, places, strict=True):
        if place - last >= room:
            kept.append(value)
            last = place
    return kept


def values_of(rows: pd.DataFrame, name: str) -> list[Any]:
    """The values that a hyperparameter took, in order; None where a run has no such hyperparameter."""
    column = rows[column_of(name)]
    values = {None if pd.isna(value) else value for value in column.astype(object)}
    return sorted(values, key=natural)


def all_numbers(values: Sequence[object]) -> bool:
    """Whether they can stand on an axis by their size."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def having(rows: pd.DataFrame, name: str, value: object) -> "pd.Series[bool]":
    """Which rows have this value."""
    column = rows[column_of(name)]
    return column.isna() if value is None else column == value
