"""A run as its log tells it: what was trained, every epoch once, and how it ended.

`read_run` replays the events in order: a `start` opens a new attempt, a `resume` goes back to the epoch that it names,
a repeated epoch supersedes the earlier one, the last `end` counts. Nothing is computed that the log does not say, but
for one thing: an attempt without an end is *running* while its log is locked, and *interrupted* otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nnlite.runs.log import BadLine, Event, is_locked, read_log
from nnlite.runs.metrics import Metric
from nnlite.runs.paths import RunFolder, find_runs

Status = Literal["completed", "pruned", "diverged", "failed", "interrupted", "running"]
NOT_METRICS = frozenset({"event", "time", "epoch"})


@dataclass(frozen=True)
class Value:
    """A run's value of a metric, and the epoch that it is from (0: from the end of the run)."""

    value: float
    epoch: int


@dataclass(frozen=True)
class Run:
    """What the log of one run says; `start` is empty if its first line was lost."""

    folder: RunFolder
    start: Event
    epochs: list[Event]
    status: Status
    end: Event = field(default_factory=dict)
    bad_lines: list[BadLine] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The run's id, a hash of what it trains."""
        return str(self.start.get("run", self.folder.name))

    @property
    def sweep(self) -> str:
        """The sweep that it belongs to."""
        return str(self.start.get("sweep", self.folder.path.parent.name))

    @property
    def model(self) -> str:
        """What kind of model."""
        return str(self.start.get("model", ""))

    @property
    def dataset(self) -> str:
        """Which data."""
        return str(self.start.get("dataset", ""))

    @property
    def config(self) -> dict[str, Any]:
        """Every hyperparameter, defaults filled in."""
        config = self.start.get("config")
        return config if isinstance(config, dict) else {}

    @property
    def seed(self) -> int:
        """The trial's seed."""
        return int(self.start.get("seed", 0))

    @property
    def error(self) -> str:
        """Why it failed, or an empty string."""
        return str(self.end.get("error") or "")

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to train."""
        return self.status in ("completed", "pruned", "diverged")

    def summary(self) -> dict[str, float]:
        """The numbers of the final summary."""
        return _numbers(self.end.get("metrics"))

    def metric_names(self) -> list[str]:
        """Every metric in the log, those of the epochs first."""
        names = dict.fromkeys(name for epoch in self.epochs for name in _numbers(epoch))
        return [*names, *(name for name in self.summary() if name not in names)]

    def value(self, metric: Metric, *, at: Literal["best", "last"] = "best") -> Value | None:
        """The best value over the epochs, or the last; for a metric that epochs lack, the summary's; else None."""
        values = [Value(numbers[metric.name], epoch["epoch"]) for epoch, numbers in self._measured(metric.name)]
        if not values:
            final = self.summary().get(metric.name)
            return None if final is None else Value(final, 0)
        if at == "last":
            return values[-1]
        # min and max keep the first of equals: the earliest epoch that was as good.
        return (max if metric.higher_is_better else min)(values, key=lambda each: each.value)

    def _measured(self, name: str) -> Iterator[tuple[Event, dict[str, float]]]:
        for epoch in self.epochs:
            numbers = _numbers(epoch)
            if name in numbers:
                yield epoch, numbers


def _numbers(fields: object) -> dict[str, float]:
    if not isinstance(fields, dict):
        return {}
    return {
        key: value
        for key, value in fields.items()
        if key not in NOT_METRICS and isinstance(value, int | float) and not isinstance(value, bool)
    }


def read_run(folder: RunFolder) -> Run:
    """Replay the log in `folder`.

    Raises:
        OSError: there is no log, or it cannot be read.
    """
    # Looked at before reading: a run that ends in between is then seen as ended, not as interrupted.
    running = is_locked(folder.log)
    events, bad_lines = read_log(folder.log)
    start: Event = {}
    end: Event = {}
    epochs: dict[int, Event] = {}
    for event in events:
        match event["event"]:
            case "start":
                start, end, epochs = event, {}, {}
            case "resume":
                end = {}
                epochs = {number: line for number, line in epochs.items() if number <= event.get("epoch", 0)}
            case "epoch":
                epochs[event["epoch"]] = event
            case "end":
                end = event
    status: Status = end.get("status", "interrupted") if end else "running" if running else "interrupted"
    return Run(folder, start, [epochs[number] for number in sorted(epochs)], status, end, bad_lines)


@dataclass(frozen=True)
class Unreadable:
    """A run folder whose log tells nothing, and why."""

    folder: RunFolder
    reason: str


def read_runs(root: Path) -> tuple[list[Run], list[Unreadable]]:
    """Every run at or below `root`, and the folders that had to be left out; one bad folder costs itself alone."""
    runs: list[Run] = []
    unreadable: list[Unreadable] = []
    for folder in find_runs(root):
        try:
            run = read_run(folder)
        except OSError as error:
            unreadable.append(Unreadable(folder, error.strerror or str(error)))
            continue
        if run.start:
            runs.append(run)
        else:
            unreadable.append(Unreadable(folder, "its log has no start event"))
    return runs, unreadable
