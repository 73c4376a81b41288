"""Runs as TensorBoard's event files: a folder of each run, with its metrics by epoch and its hyperparameters.

Steps are epochs, and times those of the log. The final summary, such as the test score, stands at the last epoch. The
hyperparameters are what the HParams page lists.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from nnlite.report.cells import finite, readable
from nnlite.report.markdown import slug
from nnlite.runs import Run

TOLD = ("best_epoch", "epochs", "total_seconds")  # of the final summary: no metrics


def write(runs: Sequence[Run], path: Path) -> None:
    """Write `path`/sweep/run for each."""
    taken: set[Path] = set()
    for run in runs:
        folder = path / slug(run.sweep) / slug(run.id)
        while folder in taken:  # the same run on another dataset, say
            folder = folder.with_name(f"{folder.name}-again")
        taken.add(folder)
        with SummaryWriter(str(folder), write_to_disk=True) as writer:
            _write_run(run, writer)


def _write_run(run: Run, writer: SummaryWriter) -> None:
    for line in run.epochs:
        for name in run.digest.metrics:
            if (value := finite(line.get(name))) is not None:
                writer.add_scalar(name, value, line["epoch"], _seconds(line.get("time")))
    final = {name: value for name, value in run.summary().items() if name not in {*TOLD, *run.digest.metrics}}
    for name, value in final.items():
        writer.add_scalar(name, value, len(run.epochs), _seconds(run.end.get("time")))
    values = {name: readable(value) for name, value in run.config.items() if value is not None}
    known = {name: value for name, value in values.items() if isinstance(value, bool | int | float | str)}
    for summary in hparams({**known, "seed": run.seed}, dict.fromkeys((*run.digest.metrics, *final), 0.0)):
        writer.file_writer.add_summary(summary, walltime=_seconds(run.start.get("time")))


def _seconds(time: object) -> float | None:
    """A log's time as seconds since 1970; None if it is none."""
    try:
        return datetime.fromisoformat(time).timestamp() if isinstance(time, str) else None
    except ValueError:
        return None
