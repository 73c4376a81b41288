"""Runs as a Parquet file: the tidy frame, one row an epoch, with the types of its columns.

A Parquet column has one type: where the runs disagree about a hyperparameter's, it is text.
"""

from collections.abc import Sequence
from pathlib import Path

from nnlite.report.frame import epoch_frame
from nnlite.runs import Run


def write(runs: Sequence[Run], path: Path) -> None:
    """Write one file."""
    frame = epoch_frame(runs)
    for name in frame.columns[frame.dtypes.map(lambda kind: kind.kind == "O")]:
        present = frame[name].dropna()
        if present.map(type).nunique() > 1:
            frame[name] = present.map(str)
    frame.to_parquet(path, engine="pyarrow", index=False)
