"""Two pictures of what a GAN draws as it learns, the best run beside the worst: each class's share, and latent points.

The one is drawn from the logs, the other from the sample grids of the run's folder; both leave out what has none.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from nnlite.data.catalogue import class_names
from nnlite.images import read_png, tiles
from nnlite.report.style import WIDTH, in_house_style
from nnlite.runs import Run

SHARES = (0.0, 0.01, 0.1, 0.3, 1.0)  # that the colour bar names
MOST_EPOCHS = 8  # of the latent points
MOST_POINTS = 10

T = TypeVar("T")


@in_house_style
def class_histories(runs: Sequence[Run]) -> tuple[Figure, list[Run]] | None:
    """The share of each class by epoch, a row a class; and the runs that are shown. None if no log tells.

    Args:
        runs: best first.
    """
    shown = _first_and_last([run for run in runs if _shares(run) is not None])
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 2.5))
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for word, axes, run in zip(("best", "worst"), panels, shown, strict=False):
        known = _shares(run)
        assert known is not None
        epochs, shares = known
        extent = (epochs[0] - 0.5, epochs[-1] + 0.5, len(shares) - 0.5, -0.5)
        # The square root tells 0 from 1 % and 10 % from 100 %.
        picture = axes.imshow(shares, "cividis", norm=PowerNorm(0.5, 0.0, 1.0), extent=extent, aspect="auto")
        axes.set_title(f"{word} run" if len(shown) > 1 else "")
        axes.set(xlabel="epoch", ylabel="class" if axes is panels[0] else "")
        axes.set_yticks(range(len(shares)), class_names(run.start.get("dataset_checksum"), len(shares)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        axes.grid(visible=False)
    bar = figure.colorbar(picture, ax=list(panels), ticks=SHARES)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    bar.ax.grid(visible=False)
    return figure, shown


@in_house_style
def latents_over_time(runs: Sequence[Run]) -> tuple[Figure, list[Run], list[int]] | None:
    """What the same latent points, a column each, became epoch by epoch; the runs shown, and the epochs.

    None if no run has kept two sample grids.

    Args:
        runs: best first.
    """
    kept = [(run, grids) for run in runs if len(grids := _sample_grids(run)) > 1]
    shown = _first_and_last(kept)
    common = sorted(set.intersection(*(set(grids) for _, grids in shown))) if shown else []
    if not shown or len(common) < 2:
        return None
    epochs = _spread(common)
    figure = Figure(figsize=(WIDTH, 0.3 + 0.36 * len(epochs) * 2 / len(shown)))
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for word, axes, (_, grids) in zip(("best", "worst"), panels, shown, strict=False):
        try:
            _grid_panel(axes, [grids[epoch] for epoch in epochs], epochs)
        except (OSError, ValueError):  # somebody has put another file there
            return None
        axes.set_title(f"{word} run" if len(shown) > 1 else "")
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
