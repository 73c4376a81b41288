"""The runner: hands trials to worker processes and sees that each of them ends.

Every slot is a loky executor with a single worker, so that a worker's death is its own trial's alone: one pool for all
would take the siblings and the queue with it. The runner starts trials from the main thread, watches the logs for news,
and, when it is stopped, ends the workers first and then writes the end of their logs for them. A worker whose runner
has died ends itself.
"""

import contextlib
import os
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Protocol

from joblib.externals.loky.process_executor import ProcessPoolExecutor

from nnlite.errors import BusyError, InputError
from nnlite.runs import LogWriter, Run, RunFolder, read_run
from nnlite.sweep.environment import worker_variables
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome, is_done, run_trial

NEWS_SECONDS = 0.25  # how often running trials, and requests to stop, are looked at
WATCH_SECONDS = 0.2  # how long a worker outlives its runner, at most
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Listener(Protocol):
    """What wants to know how the sweep goes: a display."""

    def started(self, trial: Trial, folder: RunFolder) -> None:
        """A worker has taken up `trial`."""

    def ended(self, trial: Trial, folder: RunFolder, outcome: Outcome) -> None:
        """`trial` has come to its end, whichever."""

    def refresh(self) -> None:
        """Some time has passed."""


class Stopped(BaseException):
    """A signal asked the runner to stop: no error, so that nothing but the command line catches it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


@dataclass(frozen=True)
class Plan:
    """What a sweep has to do: its trials, sorted by what the logs say of them."""

    trials: list[Trial]
    folder: Path
    done: list[Trial]
    pending: list[Trial]

    def run_folder(self, trial: Trial) -> RunFolder:
        """Where `trial` leaves its files."""
        return RunFolder(self.folder / trial.id)


def make_plan(trials: list[Trial], folder: Path, *, retry_failed: bool = False) -> Plan:
    """Look at what is in `folder`: a failed trial counts as done, unless it is to be retried.

    Raises:
        InputError: something that is no run's folder is where one should be, or a run had another objective.
    """
    done: list[Trial] = []
    pending: list[Trial] = []
    for trial in trials:
        run_folder = RunFolder(folder / trial.id)
        _check_own(run_folder)
        finished = False
        if run_folder.log.exists():
            run = read_run(run_folder)
            _check_objective(run, trial)
            finished = is_done(run, trial) or (run.status == "failed" and not retry_failed)
        (done if finished else pending).append(trial)
    return Plan(trials, folder, done, pending)


def _check_own(folder: RunFolder) -> None:
    """A run writes into its own folder alone, never through a link to somewhere else."""
    for path, is_right, kind in ((folder.path, Path.is_dir, "folder"), (folder.log, Path.is_file, "file")):
        if path.is_symlink() or (path.exists() and not is_right(path)):
            raise InputError(f"{path} is no ordinary {kind}; move it away, a run belongs there")


def _check_objective(run: Run, trial: Trial) -> None:
    """A run's best weights and its test score are of the epoch that its objective chose: another chooses others."""
    chosen, wanted = run.start.get("objective"), asdict(trial.objective)
    if chosen and chosen != wanted:
        earlier = f"{chosen.get('metric')}, {chosen.get('direction')}"
        raise InputError(
            f"{run.folder.log}: this run's best epoch was chosen by {earlier}, not by {wanted['metric']}, "
            f"{wanted['direction']}: give the sweep another name, or another --experiments folder"
        )


def run_trials(plan: Plan, jobs: int, context: dict[str, Any], listener: Listener) -> dict[str, Outcome]:
    """Train what is pending with `jobs` worker processes.

    Args:
        plan: what to train.
        jobs: how many trials at a time.
        context: further fields of each start and resume event.
        listener: is told how it goes.

    Returns:
        The outcome of each trial that was pending, by its id.

    Raises:
        Stopped: SIGINT, SIGTERM or SIGHUP arrived; all workers have ended, their logs say "interrupted".
    """
    outcomes: dict[str, Outcome] = {}
    waiting = deque(plan.pending)
    slots = [Slot() for _ in range(min(jobs, len(waiting)))]
    busy: dict[Future[Outcome], tuple[Slot, Trial]] = {}
    with stop_requests() as request:
        try:
            while (waiting or busy) and not request.signum:
                occupied = {id(slot) for slot, _ in busy.values()}
                for slot in slots:
                    if waiting and id(slot) not in occupied:
                        trial = waiting.popleft()
                        folder = plan.run_folder(trial)
                        busy[slot.submit(trial, folder, context)] = (slot, trial)
                        listener.started(trial, folder)
                finished, _ = wait(busy, timeout=NEWS_SECONDS, return_when=FIRST_COMPLETED)
                if request.signum:
                    break  # the same signal may have ended the workers: they are stopped, not failed
                for future in finished:
                    slot, trial = busy.pop(future)
                    folder = plan.run_folder(trial)
                    outcomes[trial.id] = outcome = slot.outcome_of(future, folder)
                    listener.ended(trial, folder, outcome)
                listener.refresh()
        finally:
            for slot in slots:
                slot.close(kill=bool(busy))
            for _, trial in busy.values():
                close_log(plan.run_folder(trial), "interrupted")
        if request.signum:
            raise Stopped(request.signum)
    return outcomes


