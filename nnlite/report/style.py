"""The look of every figure: one palette, one set of fonts and sizes, axes that suit what is measured, and PNG bytes.

Nothing here depends on the user's Matplotlib settings, and nothing touches pyplot. The palette is Okabe and Ito's, told
apart by colour-blind readers, without its yellow (too pale on paper); line styles repeat what the colours say.
"""

import io
import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from nnlite.images import reduced_png
from nnlite.runs import Metric
from nnlite.runs.quantities import is_share, number

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (2, 1)), (0, (6, 1.5, 1.5, 1.5)), "-", (0, (6, 1.5)), (0, (2, 1)))
WORST_COLOUR = "#808080"
INK, RULE = "#222222", "#DDDDDD"
DOTS_PER_INCH = 110
WIDTH = 8.2  # inches: 900 pixels, the column of a code host
HOUSE_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that every machine draws the same
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a `$` in a name is a dollar
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",  # also on a dark page: the ink is dark
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.06,
}
ACCURACY_TICKS = (0.2, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995)
FINER_TICKS = (*ACCURACY_TICKS, 0.6, 0.7, 0.85, 0.92, 0.94, 0.96, 0.975, 0.985, 0.992, 0.994, 0.996, 0.997)
FEWEST_TICKS = 4
FAR_APART = 10  # times as many epochs as another line has: on one scale the shorter one could not be read
MOST_ACCURATE = 0.99995  # half an image of 10,000: where the scale of the error ends

P = ParamSpec("P")
R = TypeVar("R")


def in_house_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function that draws or renders do so in the house style, whatever the settings around it."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.style.context(["default", HOUSE_STYLE]):
            return draw(*args, **kwargs)

    return drawn


@in_house_style
def png(figure: Figure) -> bytes:
    """The figure as PNG bytes, the same ones every time: no date, no version."""
    content = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(content, format="png", dpi=DOTS_PER_INCH)
    return reduced_png(content.getvalue())


def colour(rank: int) -> str:
    """The colour of the configuration of this rank (from 1), the same in every figure of a page."""
    return PALETTE[rank - 1] if rank <= len(PALETTE) else WORST_COLOUR


def dashes(rank: int) -> Any:
    """The line style of the configuration of this rank, for who sees no colour."""
    return DASHES[rank - 1] if rank <= len(DASHES) else (0, (1, 1))


def axis_label(metric: Metric) -> str:
    """What an axis measures, and in which unit."""
    unit = "%" if is_share(metric) else metric.unit
    return plain(f"{metric.label} [{unit}]" if unit else metric.label)


def plain(label: object, longest: int = 40) -> str:
    """A label from a log in characters that the font has, cut off where it is too long."""
    line = " ".join(str(label).split())
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    return "".join(each if (each.isprintable() and ord(each) < 0x250) or each == "…" else "?" for each in line)


def epochs_axis(axes: Axes, last: int, shortest: int | None = None) -> None:
    """Whole epochs below, from the first to the `last`; logarithmic where one line is ten times shorter than that.

    Args:
        axes: where.
        last: the last epoch of the longest line.
        shortest: that of the shortest, if there are several.
    """
    axes.set_xlabel("epoch")
    if shortest is not None and last >= FAR_APART * shortest:
        axes.set_xscale("log")
        axes.set_xlim(1 / 1.1, last * 1.1)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        return
    margin = max(0.3, 0.02 * last)
    axes.set_xlim(1 - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))


def value_axis(axes: Axes, metric: Metric, values: Sequence[float], margin: float = 0.06) -> None:
    """Scale the vertical axis such that both the best and the worst of `values` can be read.

    High accuracies stand on the scale of their error's logarithm: from 90 to 99 % is as far as from 0 to 90 %.

    Args:
        axes: where.
        metric: what is measured.
        values: all that has to be seen.
        margin: the room above and below, as a share of the height.
    """
    axes.set_ylabel(axis_label(metric))
    low, high = min(values), max(values)
    if is_share(metric):
        errors = [max(1 - value, 1 - MOST_ACCURATE) for value in (low, high)]
        if high >= 0.9 and errors[0] > 3 * errors[1]:
            _error_scale(axes, errors[0], errors[1], margin)
            return
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(100 * value, 6)))
    elif low > 0 and high > 10 * low and not metric.higher_is_better:  # a loss or a distance
        _log_scale(axes, low, high, margin)
        return
    elif metric.unit == "of 10":
        axes.set_ylim(-0.4, 10.4)
        axes.yaxis.set_major_locator(FixedLocator([0, 2, 4, 6, 8, 10]))
        return
    room = margin * (high - low) or 0.05 * abs(high) or 1.0
    # What cannot be negative gets no axis below zero.
    axes.set_ylim(max(low - room, 0.0) if low >= 0 else low - room, high + room)


def _log_scale(axes: Axes, low: float, high: float, margin: float) -> None:
    """Written-out numbers at 1, 2 and 5 of each decade, or at the decades alone where they are many."""
    axes.set_yscale("log")
    room = (high / low) ** margin
    axes.set_ylim(low / room, high * room)
    steps = (1.0, 2.0, 5.0) if math.log10(high / low) < 2.5 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(value))))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _error_scale(axes: Axes, worst: float, best: float, margin: float) -> None:
    def forward(accuracy: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log10(np.maximum(1 - np.asarray(accuracy), 1 - MOST_ACCURATE)))

    def backward(height: np.ndarray) -> np.ndarray:
        return np.asarray(1 - 10 ** -np.asarray(height))

    low, high = -math.log10(worst), -math.log10(best)
    room = margin * (high - low)
    axes.set_yscale("function", functions=(forward, backward))
    bottom, top = 1 - 10 ** -(low - room), 1 - 10 ** -(high + room)
    axes.set_ylim(bottom, min(top, MOST_ACCURATE))
    ticks = [tick for tick in ACCURACY_TICKS if bottom <= tick <= top]
    if len(ticks) < FEWEST_TICKS:
        ticks = [tick for tick in sorted(FINER_TICKS) if bottom <= tick <= top]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(100 * value)))
