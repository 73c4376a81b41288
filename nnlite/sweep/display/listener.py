"""The display of a sweep, fed by its runner: who starts and ends it is told, what happens in between is in the logs."""

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from nnlite.runs import FollowedRun, Run, RunFolder, skim_run
from nnlite.sweep.display.progress import Pace, Point, epoch_seconds, seconds_left
from nnlite.sweep.display.screens import Screen
from nnlite.sweep.display.standing import (
    BAD,
    SHOWN_ID,
    Best,
    Standing,
    best_of,
    better,
    coarse,
    end_text,
    objective_of,
    row_of,
)
from nnlite.sweep.plan import Plan
from nnlite.sweep.strategy import Task
from nnlite.sweep.survey import epochs_kept
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome

ESTIMATE_SECONDS = 1.0  # a time left that changes more often cannot be read
CATCHING_UP_SECONDS = 0.02  # what a refresh may take to look at runs of earlier calls


class SweepDisplay:
    """Listens to a sweep's runner, and shows on `screen` how it goes.

    Args:
        plan: of the sweep.
        screen: where it is shown.
    """

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self.tally = Tally(plan)
        self._screen = screen

    def __enter__(self) -> Self:
        self._screen.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._screen.conclude([self.tally.concluded()])
        self._screen.__exit__(*error)

    def planned(self, tasks: Sequence[Task]) -> None:
        """Count the generation's work."""
        self.tally.plan_generation(tasks)

    def started(self, trial: Trial, folder: RunFolder) -> None:
        """Show the trial."""
        epochs = self.tally.start(trial, folder)
        verb = f"goes on after epoch {epochs} of" if epochs else "started, epochs:"
        self._screen.tell(f"{_name(trial)}: {verb} {self.tally.until[trial.id]}", passing=True)

    def ended(self, trial: Trial, folder: RunFolder, outcome: Outcome) -> None:
        """Say how the trial ended, and how the sweep stands."""
        run = peek(FollowedRun(folder))
        self.tally.end(trial, outcome, run)
        metric = objective_of(trial.objective.metric, trial.objective.direction)
        line = f"{_name(trial)}: {end_text(outcome.status, outcome.error, metric, run)}"
        self._screen.tell(line, bad=outcome.status in BAD, summary=self.tally.summary)

    def announce(self, news: str) -> None:
        """Say what a person should notice that is no trial's end."""
        self._screen.tell(news, bad=True, summary=self.tally.summary)

    def refresh(self) -> None:
        """Show what the logs have grown by."""
        self.tally.catch_up()
        self._screen.show(lambda: [self.tally.standing()])


