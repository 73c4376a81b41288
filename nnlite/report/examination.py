"""What a classifier's winner gets wrong: each class of the test images, what it was taken for, the worst mistakes.

The `end` of a classifier's log has it under `test`: a confusion matrix and the images that the run was most confidently
wrong about. Those of the winner's seeds are added up; the images are of its best seed, where it was trained here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.data.catalogue import class_names
from nnlite.images import read_png
from nnlite.report.captions import show
from nnlite.report.confusion import COLUMNS, LONG_NAME, confusion_figure, mistakes_figure
from nnlite.report.markdown import code, table, text
from nnlite.report.ranking import Ranking, Trial
from nnlite.report.section import Section

MOST_CLASSES = 26
MOST_TILE = 64  # pixels; a larger picture is none of ours


@dataclass(frozen=True)
class Mistake:
    """A test image by its index, its class, and what it was taken for, how surely."""

    index: int
    label: int
    predicted: int
    probability: float


def examination(ranking: Ranking, prefix: str) -> Section:
    """What the winner did with the test images, class by class; nothing where no log tells."""
    section = Section("What the winner gets wrong")
    winner = ranking.winner or (ranking.configurations[0] if len(ranking.configurations) == 1 else None)
    told = {each.run.id: confusion_of(each) for each in (winner.counted if winner else [])}
    found = [matrix for matrix in told.values() if matrix is not None]
    if not found or len({matrix.shape for matrix in found}) > 1:
        return section
    total = np.sum(found, axis=0)
    shares = total / np.maximum(1, total.sum(axis=1, keepdims=True))
    names = class_names(ranking.group.runs[0].start.get("dataset_checksum"), len(shares))
    section.blocks.append(_table(shares, found, names))
    show(section, confusion_figure(shares, names), f"{prefix}confusion.png", "confusion matrix of the test images")
    images = int(found[0].sum())
    runs = ", ".join(code(run) for run, matrix in told.items() if matrix is not None)
    runs = f"run {runs}" if len(found) == 1 else f"runs {runs} together"
    section.blocks.append(f"What the {images:,} test images were taken for by {runs}, in percent of their class.")
    best = ranking.best_trial([winner] if winner else None)
    if best and (mistakes := mistakes_of(best)):
        _show_mistakes(section, best, mistakes, names, prefix)
    return section


def confusion_of(trial: Trial) -> NDArray[np.int64] | None:
    """The confusion matrix in the log, if it has one that is square, of two classes or more, and counts images."""
    rows = _test(trial).get("confusion")
    if not isinstance(rows, list) or not 2 <= len(rows) <= MOST_CLASSES:
        return None
    if any(not isinstance(row, list) or len(row) != len(rows) for row in rows):
        return None
    if any(type(count) is not int or not 0 <= count < 2**31 for row in rows for count in row):
        return None
    matrix = np.array(rows, np.int64)
    return matrix if matrix.sum() else None


def mistakes_of(trial: Trial) -> list[Mistake]:
    """The images that the run was most confidently wrong about, as far as the log lists them."""
    listed = _test(trial).get("mistakes")
    found = []
    for each in listed if isinstance(listed, list) else []:
        fields = [each.get(name) for name in ("index", "label", "predicted")] if isinstance(each, dict) else [None]
        sure = each.get("probability") if isinstance(each, dict) else None
        if all(type(field) is int for field in fields) and isinstance(sure, float):
            found.append(Mistake(fields[0], fields[1], fields[2], sure))  # type: ignore[arg-type]
    return found


def _test(trial: Trial) -> dict[str, Any]:
    told = trial.run.end.get("test")
    return told if isinstance(told, dict) else {}


def _table(shares: NDArray[np.float64], found: Sequence[NDArray[np.int64]], names: Sequence[str]) -> str:
    """Each class with its accuracy, from seed to seed, and the class that it is most often taken for."""
    rows = []
    for label in range(len(shares)):
        of_seeds = [matrix[label, label] / max(1, matrix[label].sum()) for matrix in found]
        others = shares[label].copy()
        others[label] = 0
        rival = int(others.argmax())
        taken = f"{text(names[rival])} ({100 * others[rival]:.1f} %)" if others[rival] else "-"
        spread = f"{100 * min(of_seeds):.1f} to {100 * max(of_seeds):.1f}"
        cells = [text(names[label]), f"{100 * shares[label, label]:.1f} %", taken]
        rows.append(cells if len(found) == 1 else [*cells[:2], spread, cells[2]])
    header = ["class", "accuracy", "most often taken for"]
    header = header if len(found) == 1 else [*header[:2], "seed to seed [%]", header[2]]
    return table(header, rows, range(0 if names[0].isdecimal() else 1, len(header) - 1))


def _show_mistakes(
    section: Section, trial: Trial, mistakes: Sequence[Mistake], names: Sequence[str], prefix: str
) -> None:
    picture = _picture(trial.run.folder.mistakes, len(mistakes))
    if picture is None:
        return
    if any(not 0 <= label < len(names) for each in mistakes for label in (each.label, each.predicted)):
        return  # the log is somebody else's
    space = "\n" if max(map(len, names)) > LONG_NAME else " "  # or they would run into one another
    captions = [
        f"{names[each.label]}{space}as {names[each.predicted]}, {100 * each.probability:.1f} %" for each in mistakes
    ]
    figure = mistakes_figure(picture, captions)
    show(section, figure, f"{prefix}mistakes.png", "the test images that the winner is most confidently wrong about")
    numbers = ", ".join(str(each.index) for each in mistakes)
    section.blocks.append(
        f"The test images that run {code(trial.run.id)} (seed {trial.run.seed}) is most confidently wrong about: the "
        "class, what it was taken for, and how surely. Their places among the test images, from 0: "
        f"{text(numbers)}."
    )


def _picture(path: Path, count: int) -> NDArray[np.uint8] | None:
    """The grid of so many images, if it is there and of a size that such a grid has."""
    try:
        picture = read_png(path)
    except (OSError, ValueError):  # none was left, or somebody has put another file there
        return None
    lines = -(-count // COLUMNS)
    parts = zip(picture.shape, (lines, COLUMNS), strict=True)
    fits = all((size - 1) % count == 0 and (size - 1) // count <= MOST_TILE for size, count in parts)
    return picture if fits else None
