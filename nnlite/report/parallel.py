"""Parallel coordinates: every configuration as one line across an axis for each hyperparameter, to what it is worth.

For three hyperparameters or more, where no plane can show them. The best few have the colours that they have in every
figure of the page and are drawn on top; the others are grey, and show what was tried.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnlite.report.cells import finite, readable
from nnlite.report.groups import natural
from nnlite.report.ranking import Configuration, Ranking
from nnlite.report.scales import scale_of
from nnlite.report.style import INK, RULE, WIDTH, colour, dashes, in_house_style, plain
from nnlite.runs import Metric
from nnlite.runs.quantities import number, score

FEWEST_AXES = 3  # hyperparameters
MOST_AXES = 7
MOST_COLOURED = 5
MOST_ABREAST = 5  # titles of axes; with more, every other one stands higher
LONG_LABEL = 100  # characters: longer ones give way to the place on the leader board
MOST_LINES = 300
MOST_TICKS = 7
LOG_DECADES = 1.0
APART = 0.07  # of the height: nearer labels would overlap


@dataclass(frozen=True)
class Axis:
    """An axis: where each value stands on it, from 0 to 1, and what is written where."""

    title: str
    places: dict[Any, float]
    ticks: list[tuple[float, str]]


@in_house_style
def parallel_coordinates(ranking: Ranking, names: Sequence[str]) -> Figure | None:
    """Draw it; None for fewer than three hyperparameters, or fewer than three configurations.

    Args:
        ranking: the configurations, best first.
        names: the hyperparameters, the first on the left.
    """
    known = ranking.ranked[:MOST_LINES]
    values = {name: [readable(each.parameters.get(name)) for each in known] for name in names}
    names = [name for name in names if len(set(map(repr, values[name]))) > 1][:MOST_AXES]
    if len(names) < FEWEST_AXES or len(known) < 3:
        return None
    scales = [_scale(name, values[name]) for name in names]
    means = [each.estimate.mean for each in known if each.estimate]
    scales.append(_metric_scale(ranking.metric, means))
    names_of_lines = _legend(known[:MOST_COLOURED])
    figure = Figure(figsize=(WIDTH, 3.9 + 0.19 * len(names_of_lines)))
    axes = figure.subplots()
    for position, scale in enumerate(scales):
        lifted = len(scales) > MOST_ABREAST and position % 2 == 1
        _axis(axes, position, scale, on_the_right=scale is scales[-1], lifted=lifted)
    for place in range(len(known), 0, -1):
        columns = [values[name][place - 1] for name in names] + [means[place - 1]]
        heights = [scale.places[value] for scale, value in zip(scales, columns, strict=True)]
        if place <= MOST_COLOURED:
            look: dict[str, Any] = {"color": colour(place), "linestyle": dashes(place), "zorder": 3}
            look |= {"linewidth": 2.2 if place == 1 else 1.6, "label": names_of_lines[place - 1]}
        else:
            look = {"color": "#888888", "alpha": 0.35, "linewidth": 0.8, "zorder": 1}
        axes.plot(range(len(scales)), heights, **look)
    axes.set_xlim(-0.35, len(scales) - 0.6)
    axes.set_ylim(-0.08, 1.22 if len(scales) > MOST_ABREAST else 1.14)
    axes.set_axis_off()
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower left", handlelength=3.4, borderaxespad=1)
    return figure


def _legend(best: Sequence[Configuration]) -> list[str]:
    """What the coloured lines are called."""
    labels = [f"{place}: {each.label}" for place, each in enumerate(best, start=1)]
    if max(map(len, labels)) > LONG_LABEL:
        return [f"row {place} of the leader board" for place in range(1, len(best) + 1)]
    return [plain(label, LONG_LABEL) for label in labels]


def _axis(axes: Axes, position: int, scale: Axis, *, on_the_right: bool, lifted: bool) -> None:
    """One axis with its labels, on the side where no line crosses those of the last one; its title may be lifted."""
    axes.plot([position, position], [0, 1], color="#888888", linewidth=1, zorder=2)
    axes.text(position, 1.14 if lifted else 1.06, plain(scale.title, 22), ha="center", va="bottom", fontsize=9)
    side = 1 if on_the_right else -1
    look: dict[str, Any] = {"ha": "left" if on_the_right else "right", "va": "center", "fontsize": 8, "color": INK}
    look["bbox"] = {"facecolor": "white", "edgecolor": RULE, "linewidth": 0.4, "alpha": 0.85, "pad": 1.2}
    for height, label in scale.ticks:
        axes.plot([position, position + side * 0.02], [height, height], color="#888888", linewidth=1, zorder=2)
        axes.text(position + side * 0.04, height, plain(label, 16), zorder=4, **look)


def _scale(name: str, values: Sequence[Any]) -> Axis:
    """Numbers by size, or by their logarithm where they are far apart; words and mixtures side by side."""
    distinct = sorted({repr(value): value for value in values}.values(), key=natural)
    sizes = [finite(value) for value in distinct]
    known = [size for size in sizes if size is not None]
    if len(known) < len(distinct) or len(distinct) == 2:
        places = {value: (index + 0.5) / len(distinct) for index, value in enumerate(distinct)}
        return Axis(name, places, _apart([(places[value], number(value)) for value in distinct]))
    logarithmic = known[0] > 0 and math.log10(known[-1] / known[0]) >= LOG_DECADES
    heights = [math.log10(size) for size in known] if logarithmic else known
    low, high = heights[0], heights[-1]
    places = {value: (height - low) / (high - low) for value, height in zip(distinct, heights, strict=True)}
    ticks = [(places[value], number(value)) for value in distinct]
    if len(distinct) > MOST_TICKS:
        ticks = _round_ticks(known[0], known[-1], logarithmic=logarithmic)
    return Axis(name, places, _apart(ticks))


def _round_ticks(low: float, high: float, *, logarithmic: bool) -> list[tuple[float, str]]:
    """Both ends, and round numbers in between."""
    if logarithmic:
        width = math.log10(high / low)
        decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        inner = [(math.log10(10.0**decade / low) / width, number(float(f"1e{decade}"))) for decade in decades]
    else:
        rounds = [float(value) for value in MaxNLocator(nbins=4).tick_values(low, high) if low < value < high]
        inner = [((value - low) / (high - low), number(value)) for value in rounds]
    return [(0.0, number(low, 2)), *inner, (1.0, number(high, 2))]


def _metric_scale(metric: Metric, means: Sequence[float]) -> Axis:
    """The better the higher; high accuracies by the logarithm of their error."""
    scale = scale_of(metric, means)
    worths = {mean: -scale.of(mean) for mean in means}
    low, high = min(worths.values()), max(worths.values())
    places = {mean: (worth - low) / (high - low) if high > low else 0.5 for mean, worth in worths.items()}
    ordered = sorted(means, key=lambda mean: places[mean])
    ticks = [(places[mean], score(metric, mean)) for mean in (ordered[-1], ordered[0], *ordered[1:-1][::-1])]
    return Axis(metric.label, places, _apart(ticks))


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those labels that have room, the ends before the others."""
    kept: list[tuple[float, str]] = []
    for height, label in sorted(ticks, key=lambda tick: tick[0] not in (ticks[0][0], ticks[-1][0])):
        if all(abs(height - other) >= APART for other, _ in kept) and len(kept) < MOST_TICKS:
            kept.append((height, label))
    return kept
