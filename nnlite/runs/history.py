"""A run as its log tells it: what was trained, every epoch once, and how it ended.

`read_run` replays the events in order: a `start` opens a new attempt, a `resume` goes back to the epoch that it names,
a repeated epoch supersedes the earlier one, the last `end` counts; a new attempt replaces a completed one when it has
got further. Nothing is computed that the log does not say, but for one thing: an attempt without an end is *running*
while its log is locked, and *interrupted* otherwise. Epochs that were trained again should have repeated their numbers,
and where they did not, the run says so.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nnlite.runs.comparison import Difference, first_difference
from nnlite.runs.digest import Digest, Value, column_of_numbers, numbers
from nnlite.runs.epochs import EarlierEpochs, Epochs, EpochTable, GrowingEpochs
from nnlite.runs.events import Event
from nnlite.runs.log import BadLine, LogReader, is_locked
from nnlite.runs.metrics import DEFAULT_OBJECTIVE, METRICS, Metric, metric_named
from nnlite.runs.paths import RunFolder, find_runs
from nnlite.runs.usable import unusable_start, why_unusable

Status = Literal["completed", "pruned", "diverged", "failed", "interrupted", "running"]
FINISHED = ("completed", "pruned", "diverged")
FINAL = ("completed", "diverged")


@dataclass(frozen=True)
class Run:
    """What the log of one run says.

    Attributes:
        folder: where it lies.
        start: the attempt's first event, within the last budget; empty if that line was lost.
        epochs: a line each, every epoch once, in order.
        status: how it stands.
        end: its last event, if it has ended.
        bad_lines: the lines that had to be skipped.
        failures: how many attempts have failed since one last came to another end.
        resumes: the events at which the attempt went on.
        contradiction: the first number that was logged once and then otherwise, in this attempt or an earlier one.
        turns: each start, resume and end of every attempt, with how many epochs it had by then; None if this was not
            asked of the log.
    """

    folder: RunFolder
    start: Event
    epochs: Sequence[Event]
    status: Status
    end: Mapping[str, Any] = field(default_factory=dict)
    bad_lines: list[BadLine] = field(default_factory=list)
    failures: int = 0
    resumes: list[Event] = field(default_factory=list)
    contradiction: Difference | None = None
    turns: list[tuple[int, Event]] | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The run's id, a hash of what it trains."""
        run = self.start.get("run")
        return self.folder.name if run is None else str(run)

    @property
    def sweep(self) -> str:
        """The sweep that it belongs to."""
        sweep = self.start.get("sweep")
        return self.folder.path.parent.name if sweep is None else str(sweep)

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
    def objective(self) -> Metric:
        """The metric that its sweep selects by, in the direction that the sweep wants."""
        wanted = self.start.get("objective")
        if not isinstance(wanted, dict) or not isinstance(wanted.get("metric"), str):
            return METRICS[DEFAULT_OBJECTIVE.get(self.model, "val_acc")]
        metric = metric_named(wanted["metric"], [wanted["metric"]])
        if wanted.get("direction") in ("maximize", "minimize"):
            metric = replace(metric, higher_is_better=wanted["direction"] == "maximize")
        return metric

    @property
    def error(self) -> str:
        """Why it failed, diverged or was pruned, or an empty string."""
        return str(self.end.get("error") or "")

    @property
    def finished(self) -> bool:
        """Whether it has come to an end of its own; a pruned run may be taken up again all the same."""
        return self.status in FINISHED

    def summary(self) -> dict[str, float]:
        """The numbers of the final summary."""
        return numbers(self.end.get("metrics"))

    @cached_property
    def digest(self) -> Digest:
        """What the epochs come to."""
        return self.whole.digest

    @property
    def whole(self) -> Epochs:
        """The epochs, with what `Epochs` has beyond a sequence."""
        return self.epochs if isinstance(self.epochs, Epochs) else EpochTable((), self.epochs)

    def numbers(self, name: str) -> list[float | None]:
        """What each epoch has as the metric `name`; None where that is no number."""
        return column_of_numbers(self.whole.column(name))

    @property
    def training_seconds(self) -> float | None:
        """What the training took, all epochs together; None if nothing tells."""
        summary = self.summary()
        if "total_seconds" in summary and summary.get("epochs") == len(self.epochs):
            return summary["total_seconds"]
        seconds = self.digest.seconds
        return summary.get("total_seconds") if seconds is None else seconds

    def metric_names(self) -> list[str]:
        """Every metric in the log, those of the epochs first."""
        names = self.digest.metrics
        return [*names, *(name for name in self.summary() if name not in names)]

    def value(self, metric: Metric, *, at: Literal["best", "last"] = "best") -> Value | None:
        """The best value over the epochs, or the last; for a metric that epochs lack, the summary's; else None."""
        if at == "best" and (told := self._best_told_at_the_end(metric)):
            return told
        if measured := self.digest.metrics.get(metric.name):
            return measured.value(higher_is_better=metric.higher_is_better, at=at)
        final = self.summary().get(metric.name)
        return None if final is None else Value(final, 0)

    def _best_told_at_the_end(self, metric: Metric) -> Value | None:
        """The best value of the objective, which the summary of these very epochs names: they need not be read."""
        summary = self.summary()
        wanted = {"metric": metric.name, "direction": metric.direction}
        if self.start.get("objective") != wanted or summary.get("epochs") != len(self.epochs):
            return None
        value, epoch = summary.get(metric.name), summary.get("best_epoch")
        return Value(value, int(epoch)) if value is not None and epoch else None


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
        self._attempt = _Attempt()
        self._completed: _Attempt | None = None  # the one before this one
        self._failures = 0
        self._earlier = EarlierEpochs()  # of this run, whichever attempt trained them
        self._contradiction: Difference | None = None
        self._turns: list[tuple[int, Event]] = []
        self._epoch = 0  # of the last line that names one

    def read(self) -> Run:
        """The run as it stands now.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        self._read_on()
        running = not self._attempt.end and is_locked(self.folder.log)
        if not self._attempt.end and not running:
            self._read_on()  # it may have ended in between, and was not interrupted then
        attempt = self._attempt
        if self._completed and not attempt.is_final and len(attempt.epochs) <= len(self._completed.epochs):
            attempt = self._completed
        status = status_of(attempt.end, running=running)
        return Run(
            self.folder,
            attempt.start,
            attempt.epochs.table(),
            status,
            attempt.end,
            list(self._bad_lines),
            self._failures,
            list(attempt.resumes),
            self._contradiction,
            list(self._turns),
        )

    def _read_on(self) -> None:
        for events in self._log.read():
            if isinstance(events, BadLine):
                self._bad_lines.append(events)
            elif len(events) > 1 and not self._earlier and self._attempt.epochs.extend(events):
                self._epoch = events[-1]["epoch"]
            else:
                for event in events:
                    self._take_in(event)

    def _take_in(self, event: Event) -> None:
        attempt = self._attempt
        match event["event"]:
            case "epoch":
                self._epoch = event["epoch"]
                replaced = attempt.epochs.add(event)
                if replaced or self._earlier:
                    first = self._earlier.first(event["epoch"], replaced)
                    if first and not self._contradiction:
                        self._contradiction = first_difference(event["epoch"], first, event)
            case "start":
                self._epoch = 0
                self._turns.append((0, event))
                if attempt.end.get("status") == "completed" and not unusable_start(attempt.start):
                    self._completed = attempt
                if event.get("run") == attempt.start.get("run"):
                    self._earlier.add(attempt.epochs.table())
                else:
                    self._earlier = EarlierEpochs()
                    self._completed = None  # of another trial
                self._attempt = _Attempt(event)
            case "resume":
                self._epoch = event.get("epoch", 0)
                self._turns.append((self._epoch, event))
                attempt.start = with_budget(attempt.start, event)
                attempt.end = {}
                attempt.resumes.append(event)
                self._earlier.add(attempt.epochs.cut(self._epoch))
            case "end":
                self._turns.append((self._epoch, event))
                attempt.end = event
                if event["status"] == "failed":
                    self._failures += 1
                elif event["status"] in FINISHED:
                    self._failures = 0


@dataclass
class _Attempt:
    """From one `start` to the next."""

    start: Event = field(default_factory=dict)
    end: Event = field(default_factory=dict)
    epochs: GrowingEpochs = field(default_factory=GrowingEpochs)
    resumes: list[Event] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        return self.end.get("status") in FINAL


def status_of(end: Mapping[str, Any], *, running: bool) -> Status:
    """How an attempt stands: as its end says, if it has one."""
    status: Status = end["status"] if end else "running" if running else "interrupted"
    return status


def with_budget(start: Event, resume: Event) -> Event:
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
    return read_each(find_runs(root), read_run)


def read_each(folders: Iterable[RunFolder], read: Callable[[RunFolder], Run]) -> tuple[list[Run], list[Unreadable]]:
    """The same of these folders, each read by `read`."""
    runs: list[Run] = []
    unreadable: list[Unreadable] = []
    for folder in folders:
        try:
            run = read(folder)
        except OSError as error:
            unreadable.append(Unreadable(folder, error.strerror or str(error)))
            continue
        if reason := why_unusable(run):
            unreadable.append(Unreadable(folder, reason))
        else:
            runs.append(run)
    return runs, unreadable