class Tally:
    """What has become of a sweep's trials so far, and how long the rest will take."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.started = time.monotonic()
        self.until: dict[str, int] = {}
        self._running: dict[str, tuple[Trial, FollowedRun]] = {}
        self._waiting: dict[str, Trial] = {}
        self._statuses: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._points = {trial.id: point_of(trial) for trial in plan.pending}
        self._unseen = deque(plan.done)
        self._best: Best | None = None
        self._pace = Pace()
        self._generation = 0
        self._lanes = 1
        self._before: dict[str, int] = {}  # epochs that the generation's trials had when it began
        self._gone = 0  # epochs of those of its tasks that are over
        self._work = 0  # epochs of all of them
        self._estimated: float | None = None  # the seconds that are left
        self._next_estimate = 0.0
        for trial_id, end in plan.ends.items():
            self._note_status(trial_id, end.status)

    def plan_generation(self, tasks: Sequence[Task]) -> None:
        """Note what is to be trained next; of a strategy that is asked while trials run, what has come to it."""
        if not (self._generation and self.plan.strategy.asynchronous):
            self._generation += 1
            self._waiting, self.until, self._before = {}, {}, {}
            self._gone = self._work = 0
        for task in tasks:
            trial = task.trial
            if trial.id in self._waiting:
                continue
            self._waiting[trial.id] = trial
            self.until[trial.id] = min(task.until, trial.config.epochs)
            if run := peek(FollowedRun(self.plan.run_folder(trial))):
                self._before[trial.id] = len(run.epochs)
            self._work += self._work_of(trial)
            self._note_status(trial.id, "waiting")
            if trial.id not in self._points:
                self._points[trial.id] = point_of(trial)

    def start(self, trial: Trial, folder: RunFolder) -> int:
        """Note that `trial` is training, perhaps once more; after how many epochs it goes on."""
        if self._waiting.pop(trial.id, None) is None:  # it had failed, and is tried again
            self._gone -= self._work_of(trial)
        self._note_status(trial.id, "running")
        self._running[trial.id] = (trial, FollowedRun(folder))
        self._lanes = max(self._lanes, len(self._running))
        run = peek(self._running[trial.id][1])
        return epochs_kept(run) if run and run.epochs else 0

    def end(self, trial: Trial, outcome: Outcome, run: Run | None) -> None:
        """Note that it no longer is, and what its log says."""
        del self._running[trial.id]
        self._note_status(trial.id, outcome.status)
        # A task that ended early leaves nothing to wait for: all of its epochs count as gone, but if it has no room.
        trained = len(run.epochs) - self._before.get(trial.id, 0) if run else 0
        work = self._work_of(trial)
        self._gone += min(work, max(0, trained)) if outcome.status == "interrupted" else work
        if run and outcome.status in ("completed", "pruned"):
            self._note_best(trial, run)
        if run and (seconds := epoch_seconds(run)) is not None:
            self._pace.measured(self._points[trial.id], seconds)

    def catch_up(self) -> None:
        """Look at some of the runs of earlier calls: the best may be among them."""
        deadline = time.monotonic() + CATCHING_UP_SECONDS
        while self._unseen and time.monotonic() < deadline:
            trial = self._unseen.popleft()
            try:
                run = skim_run(self.plan.run_folder(trial))
            except OSError:
                continue
            if run.status in ("completed", "pruned"):
                self._note_best(trial, run)

    def standing(self) -> Standing:
        """How the sweep stands now."""
        now = time.time()
        rows, best, gone = [], self._best, self._gone
        for trial, followed in self._running.values():
            run = peek(followed)
            metric = objective_of(trial.objective.metric, trial.objective.direction)
            rows.append(row_of(trial.id, trial.describe(), metric, run, self.until[trial.id], now))
            gone += min(self._work_of(trial), max(0, rows[-1].epochs - self._before.get(trial.id, 0)))
            if run and run.epochs:
                best = better(best, best_of(trial.id, trial.describe(), metric, run))
                if rows[-1].epoch_seconds is not None:
                    self._pace.measured(self._points[trial.id], rows[-1].epoch_seconds)
        if time.monotonic() >= self._next_estimate:
            self._estimated = self._seconds_left([each.seconds_left for each in rows])
            self._next_estimate = time.monotonic() + (ESTIMATE_SECONDS if self._estimated is not None else 0)
        return Standing(
            name=self.plan.folder.name,
            rows=rows,
            counts=Counter(self._counts),
            epochs=gone,
            all_epochs=self._work,
            best=best,
            elapsed=time.monotonic() - self.started,
            left=self._estimated,
            scope="" if self.plan.foreseen else f"generation {self._generation}",
        )

    def concluded(self) -> Standing:
        """How the sweep stands when it has ended: what was still training was interrupted."""
        standing = self.standing()
        counts = Counter(standing.counts)
        counts["interrupted"] += counts.pop("running", 0)
        return replace(standing, rows=(), counts=counts)

    def summary(self) -> str:
        """Such as "12 done, 2 running, 1 failed, 3 min left"."""
        standing = self.standing()
        left = f"{'at least ' if standing.scope else ''}{coarse(standing.left)} left"
        return f"{standing.counted()}, {left}" if standing.left and standing.rows else standing.counted()

    def _seconds_left(self, running: Sequence[float | None]) -> float | None:
        """By the speed of what trains and of what has been trained; None before the first epoch."""
        unmeasured = [
            trial for (trial, _), seconds in zip(self._running.values(), running, strict=True) if seconds is None
        ]
        trials = [*self._waiting.values(), *unmeasured]
        points = [(self._points[trial.id], self._work_of(trial)) for trial in trials]
        expected = self._pace.expected_all(points) if points else []
        if expected is None:
            return None
        known = [seconds for seconds in running if seconds is not None]
        waiting = len(self._waiting)
        return seconds_left([*known, *expected[waiting:]], expected[:waiting], self._lanes)

    def _work_of(self, trial: Trial) -> int:
        """How many epochs `trial` had still to train when its generation began."""
        return max(0, self.until.get(trial.id, trial.config.epochs) - self._before.get(trial.id, 0))

    def _note_status(self, trial_id: str, status: str) -> None:
        if before := self._statuses.get(trial_id):
            self._counts[before] -= 1
        self._statuses[trial_id] = status
        self._counts[status] += 1

    def _note_best(self, trial: Trial, run: Run) -> None:
        metric = objective_of(trial.objective.metric, trial.objective.direction)
        self._best = better(self._best, best_of(trial.id, trial.describe(), metric, run))


def point_of(trial: Trial) -> Point:
    """What the sweep varies, as this trial has it, but for the seed."""
    return frozenset((name, repr(getattr(trial.config, name))) for name in trial.swept)


def peek(followed: FollowedRun) -> Run | None:
    """The run as it stands now, or None before it has a log."""
    try:
        return followed.read()
    except OSError:
        return None


def _name(trial: Trial) -> str:
    return f"{trial.id[:SHOWN_ID]} {trial.describe()}"
