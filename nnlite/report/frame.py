"""The tidy frame: all runs as one pandas table, one row an epoch, for questions that no report answers.

Columns, in this order:

- `sweep`, `run`, `model`, `dataset` (strings), `seed` (integer), `status` (see `nnlite.runs.Status`);
- `config.<hyperparameter>`, by name: numbers, strings and truth values as they are; a list as readable text
  (`[200, 400]` is `"200-400"`, `[]` is `"none"`), so that one can group by it; missing where a run has no such
  hyperparameter;
- `epoch`, from 1 (`Int64`), then one column a metric (`float64`, missing where not logged or not finite), those of
  `nnlite.runs.METRICS` first.

A run that has no epoch yet, or failed before the first, keeps one row whose `epoch` and metrics are missing.
"""

import math
from array import array
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from nnlite.report.cells import column_of, readable, writable
from nnlite.report.collection import collect
from nnlite.runs import METRICS, Run

IDENTITY = ("sweep", "run", "model", "dataset", "seed", "status")


def load_runs(path: str | PathLike[str]) -> pd.DataFrame:
    """Every run at or below `path` as a tidy frame; the module's docstring says which columns.

    Args:
        path: a run's folder, a sweep's folder or a folder of sweeps.

    Raises:
        InputError: `path` does not exist.
        NothingFoundError: it holds no readable run.
    """
    return epoch_frame(collect(Path(path)).runs)


def epoch_frame(runs: Iterable[Run], *, config: bool = True) -> pd.DataFrame:
    """The same of runs that were read already; their epochs are gone through once, one run after the other.

    Args:
        runs: which.
        config: whether each row has the hyperparameters.
    """
    about: list[dict[str, object]] = []
    counts: list[int] = []
    epochs: list[int | None] = []
    metrics: dict[str, array[float]] = {}
    for run in runs:
        names = [name for name in run.config if name != "seed"] if config else []
        parameters = {column_of(name): readable(run.config[name]) for name in names}
        identity = (*map(writable, (run.sweep, run.id, run.model, run.dataset)), run.seed, run.status)
        about.append({**parameters, **dict(zip(IDENTITY, identity, strict=True))})
        known = run.whole.column("epoch") or [None]
        for name in run.digest.metrics:
            if (column := writable(name)) not in about[-1]:
                values = [math.nan if value is None else value for value in run.numbers(name)]
                _filled(metrics.setdefault(column, array("d")), len(epochs)).extend(values)
        counts.append(len(known))
        epochs += known
    hyperparameters = sorted({name for each in about for name in each}.difference(IDENTITY))
    # Of the runs first, so that what does not change from epoch to epoch is looked at once a run.
    frame = pd.DataFrame(about, columns=pd.Index([*IDENTITY, *hyperparameters]))
    frame = frame.loc[frame.index.repeat(counts)].reset_index(drop=True)
    names = [*(name for name in METRICS if name in metrics), *sorted(metrics.keys() - METRICS.keys())]
    columns = {name: np.frombuffer(_filled(metrics[name], len(epochs)), np.float64) for name in names}
    measured = pd.DataFrame({"epoch": pd.array(epochs, "Int64"), **columns})
    return pd.concat([frame, measured], axis=1)


def _filled(column: "array[float]", length: int) -> "array[float]":
    """The column, with what is missing up to that length."""
    column.extend([math.nan] * (length - len(column)))
    return column
