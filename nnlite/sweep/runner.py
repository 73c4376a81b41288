"""The runner: has a strategy's tasks carried out, generation by generation, and sees that each of them ends.

It starts trials from the main thread, one a place, watches their logs for news, and, when it is stopped, ends the
workers first and then writes the end of their logs for them. A trial that fails costs itself alone, and is tried again,
as often as the limits say, when the others of its generation have had their turn.
"""

import contextlib
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from nnlite.errors import NnliteError, Stopped
from nnlite.models import Training
from nnlite.runs import RunFolder, read_run
from nnlite.runs.quantities import counted
from nnlite.sweep.breaker import Breaker
from nnlite.sweep.limits import Limits
from nnlite.sweep.order import dearest_first, expected_cost
from nnlite.sweep.places import LocalPlaces, Place, Places
from nnlite.sweep.plan import LoggedRuns, Plan, open_tasks
from nnlite.sweep.signals import StopRequest, stop_requests
from nnlite.sweep.slot import close_log
from nnlite.sweep.strategy import Task
from nnlite.sweep.trials import Trial
from nnlite.sweep.watch import Clock, Watch
from nnlite.sweep.worker import Outcome, make_training

NEWS_SECONDS = 0.25  # how often running trials, and requests to stop, are looked at


class Listener(Protocol):
    """What wants to know how the sweep goes: a display."""

    def planned(self, tasks: Sequence[Task]) -> None:
        """These tasks are about to be carried out: a generation, or what has come to it while trials run."""

    def started(self, trial: Trial, folder: RunFolder) -> None:
        """A worker has taken up `trial`."""

    def ended(self, trial: Trial, folder: RunFolder, outcome: Outcome) -> None:
        """An attempt at `trial` has come to its end, whichever; there may be others."""

    def refresh(self) -> None:
        """Some time has passed."""


