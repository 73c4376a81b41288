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

import json
import math
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import pandas as pd

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


def epoch_frame(runs: Iterable[Run]) -> pd.DataFrame:
    """The same of runs that were read already."""
    rows: list[dict[str, object]] = []
    hyperparameters: set[str] = set()
    metrics: set[str] = set()
    for run in runs:
        config = {column_of(name): readable(value) for name, value in run.config.items() if name != "seed"}
        hyperparameters.update(config)
        identity = (*map(writable, (run.sweep, run.id, run.model, run.dataset)), run.seed, run.status)
        about = {**config, **dict(zip(IDENTITY, identity, strict=True))}
        names = [name for name in run.metric_names() if name not in about]
        for epoch in run.epochs or [{}]:
            numbers = {writable(name): finite(epoch[name]) for name in names if name in epoch}
            metrics.update(numbers)
            rows.append({**numbers, **about, "epoch": epoch.get("epoch")})
    known = [name for name in METRICS if name in metrics]
    columns = [*IDENTITY, *sorted(hyperparameters), "epoch", *known, *sorted(metrics - METRICS.keys())]
    frame = pd.DataFrame(rows, columns=pd.Index(columns))
    types = {"epoch": "Int64", **dict.fromkeys(metrics, "float64")}
    return frame.astype(types)


def readable(value: object) -> object:
    """A hyperparameter as something that one can read, sort and group by."""
    if isinstance(value, list | tuple):
        return "-".join(str(readable(item)) for item in value) or "none"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return writable(value) if isinstance(value, str) else value


def column_of(name: str) -> str:
    """The column of a hyperparameter."""
    return f"config.{writable(name)}"


def writable(word: str) -> str:
    """The text with what no file can hold (half of a surrogate pair, which JSON lets pass) as its escape."""
    return word.encode("utf-8", "backslashreplace").decode("utf-8")


def finite(value: object) -> float | None:
    """The logged value as a finite float, or None: no ranking and no plot can use anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON's integers have no limit
        return None
    return number if math.isfinite(number) else None
