"""What a GAN draws as it learns, the best run beside the one that ended worst: each class's share, and latent points.

The shares are drawn from the logs, the points from the sample grids of the runs' folders; what has none is left out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from nnlite.data.catalogue import class_names
from nnlite.images import read_png, tiles
from nnlite.report.style import WIDTH, in_house_style
from nnlite.runs import Run

WORDS = ("best run", "ended worst")  # above the two panels
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # that the colour bar names
MOST_EPOCHS = 8  # of the latent points
MOST_POINTS = 10

T = TypeVar("T")


@in_house_style
def class_histories(runs: Sequence[Run]) -> tuple[Figure, list[Run]] | None:
    """The share of each class by epoch, a row a class; and the runs that are shown. None if no log tells.

    Args:
        runs: the best first, that which ended worst last.
    """
    shown = _first_and_last([run for run in runs if _shares(run) is not None])
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 2.5))
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for word, axes, run in zip(WORDS, panels, shown, strict=False):
        known = _shares(run)
        assert known is not None
        epochs, shares = known
        extent = (epochs[0] - 0.5, epochs[-1] + 0.5, len(shares) - 0.5, -0.5)
        # An even share is in the middle of the scale, and white; at its dark end, 1 % of ten classes, one is left out.
        even = 1.0 / len(shares)
        norm = LogNorm(even**2, 1.0)
        picture = axes.imshow(np.maximum(shares, even**2), "PuOr_r", norm=norm, extent=extent, aspect="auto")
        axes.set_title(word if len(shown) > 1 else "")
        axes.set(xlabel="epoch", ylabel="class" if axes is panels[0] else "")
        axes.set_yticks(range(len(shares)), class_names(run.start.get("dataset_checksum"), len(shares)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        axes.grid(visible=False)
    bar = figure.colorbar(picture, ax=list(panels), ticks=SHARES, extend="min")
    bar.minorticks_off()
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    bar.ax.grid(visible=False)
    return figure, shown


@in_house_style
def latents_over_time(runs: Sequence[Run]) -> tuple[Figure, list[Run], list[int]] | None:
    """What the same latent points, a column each, became epoch by epoch; the runs shown, and the epochs.

    None if no run has kept two sample grids.

    Args:
        runs: the best first, that which ended worst last.
    """
    kept = [(run, grids) for run in runs if len(grids := _sample_grids(run)) > 1]
    shown = _first_and_last(kept)
    common = sorted(set.intersection(*(set(grids) for _, grids in shown))) if shown else []
    if not shown or len(common) < 2:
        return None
    epochs = _spread(common)
    figure = Figure(figsize=(WIDTH, 0.3 + 0.36 * len(epochs) * 2 / len(shown)))
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for word, axes, (_, grids) in zip(WORDS, panels, shown, strict=False):
        try:
            _grid_panel(axes, [grids[epoch] for epoch in epochs], epochs)
        except (OSError, ValueError):  # somebody has put another file there
            return None
        axes.set_title(word if len(shown) > 1 else "")
    panels[0].set_ylabel("epoch")
    return figure, [run for run, _ in shown], epochs


def _grid_panel(axes: Axes, grids: Sequence[Path], epochs: Sequence[int]) -> None:
    rows = [tiles(read_png(path))[:MOST_POINTS] for path in grids]
    height = rows[0].shape[1]
    picture = np.vstack([np.hstack(list(row)) for row in rows])
    axes.imshow(picture, "gray", vmin=0, vmax=255)
    axes.set_yticks([height * (row + 0.5) - 0.5 for row in range(len(rows))], [str(epoch) for epoch in epochs])
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def favourite_of(run: Run) -> tuple[str, float] | None:
    """The class that `run` drew most often after the last epoch that counted them, and its share; None if none did."""
    counts = next((each for line in reversed(run.epochs) if _is_counts(each := line.get("class_counts"))), None)
    if counts is None:
        return None
    most = max(range(len(counts)), key=counts.__getitem__)
    return class_names(run.start.get("dataset_checksum"), len(counts))[most], counts[most] / sum(counts)


def _shares(run: Run) -> tuple[list[int], NDArray[np.float64]] | None:
    """The epochs whose lines count the classes, and the share of each class (classes, epochs)."""
    counts = [(line["epoch"], line["class_counts"]) for line in run.epochs if _is_counts(line.get("class_counts"))]
    counts = [(epoch, each) for epoch, each in counts if len(each) == len(counts[0][1])]
    if not counts:
        return None
    table = np.array([each for _, each in counts], dtype=np.float64).T
    return [epoch for epoch, _ in counts], table / table.sum(axis=0)


def _is_counts(value: object) -> bool:
    return isinstance(value, list) and all(type(each) is int and each >= 0 for each in value) and sum(value) > 0


def _sample_grids(run: Run) -> dict[int, Path]:
    paths = {line["epoch"]: run.folder.sample(line["epoch"]) for line in run.epochs}
    return {epoch: path for epoch, path in paths.items() if path.is_file()}


def _first_and_last(items: Sequence[T]) -> list[T]:
    return [*items[:1], *items[-1:]] if len(items) > 1 else list(items)


def _spread(epochs: Sequence[int]) -> list[int]:
    """The first, the last and some between, closer together where more happens: at the beginning."""
    places = np.unique(np.rint(np.geomspace(1, len(epochs), min(MOST_EPOCHS, len(epochs)))).astype(int) - 1)
    return [epochs[place] for place in places]