class Slot:
    """A place for one trial at a time: a single worker process, replaced when it dies."""

    def __init__(self) -> None:
        self._executor = self._new_executor()

    def submit(self, trial: Trial, folder: RunFolder, context: dict[str, Any]) -> "Future[Outcome]":
        """Have the worker train `trial`."""
        try:
            return self._submit(trial, folder, context)
        except BrokenProcessPool:  # it died while it had nothing to do
            self._renew()
            return self._submit(trial, folder, context)

    def outcome_of(self, future: "Future[Outcome]", folder: RunFolder) -> Outcome:
        """What came of a finished trial; if its worker died, end its log and make the slot whole again."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            outcome = Outcome("failed", f"its worker process died{_exit_code(error)}")
            self._renew()
            close_log(folder, outcome.status, error=outcome.error)
            return outcome

    def close(self, *, kill: bool) -> None:
        """Let the worker go, or end it at once with whatever it is training."""
        with _held_back_signals():  # loky ends a worker by commands that a second Ctrl-C would reach
            self._executor.shutdown(wait=True, kill_workers=kill)

    def _submit(self, trial: Trial, folder: RunFolder, context: dict[str, Any]) -> "Future[Outcome]":
        with _held_back_signals():  # the worker, which this call may start, inherits that until it is ready
            future: Future[Outcome] = self._executor.submit(run_trial, trial, folder, context)
        return future

    def _renew(self) -> None:
        self.close(kill=True)
        self._executor = self._new_executor()

    @staticmethod
    def _new_executor() -> Any:
        with _held_back_signals():  # this starts loky's tracker of shared resources
            return ProcessPoolExecutor(
                max_workers=1, initializer=_enter_worker, initargs=(os.getpid(),), env=worker_variables()
            )


def close_log(folder: RunFolder, status: str, **fields: Any) -> None:
    """Write the end that a dead worker could not write; not if it did, or if nothing was ever written."""
    if not folder.log.exists():
        return
    # On a full disk it stays without an end, and thus interrupted; where it is busy, somebody else trains it now.
    with contextlib.suppress(OSError, BusyError), LogWriter(folder.log) as log:
        if not read_run(folder).end and folder.log.stat().st_size:
            log.write("end", status=status, **fields)


@dataclass
class StopRequest:
    """Whether a signal has asked the runner to stop: its number, or 0."""

    signum: int = 0


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Have the signals that ask a program to stop noted, so that what is under way is brought to an end in order."""
    request = StopRequest()

    def note(signum: int, _frame: object) -> None:
        request.signum = signum

    before = [signal.signal(each, note) for each in STOP_SIGNALS]
    try:
        yield request
    finally:
        for each, previous in zip(STOP_SIGNALS, before, strict=True):
            signal.signal(each, previous)


@contextlib.contextmanager
def _held_back_signals() -> Iterator[None]:
    """Have signals to stop wait until the block ends, for processes that are started in it as well."""
    resource_tracker.ensure_running()  # every worker needs it, and starting it would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _enter_worker(runner: int) -> None:
    """In the worker, first: leave what a terminal sends to all its processes to the runner, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def watch() -> None:
        while os.getppid() == runner:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-runner").start()


def _exit_code(error: BaseException) -> str:
    """Such as " (SIGKILL(-9))", which loky finds out."""
    codes: Sequence[str] = re.findall(r"\{([^{}]+)\}", str(error))
    return f" ({codes[-1]})" if codes else ""
