"""A run as its log tells it: what was trained, every epoch once, and how it ended.

`read_run` replays the events in order: a `start` opens a new attempt, a `resume` goes back to the epoch that it names,
a repeated epoch supersedes the earlier one, the last `end` counts; a new attempt replaces a completed one when it has
got further. Nothing is computed that the log does not say, but
for one thing: an attempt without an end is *running* while its log is locked, and *interrupted* otherwise.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nnlite.runs.log import BadLine, Event, LogReader, is_locked
from nnlite.runs.metrics import Metric
from nnlite.runs.paths import RunFolder, find_runs

Status = Literal["completed", "pruned", "diverged", "failed", "interrupted", "running"]
FINISHED = ("completed", "pruned", "diverged")
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
        seed = self.start.get("seed")
        return seed if isinstance(seed, int) else 0

    @property
    def error(self) -> str:
        """Why it failed, or an empty string."""
        return str(self.end.get("error") or "")

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to train."""
        return self.status in FINISHED

    def summary(self) -> dict[str, float]:
        """The numbers of the final summary."""
        return _numbers(self.end.get("metrics"))

    def metric_names(self) -> list[str]:
        """Every metric in the log, those of the epochs first."""
        names = dict.fromkeys(name for epoch in self.epochs for name in _numbers(epoch))
        return [*names, *(name for name in self.summary() if name not in names)]

    def value(self, metric: Metric, *, at: Literal["best", "last"] = "best") -> Value | None:
        """The best value over the epochs, or the last; for a metric that epochs lack, the summary's; else None."""
        name = metric.name
        values = [Value(epoch[name], epoch["epoch"]) for epoch in self.epochs if _is_number(epoch.get(name))]
        if not values:
            final = self.summary().get(metric.name)
            return None if final is None else Value(final, 0)
        if at == "last":
            return values[-1]
        # min and max keep the first of equals: the earliest epoch that was as good.
        return (max if metric.higher_is_better else min)(values, key=lambda each: each.value)


def _numbers(fields: object) -> dict[str, float]:
    if not isinstance(fields, dict):
        return {}
    return {key: value for key, value in fields.items() if key not in NOT_METRICS and _is_number(value)}


def _is_number(value: object) -> bool:
    """Whether it is a number that a float can hold: JSON knows larger ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def read_run(folder: RunFolder) -> Run:
    """Replay the log in `folder`.

    Raises:
        OSError: there is no log, or it cannot be read.
    """
    return FollowedRun(folder).read()


class FollowedRun:
    """The run in `folder`, read again and again at no more cost than what its log has grown by."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._log = LogReader(folder.log)
        self._bad_lines: list[BadLine] = []
        self._start: Event = {}
        self._end: Event = {}
        self._epochs: dict[int, Event] = {}
        self._completed: tuple[Event, Event, dict[int, Event]] | None = None  # the attempt before this one

    def read(self) -> Run:
        """The run as it stands now.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        # Looked at before reading: a run that ends in between is then seen as ended, not as interrupted.
        running = is_locked(self.folder.log)
        events, bad_lines = self._log.read()
        self._replay(events)
        self._bad_lines += bad_lines
        start, end, epochs = self._start, self._end, self._epochs
        if self._completed and end.get("status") not in FINISHED and len(epochs) <= len(self._completed[2]):
            start, end, epochs = self._completed
        unended: Status = "running" if running else "interrupted"
        status: Status = end["status"] if end else unended
        lines = [epochs[number] for number in sorted(epochs)]
        return Run(self.folder, start, lines, status, end, list(self._bad_lines))

    def _replay(self, events: Iterable[Event]) -> None:
        for event in events:
            match event["event"]:
                case "start":
                    if self._end.get("status") == "completed":
                        self._completed = (self._start, self._end, self._epochs)
                    self._start, self._end, self._epochs = event, {}, {}
                case "resume":
                    self._start = _with_budget(self._start, event)
                    self._end = {}
                    last = event.get("epoch", 0)
                    self._epochs = {number: line for number, line in self._epochs.items() if number <= last}
                case "epoch":
                    self._epochs[event["epoch"]] = event
                case "end":
                    self._end = event


def _with_budget(start: Event, resume: Event) -> Event:
    """The start event of a run that goes on, perhaps within a larger budget."""
    config = start.get("config")
    if "epochs" not in resume or not isinstance(config, dict):
        return start
    return start | {"config": config | {"epochs": resume["epochs"]}}


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
