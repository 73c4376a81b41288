"""Heat maps: for each pair of values of two hyperparameters the mean objective, or whatever else is known of a pair."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

Pair = tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """What is known of one pair of values.

    Attributes:
        said: a few characters.
        shade: from 0, the worst, to 1, the best; None if nothing is known.
        best: whether it stands out.
    """

    said: str
    shade: float | None
    best: bool = False


UNKNOWN = Cell("-", None)


def crossed(trials: pd.DataFrame, names: Sequence[str], held: Mapping[str, Any]) -> tuple[Pair, pd.DataFrame] | None:
    """Two hyperparameters that a heat map can show, and the trials in it; None if there are none.

    Where more than two vary, they are the first two of `names` of which each pair of values was tried while all others
    had the values in `held`.

    Args:
        trials: `Ranking.trial_frame` of a group.
        names: the hyperparameters that vary, without `config.`.
        held: a value for each of them.
    """
    counting = trials[trials["counts"]]
    for pair in itertools.combinations(names, 2):
        rows = counting
        for name in names:
            if name not in pair:
                rows = rows[having(rows, name, held[name])]
        if rows.empty:
            continue
        sides = [values_of(rows, name) for name in pair]
        if not all(2 <= len(values) <= MOST_CELLS for values in sides):
            continue
        if len(names) == 2 or all(len(own) for own in _by_values(rows, pair).values()):
            return pair, rows
    return None


def heat_map(rows: pd.DataFrame, pair: Pair, metric: Metric) -> Figure:
    """The mean objective of each pair of values.

    Args:
        rows: the trials, as `crossed` returns them.
        pair: the hyperparameters; the first one goes across.
        metric: what the column `value` holds.
    """
    means = {values: own["value"].mean() for values, own in _by_values(rows, pair).items()}
    # Shaded by place, not by value: one outlier would else make all others look alike.
    worth = sorted((mean for mean in means.values() if not math.isnan(mean)), reverse=not metric.higher_is_better)
    cells = {
        values: UNKNOWN
        if math.isnan(mean)
        else Cell(_written(metric, mean), worth.index(mean) / max(1, len(worth) - 1), best=mean == worth[-1])
        for values, mean in means.items()
    }
    return _draw(cells, pair, f"mean {axis_label(metric)}")


def share_map(rows: pd.DataFrame, pair: Pair, hit: Mapping[str, bool], title: str) -> Figure:
    """How many of the trials of each pair of values are hit, the fewer the better.

    Args:
        rows: the trials, as `crossed` returns them.
        pair: the hyperparameters; the first one goes across.
        hit: whether it is, by the run's id; trials that are not named do not count.
        title: what being hit means.
    """
    cells = {}
    for values, own in _by_values(rows, pair).items():
        known = [hit[run] for run in own["run"] if run in hit]
        cells[values] = Cell(f"{sum(known)} of {len(known)}", 1.0 - sum(known) / len(known)) if known else UNKNOWN
    return _draw(cells, pair, title)


@in_house_style
def _draw(cells: Mapping[tuple[Any, Any], Cell], pair: Pair, title: str) -> Figure:
    """A field of cells, by their values across and down, in the order in which these come."""
    across, down = (list(dict.fromkeys(values[side] for values in cells)) for side in (0, 1))
    figure = Figure(figsize=(min(WIDTH, 2.2 + 1.0 * len(across)), 1.2 + 0.5 * len(down)))
    axes = figure.subplots()
    for (x, y), cell in cells.items():
        _cell(axes, across.index(x), down.index(y), cell)
    axes.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(down) - 0.5))
    axes.set(xlabel=plain(pair[0]), ylabel=plain(pair[1]))
    axes.set_xticks(range(len(across)), [plain(number(value), 12) for value in across])
    axes.set_yticks(range(len(down)), [plain(number(value)) for value in down])
    axes.set_title(title, fontsize=9)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def _by_values(rows: pd.DataFrame, pair: Pair) -> dict[tuple[Any, Any], pd.DataFrame]:
    """The trials of each pair of values."""
    across, down = (values_of(rows, name) for name in pair)
    return {(x, y): rows[having(rows, pair[0], x) & having(rows, pair[1], y)] for x in across for y in down}


def _cell(axes: Axes, column: int, row: int, cell: Cell) -> None:
    face = EMPTY if cell.shade is None else colormaps["cividis"](cell.shade)
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=2))
    ink = INK if cell.shade is None or cell.shade >= 0.5 else "white"
    axes.text(column, row, cell.said, ha="center", va="center", color=ink, fontweight="bold" if cell.best else "normal")


def _written(metric: Metric, mean: float) -> str:
    if is_share(metric):
        return f"{100 * mean:.2f}"
    # Zeros at the end are kept where they fit, so that the cells have the same number of digits.
    return f"{mean:#.3g}".rstrip(".") if 0.01 <= abs(mean) < 1000 else number(mean, 3)
