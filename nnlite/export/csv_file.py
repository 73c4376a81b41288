"""Runs as comma-separated values: the tidy frame, one row an epoch, numbers in full precision.

Texts come from logs, which anybody may have written: what a spreadsheet would take for a formula gets an apostrophe
before it, and control characters become visible.
"""

from collections.abc import Sequence
from pathlib import Path

from nnlite.report.frame import epoch_frame
from nnlite.runs import Run
from nnlite.texts import harmless


def write(runs: Sequence[Run], path: Path) -> None:
    """Write one file."""
    frame = epoch_frame(runs).rename(columns=harmless)
    for name in frame.columns[frame.dtypes.map(lambda kind: kind.kind == "O")]:
        frame[name] = frame[name].map(lambda value: harmless(value) if isinstance(value, str) else value)
    frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
