"""What a person sees while a sweep trains: a live table on a terminal, plain lines anywhere else.

Both write to stderr and know nothing but what the runner tells them and what the logs of running trials say.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from nnlite.runs import FollowedRun, Run, RunFolder, metric_named
from nnlite.runs.quantities import duration, score
from nnlite.sweep.runner import Plan
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome

SHOWN_ID = 8


@dataclass
class Tally:
    """What has become of a sweep's trials so far, and how long the rest will take."""

    plan: Plan

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self.ended: dict[str, Outcome] = {}
        self.running: dict[str, tuple[Trial, FollowedRun]] = {}
        self._epochs_ended = 0
        self._epochs_before = {
            trial.id: len(run.epochs)
            for trial in self.plan.pending
            if (run := peek(FollowedRun(self.plan.run_folder(trial))))
        }
        self._epochs_to_train = sum(map(self._epochs_of, self.plan.pending))

    def start(self, trial: Trial, folder: RunFolder) -> None:
        """Note that `trial` is running."""
        self.running[trial.id] = (trial, FollowedRun(folder))

    def end(self, trial: Trial, outcome: Outcome) -> None:
        """Note that it no longer is."""
        del self.running[trial.id]
        self.ended[trial.id] = outcome
        # A trial that ended early leaves nothing to wait for: all of its epochs count as gone.
        self._epochs_ended += self._epochs_of(trial)

    def count(self, *statuses: str) -> int:
        """How many of the ended trials have one of these statuses."""
        return sum(outcome.status in statuses for outcome in self.ended.values())

    def summary(self) -> str:
        """Such as "12 done, 2 running, 1 failed, 3 min left"."""
        done = len(self.plan.done) + self.count("completed", "pruned")
        parts = [f"{done} done", f"{len(self.running)} running"]
        parts += [f"{self.count(status)} {status}" for status in ("failed", "diverged", "busy") if self.count(status)]
        left = self.seconds_left() if self.running else None
        return ", ".join([*parts, f"{duration(left)} left"] if left is not None else parts)

    def seconds_left(self) -> float | None:
        """By the epochs trained so far; None before the first."""
        trained = self._epochs_ended
        for trial, followed in self.running.values():
            run = peek(followed)
            trained += max(0, len(run.epochs) - self._epochs_before.get(trial.id, 0)) if run else 0
        if not trained:
            return None
        return max(0, self._epochs_to_train - trained) * (time.monotonic() - self.started) / trained

    def _epochs_of(self, trial: Trial) -> int:
        """How many epochs `trial` had still to train when the sweep started."""
        return max(0, trial.config.epochs - self._epochs_before.get(trial.id, 0))


class PlainDisplay:
    """A line for each trial that ends; for logs, pipes and scheduled jobs.

    Args:
        plan: of the sweep.
        write: takes each line.
    """

    def __init__(self, plan: Plan, write: Callable[[str], None]) -> None:
        self.tally = Tally(plan)
        self._write = write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def started(self, trial: Trial, folder: RunFolder) -> None:
        """Say nothing: the end is news enough."""
        self.tally.start(trial, folder)

    def ended(self, trial: Trial, folder: RunFolder, outcome: Outcome) -> None:
        """Say how the trial ended, and how the sweep stands."""
        self.tally.end(trial, outcome)
        self._write(
            f"{trial.id[:SHOWN_ID]} {trial.describe()}: {result(trial, folder, outcome)} | {self.tally.summary()}"
        )

    def refresh(self) -> None:
        """Nothing moves in a plain log."""


class LiveDisplay:
    """A progress bar over all trials and a line for each that is running, drawn anew as the logs grow."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self.tally = Tally(plan)
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._live.stop()

    def started(self, trial: Trial, folder: RunFolder) -> None:
        """Show the trial."""
        self.tally.start(trial, folder)

    def ended(self, trial: Trial, folder: RunFolder, outcome: Outcome) -> None:
        """Leave a line of it above the live part."""
        self.tally.end(trial, outcome)
        text = f"{trial.id[:SHOWN_ID]} {trial.describe()}: {result(trial, folder, outcome)}"
        colour = "" if outcome.status == "completed" else "red"
        with contextlib.suppress(OSError):  # here and below: the terminal was closed; the runner hears of it, too
            self._console.print(escape(text), style=colour, highlight=False)

    def refresh(self) -> None:
        """Draw the present state."""
        with contextlib.suppress(OSError):
            self._live.update(self._render(), refresh=True)

    def _render(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("running", "trial", "epoch", "objective", "speed"):
            table.add_column(heading, style="dim" if heading == "running" else "")
        for trial, followed in self.tally.running.values():
            run = peek(followed)
            epochs = len(run.epochs) if run else 0
            value = current_value(trial, run)
            speed = run.epochs[-1].get("images_per_second") if run and run.epochs else None
            table.add_row(
                trial.id[:SHOWN_ID],
                escape(trial.describe()),
                f"{epochs}/{trial.config.epochs}",
                f"{trial.objective.metric} {value}" if value else "",
                f"{speed:,.0f} images/s" if isinstance(speed, int | float) else "",
            )
        bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        gone = len(self.tally.plan.done) + len(self.tally.ended)
        bar.add_task(self.tally.plan.folder.name, total=len(self.tally.plan.trials), completed=gone)
        return Group(*([table] if self.tally.running else []), bar, self.tally.summary())


Display = LiveDisplay | PlainDisplay


def make_display(plan: Plan, console: Console, write: Callable[[str], None]) -> Display:
    """The display that suits `console`, which writes to stderr; `write` takes plain lines for it."""
    can_redraw = console.is_terminal and not console.is_dumb_terminal
    return LiveDisplay(plan, console) if can_redraw else PlainDisplay(plan, write)


def result(trial: Trial, folder: RunFolder, outcome: Outcome) -> str:
    """How a trial ended: its best value of the objective, or what went wrong."""
    if outcome.status != "completed":
        return f"{outcome.status}{': ' + outcome.error if outcome.error else ''}"
    return f"{trial.objective.metric} {current_value(trial, peek(FollowedRun(folder))) or 'not measured'}"


def current_value(trial: Trial, run: Run | None) -> str:
    """The run's best value of the objective so far, as text; empty before the first."""
    metric = metric_named(trial.objective.metric)
    metric = replace(metric, higher_is_better=trial.objective.direction == "maximize")
    best = run.value(metric) if run else None
    return f"{score(metric, best.value)} (epoch {best.epoch})" if best else ""


def peek(followed: FollowedRun) -> Run | None:
    """The run as it stands now, or None before it has a log."""
    try:
        return followed.read()
    except OSError:
        return None
