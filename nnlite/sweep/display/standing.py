"""How sweeps stand at one moment, as the display is to show it: made from `Run`s, whoever reads them."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from nnlite.errors import InputError
from nnlite.runs import Metric, Run, Value, metric_named
from nnlite.runs.quantities import duration, score
from nnlite.sweep.display.progress import epoch_seconds, seconds_left_of

SHOWN_ID = 8
# The order in which they are told; a sweep that has none of a status does not name it.
STATUSES = ("completed", "running", "waiting", "pruned", "diverged", "failed", "interrupted", "busy", "skipped")
BAD = ("failed", "diverged", "busy")


@dataclass(frozen=True)
class Row:
    """A trial that is training, as far as its log tells.

    Attributes:
        id: of its run.
        label: what sets it apart.
        metric: its objective.
        epochs: how many have been trained.
        until: how many are to be.
        curve: the objective, epoch by epoch.
        best: the best of it.
        speed: images a second; None if the log does not say.
        epoch_seconds: wall time of an epoch; None before the first.
        seconds_left: until it is done.
    """

    id: str
    label: str
    metric: Metric
    epochs: int
    until: int
    curve: Sequence[float] = ()
    best: Value | None = None
    speed: float | None = None
    epoch_seconds: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class Best:
    """The best trial so far."""

    id: str
    label: str
    metric: Metric
    value: Value

    def __str__(self) -> str:
        """Such as "val_acc 96.21 % (epoch 5): 3f2a91c0 hidden=[128] seed=0"."""
        return f"{objective_text(self.metric, self.value)}: {self.id[:SHOWN_ID]} {self.label}"


@dataclass(frozen=True)
class Standing:
    """How a sweep stands.

    Attributes:
        name: of the sweep.
        rows: the trials that are training.
        counts: how many trials there are of each of `STATUSES`.
        epochs: of the work that is known, how much is done or needs not be done any more.
        all_epochs: the work that is known.
        best: the best trial so far.
        elapsed: seconds that the sweep has been watched.
        left: seconds until the known work is done; None before the first epoch.
        scope: what the known work is the work of, where there may be more of it; empty if it is all.
    """

    name: str
    rows: Sequence[Row] = ()
    counts: Mapping[str, int] = field(default_factory=Counter)
    epochs: int = 0
    all_epochs: int = 0
    best: Best | None = None
    elapsed: float | None = None
    left: float | None = None
    scope: str = ""

    def counted(self) -> str:
        """Such as "12 done, 2 running, 1 failed"."""
        names = {"completed": "done"}
        shown = [name for name in STATUSES if self.counts.get(name) or name == "completed"]
        return ", ".join(f"{self.counts.get(name, 0):,} {names.get(name, name)}" for name in shown)

    def timed(self) -> str:
        """Such as "32 s gone, at least 41 s left"."""
        parts = [] if self.elapsed is None else [f"{coarse(self.elapsed)} gone"]
        if self.left is not None and self.rows:
            parts.append(f"{'at least ' if self.scope else ''}{coarse(self.left)} left")
        return ", ".join(parts)

    def worked(self, *, whole: bool = False) -> str:
        """Such as "62/120 epochs", or "62/120 epochs of generation 2" as a `whole`."""
        of = f" of {self.scope}" if whole and self.scope else ""
        return f"{self.epochs:,}/{self.all_epochs:,} epochs{of}"


def coarse(seconds: float | None) -> str:
    """A time that changes once a second at most; a dash if it is not known."""
    return duration(seconds) if seconds is None or seconds >= 9.95 else f"{math.ceil(seconds)} s"


def row_of(trial_id: str, label: str, metric: Metric, run: Run | None, until: int, now: float) -> Row:
    """What to show of a trial whose log says `run`, or has not been begun yet, at the time `now`."""
    if run is None or not run.epochs:
        return Row(trial_id, label, metric, 0, until)
    last = run.epochs[-1]
    return Row(
        *(trial_id, label, metric, len(run.epochs), until),
        curve=[value for line in run.epochs if is_number(value := line.get(metric.name))],
        best=run.value(metric),
        speed=speed if is_number(speed := last.get("images_per_second")) else None,
        epoch_seconds=epoch_seconds(run),
        seconds_left=seconds_left_of(run, until, now),
    )


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that can be shown."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def objective_of(name: str, direction: str) -> Metric:
    """The metric that an objective names, with the objective's own direction."""
    try:
        metric = metric_named(name)
    except InputError:  # a log may be of another version
        metric = metric_named(name, [name])
    return replace(metric, higher_is_better=direction == "maximize")


def better(one: Best | None, other: Best | None) -> Best | None:
    """The better of two, the first of equals."""
    if one is None or other is None:
        return one or other
    higher = one.metric.higher_is_better
    is_better = other.value.value > one.value.value if higher else other.value.value < one.value.value
    return other if is_better else one


def best_of(trial_id: str, label: str, metric: Metric, run: Run) -> Best | None:
    """A run as a candidate for the best: by its epochs, or by its summary where that saves reading them."""
    summary = run.summary()
    if run.finished and metric.name in summary and "best_epoch" in summary:
        return Best(trial_id, label, metric, Value(summary[metric.name], int(summary["best_epoch"])))
    value = run.value(metric)
    return Best(trial_id, label, metric, value) if value else None


def objective_text(metric: Metric, value: Value) -> str:
    """Such as "val_acc 96.21 % (epoch 5)"."""
    when = f" (epoch {value.epoch})" if value.epoch else ""
    return f"{metric.name} {score(metric, value.value)}{when}"


def end_text(status: str, error: str, metric: Metric, run: Run | None) -> str:
    """How a trial ended: its best value of the objective, or what went wrong."""
    if status != "completed":
        return f"{status}{': ' + error if error else ''}"
    value = run.value(metric) if run else None
    return objective_text(metric, value) if value else f"{metric.name} not measured"
