"""Two figures of a classifier's errors: the confusion matrix, and the images it was most confidently wrong about."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from nnlite.report.style import INK, WIDTH, in_house_style

PALE = (0.93, 0.93, 0.93, 1.0)
LEAST_SHOWN = 0.0005  # a smaller share is 0.0 %
DARK = 0.55  # of the worst error: its cell takes white ink
LONG_NAME = 3  # characters: names that are longer would run into one another
COLUMNS = 5  # of the picture of mistakes, as training lays it out


@in_house_style
def confusion_figure(shares: NDArray[np.float64], names: Sequence[str]) -> Figure:
    """A row for each class, a column for what it was taken for; errors are shaded, what is right is not.

    Args:
        shares: of each class's images, how many were taken for each class, as a share of one.
        names: what the classes are called.
    """
    classes = len(shares)
    errors = shares * (1 - np.eye(classes))
    worst = max(float(errors.max()), LEAST_SHOWN)
    figure = Figure(figsize=(min(WIDTH, 1.4 + 0.62 * classes), 1.0 + 0.42 * classes))
    axes = figure.subplots()
    for row in range(classes):
        for column in range(classes):
            share = float(shares[row, column])
            right = row == column
            # Errors go from white to dark, so that few of them look like few on paper too.
            face = PALE if right else colormaps["Blues"](share / worst)
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor="white", linewidth=1.5))
            if right or share >= LEAST_SHOWN:
                look: dict[str, Any] = {"fontweight": "bold" if right else "normal", "fontsize": 8}
                look["color"] = INK if right or share < DARK * worst else "white"
                axes.text(column, row, f"{100 * share:.1f}", ha="center", va="center", **look)
    axes.set(xlim=(-0.5, classes - 0.5), ylim=(classes - 0.5, -0.5))
    axes.set(xlabel="taken for", ylabel="class")
    slanted: dict[str, Any] = {"rotation": 30, "ha": "right"} if max(map(len, names)) > LONG_NAME else {}
    axes.set_xticks(range(classes), names, **slanted)
    axes.set_yticks(range(classes), names)
    axes.set_title("of the images of each class [%]", fontsize=9)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


@in_house_style
def mistakes_figure(picture: NDArray[np.uint8], captions: Sequence[str]) -> Figure:
    """The images, each below what is said of it.

    Args:
        picture: the grid of them that training wrote, `COLUMNS` across, a border of one pixel around each.
        captions: one for each image, in order.
    """
    tile = (picture.shape[1] - 1) // COLUMNS
    lines = -(-len(captions) // COLUMNS)
    height = (picture.shape[0] - 1) // max(1, lines)
    figure = Figure(figsize=(WIDTH * 0.8, (1.5 + 0.15 * max(each.count("\n") for each in captions)) * lines))
    for index, axes in enumerate(figure.subplots(lines, COLUMNS, squeeze=False).flat):
        axes.set_axis_off()
        if index >= len(captions):
            continue
        top, left = index // COLUMNS * height + 1, index % COLUMNS * tile + 1
        image = picture[top : top + height - 1, left : left + tile - 1]
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(captions[index], fontsize=8, loc="center", pad=3)
    return figure
