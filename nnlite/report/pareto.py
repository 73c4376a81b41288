"""Time against quality: what each configuration takes to train and what it is worth, and the Pareto front of the two.

On the front is what no other configuration beats in both: whatever is better takes longer.
"""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from nnlite.report.ranking import Configuration, Ranking, signed
from nnlite.report.style import PALETTE, WIDTH, colour, in_house_style, plain, value_axis
from nnlite.runs.quantities import number

FEWEST = 3  # configurations
WIDE = 6.0  # times further apart than this factor stand on a logarithmic axis
ALIKE = 1.15  # times no further apart than this are the same
UNITS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
FEWEST_UNITS = 3  # of the largest time: with fewer, the next smaller unit
LONG_LABEL = 100  # characters: longer ones give way to the place on the leader board
ROOM = 0.08  # of the axis, left and right of the times


def pareto_front(ranking: Ranking) -> list[Configuration]:
    """The configurations that no other beats in both time and mean, the fastest first."""
    front: list[Configuration] = []
    known = [each for each in _compared(ranking) if each.seconds is not None and each.estimate]
    best = math.inf
    for each in sorted(known, key=lambda one: (one.seconds or 0.0, _worth(ranking, one))):
        if _worth(ranking, each) < best:
            front.append(each)
            best = _worth(ranking, each)
    return front


@in_house_style
def pareto_plot(ranking: Ranking) -> Figure | None:
    """Every configuration that was trained to the end as a dot; None if there are few, or all take as long."""
    known = [each for each in _compared(ranking) if each.seconds and each.estimate]
    times = [each.seconds or 0.0 for each in known]
    if len(known) < FEWEST or max(times) <= ALIKE * min(times):
        return None
    front = {id(each) for each in pareto_front(ranking)}
    places = {id(each): place for place, each in enumerate(ranking.configurations, start=1)}
    shown = [each for each in known if id(each) in front or places[id(each)] <= len(PALETTE)]
    columns = 1 if any(50 < len(each.label) <= LONG_LABEL for each in shown) else 2
    figure = Figure(figsize=(WIDTH, 3.1 + 0.19 * -(-len(shown) // columns)))
    axes = figure.subplots()
    values: list[float] = []
    for each in reversed(known):
        place = places[id(each)]
        seeds = [trial.value for trial in each.counted if trial.value is not None]
        mean = each.estimate.mean if each.estimate else math.nan
        look: dict[str, Any] = {"color": colour(place), "zorder": 3 if id(each) in front else 2}
        axes.vlines(each.seconds or 0.0, min(seeds), max(seeds), linewidth=1, alpha=0.6, **look)
        name = each.label if len(each.label) <= LONG_LABEL else "row of the leader board"
        label = plain(f"{place}: {name}", 110) if each in shown else None
        marker = "D" if id(each) in front else "o"
        axes.plot([each.seconds or 0.0], [mean], marker, markersize=7, label=label, **look)
        if each in shown and place > len(PALETTE):  # its colour tells nothing
            axes.annotate(str(place), (each.seconds or 0.0, mean), (6, 4), textcoords="offset points", fontsize=8)
        values += seeds
    _staircase(axes, ranking)
    value_axis(axes, ranking.metric, values, 0.1)
    _time_axis(axes, times)
    handles, labels = axes.get_legend_handles_labels()
    look = {"loc": "outside lower left", "borderaxespad": 1, "handlelength": 1.5}
    figure.legend(handles[::-1], labels[::-1], ncols=columns, **look)
    return figure


def _staircase(axes: Axes, ranking: Ranking) -> None:
    """The border that no configuration has crossed."""
    front = [(each.seconds, each.estimate.mean) for each in pareto_front(ranking) if each.estimate]
    axes.step(*zip(*front, strict=True), where="post", color="#888888", linewidth=1, linestyle=(0, (2, 2)), zorder=1)


def _time_axis(axes: Axes, times: Sequence[float]) -> None:
    low, high = min(times), max(times)
    unit, name = next((size, name) for size, name in UNITS if high >= FEWEST_UNITS * size or size == 1)
    axes.set_xlabel(f"training time of a run [{name}]")
    if high > WIDE * low:
        axes.set_xscale("log")
        steps = [step * 10.0**power * unit for power in range(-4, 7) for step in (1, 2, 5)]
        axes.xaxis.set_major_locator(FixedLocator(steps))
        axes.xaxis.set_minor_locator(NullLocator())
        room = (high / low) ** ROOM
        axes.set_xlim(low / room, high * room)
    else:
        # The zero is shown where that leaves most of the axis to the marks.
        left = 0.0 if low < 0.4 * high else low - ROOM * high
        axes.set_xlim(left, high * (1 + ROOM))
        axes.xaxis.set_major_locator(FixedLocator([each * unit for each in _ticks(left / unit, high / unit)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value) / unit)))


def _ticks(low: float, high: float) -> list[float]:
    return [float(each) for each in MaxNLocator(nbins=7).tick_values(low, high) if each >= low]


def _compared(ranking: Ranking) -> list[Configuration]:
    return [each for each in ranking.ranked if not each.lost and each.pruned_after is None and each.finished]


def _worth(ranking: Ranking, configuration: Configuration) -> float:
    return signed(ranking.metric, configuration.estimate.mean) if configuration.estimate else math.inf