@dataclass
class Results:
    """What came of a call.

    Attributes:
        outcomes: how the last task of each trial ended, by the trial's id.
        halted: why trials that are left were not started, as a sentence; empty if none are, or none had to be.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    halted: str = ""


def run_trials(
    plan: Plan,
    jobs: int,
    context: dict[str, Any],
    listener: Listener,
    *,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    fail_fast: bool = False,
    make: Callable[[Trial], Training] = make_training,
    places: Places | None = None,
    check: Callable[[], None] = lambda: None,
    announce: Callable[[str], None] = lambda _news: None,
) -> Results:
    """Train what is pending, `jobs` trials at a time.

    Args:
        plan: what to train.
        jobs: how many trials at a time.
        context: further fields of each start and resume event.
        listener: is told how it goes.
        limits: what a trial and the sweep may cost.
        fail_fast: whether the first failure keeps further trials from being started.
        make: makes a trial's training; it is sent to the workers.
        places: where trials run; default: in processes of this machine.
        check: is called several times a second, and raises what is to end the sweep at once, such as a lost claim.
        announce: is told what a person should know of that is no trial's end.

    Raises:
        Stopped: SIGINT, SIGTERM or SIGHUP arrived; all workers have ended, their logs say "interrupted".
        NnliteError: no worker can be started, or is fit, while none is at work; or `check` has raised it.
    """
    # A worker that has grown by 300 MB is replaced between two trials, and loky warns, to no purpose, of those to come.
    with stop_requests() as request, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        breaker = Breaker(limits.max_failures, fail_fast=fail_fast, total=limits.total)
        crew = _Crew(plan, jobs, context, listener, limits, breaker, make, places or LocalPlaces(), check, announce)
        try:
            for generation in crew.generations(request):
                crew.train(generation, request)
        finally:
            crew.dismiss()
        if request.signum:
            raise Stopped(request.signum)
    return crew.results


@dataclass
class _Attempt:
    """A task that a place is busy with."""

    place: Place
    task: Task
    folder: RunFolder
    watch: Watch


class _Crew:
    """The workers and what they are at."""

    def __init__(
        self,
        plan: Plan,
        jobs: int,
        context: dict[str, Any],
        listener: Listener,
        limits: Limits,
        breaker: Breaker,
        make: Callable[[Trial], Training],
        places: Places,
        check: Callable[[], None],
        announce: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._jobs = jobs
        self._context = context
        self._listener = listener
        self._limits = limits
        self._breaker = breaker
        self._make = make
        self._places = places
        self._check = check
        self._announce = announce
        self._opened: list[Place] = []
        self._free: list[Place] = []
        self._busy: dict[Future[Outcome], _Attempt] = {}
        self._waiting: deque[Task] = deque()
        self._failures: Counter[str] = Counter()  # in this call
        self._clock = Clock()
        self._refreshed = 0.0
        self.results = Results()

    def generations(self, request: StopRequest) -> Iterator[list[Task]]:
        """What to train, one generation after the other, until nothing is left or the sweep is to stop."""
        tasks = list(self._plan.tasks)
        while tasks and not request.signum and not self._breaker.reason:
            yield tasks
            tasks = self._open_tasks()

    def train(self, generation: Sequence[Task], request: StopRequest) -> None:
        """Carry out the tasks of one generation; return early if the sweep is to stop."""
        in_any_order = self._jobs > 1 and not self._plan.strategy.asynchronous
        self._waiting = deque(dearest_first(generation, expected_cost) if in_any_order else generation)
        self._listener.planned(generation)
        while (self._waiting or self._busy) and not request.signum:
            self._start_what_fits()
            busy = len(self._busy)
            finished, _ = wait(self._busy, timeout=NEWS_SECONDS, return_when=FIRST_COMPLETED)
            if request.signum:
                break  # the same signal may have ended the workers: they are stopped, not failed
            self._check()
            self._clock.tick()
            self._breaker.tick(self._clock.seconds)
            for future in finished:
                attempt = self._busy.pop(future)
                self._note(attempt, attempt.place.outcome_of(future, attempt.task, attempt.folder))
            for future, attempt in list(self._busy.items()):
                if not future.done() and (reason := self._overdue(attempt)):
                    del self._busy[future]
                    self._note(attempt, attempt.place.end(attempt.task, attempt.folder, reason))
            if self._plan.strategy.asynchronous and len(self._busy) < busy:
                again = [task for task in self._waiting if self._has_failed(task.trial)]
                self._waiting = deque([*(further := self._open_tasks()), *again])
                self._listener.planned(further)
            if self._breaker.reason:
                self._halt()
            self._refresh()

    def _open_tasks(self) -> list[Task]:
        """What the strategy asks for now, less what has been lost and what is under way."""
        plan, outcomes = self._plan, self.results.outcomes
        runs = LoggedRuns(plan.folder, retries=self._limits.retries, retry_failed=plan.retry_failed, tried=outcomes)
        lost = {trial for trial, outcome in outcomes.items() if outcome.status in ("failed", "busy", "interrupted")}
        return open_tasks(plan.strategy, runs, lost | {attempt.task.trial.id for attempt in self._busy.values()})

    def dismiss(self) -> None:
        """End all workers; what they were training is interrupted."""
        for place in self._opened:
            place.close(kill=bool(self._busy))
        for attempt in self._busy.values():
            close_log(attempt.folder, "interrupted")

    def _start_what_fits(self) -> None:
        while self._waiting and len(self._busy) < self._jobs:
            self._check()
            task = self._waiting[0]
            folder = self._plan.run_folder(task.trial)
            try:
                place = self._free.pop() if self._free else self._new_place()
                future = place.submit(task, folder, self._context)
            except NnliteError as error:
                self._jobs = len(self._busy) + len(self._free)
                if not self._jobs:
                    raise
                self._announce(f"{error}; the sweep goes on with {counted(self._jobs, 'worker')}")
                continue
            self._waiting.popleft()
            self._busy[future] = _Attempt(place, task, folder, Watch(folder, self._clock))
            self._listener.started(task.trial, folder)

    def _new_place(self) -> Place:
        self._opened.append(self._places.place(self._make, self._limits))
        return self._opened[-1]

    def _overdue(self, attempt: _Attempt) -> str:
        return "" if self._places.keep_limits else attempt.watch.overdue(self._limits)

    def _note(self, attempt: _Attempt, outcome: Outcome) -> None:
        """Take note of how an attempt ended, and have a failed trial wait for its next turn, if it has one."""
        trial = attempt.task.trial
        self._free.append(attempt.place)
        self._breaker.note(trial.id, outcome)
        self.results.outcomes[trial.id] = told = outcome
        if outcome.status == "failed":
            self._failures[trial.id] += 1
            if not self._breaker.reason and self._has_tries_left(trial, attempt.folder):
                self._waiting.append(attempt.task)
                told = replace(outcome, error=f"{outcome.error}; it is tried again later")
        self._listener.ended(trial, attempt.folder, told)

    def _has_tries_left(self, trial: Trial, folder: RunFolder) -> bool:
        failures = self._failures[trial.id]
        if not self._plan.retry_failed:  # then those of earlier calls count, too
            with contextlib.suppress(OSError):
                failures = max(failures, read_run(folder).failures)
        return failures <= self._limits.retries

    def _has_failed(self, trial: Trial) -> bool:
        """Whether its last attempt has, in this call; what waits of it then is another attempt."""
        outcome = self.results.outcomes.get(trial.id)
        return outcome is not None and outcome.status == "failed"

    def _halt(self) -> None:
        """Start no more trials."""
        self._waiting.clear()
        self.results.halted = self._breaker.reason

    def _refresh(self) -> None:
        if (now := time.monotonic()) - self._refreshed >= NEWS_SECONDS:
            self._refreshed = now
            self._listener.refresh()
