"""A slot: a place for one trial at a time, in a worker process of its own.

Every slot is a loky executor with a single worker, so that a worker's death is its own trial's alone: one pool for all
would take the siblings and the queue with it. A worker whose runner has died ends itself.
"""

import contextlib
import errno
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from joblib.externals.loky.process_executor import ProcessPoolExecutor

from nnlite.errors import BusyError, InputError, NnliteError
from nnlite.models import Training
from nnlite.runs import LogWriter, RunFolder, read_run, why_unusable
from nnlite.sweep.blame import LIMITING_SIGNALS, OUT_OF_MEMORY, install_it, printable
from nnlite.sweep.environment import worker_variables
from nnlite.sweep.signals import held_back_signals
from nnlite.sweep.strategy import Task, is_met
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome, run_task

HANDING_OVER_SECONDS = 0.5
LOCK_SECONDS = 0.5  # how long the lock of a killed worker may take to drop


class Slot:
    """A place for one trial at a time: a single worker process, replaced when it dies.

    Args:
        make: makes a trial's training, in the worker.
        variables: of the worker's environment, beside those that `worker_variables` names.
    """

    def __init__(self, make: Callable[[Trial], Training], variables: Mapping[str, str] | None = None) -> None:
        self._make = make
        self._variables = {**worker_variables(), **(variables or {})}
        self._task: Future[Outcome] | None = None  # the last one
        self._executor: Any = None  # until there is something to do

    def submit(self, task: Task, folder: RunFolder, context: dict[str, Any]) -> "Future[Outcome]":
        """Have the worker carry out `task`."""
        try:
            return self._submit(task, folder, context)
        except BrokenProcessPool:  # it died while it had nothing to do
            self._renew()
            return self._submit(task, folder, context)

    def outcome_of(self, future: "Future[Outcome]", task: Task, folder: RunFolder) -> Outcome:
        """What came of a finished task; if its worker died, end its log and make the slot whole again."""
        try:
            return future.result()
        except BrokenProcessPool as error:
            if reason := _fault_of_the_system(error):
                self._renew()
                close_log(folder, "interrupted", error=reason)
                return Outcome("interrupted", reason)
            return self.end(task, folder, f"its worker process died{_exit_code(error)}")

    def end(self, task: Task, folder: RunFolder, reason: str) -> Outcome:
        """Kill the worker, if it lives, and all that it has started; end the task's log; make the slot whole again."""
        self._renew()
        return close_as_failed(task, folder, reason)

    def close(self, *, kill: bool = True) -> None:  # noqa: ARG002 - one that has nothing to do holds nothing, either
        """End the worker at once, with whatever it is training: to leave by itself, it takes 0.15 s."""
        # loky's thread would trip over a task that it has not handed to the worker yet, which takes it a moment.
        deadline = time.monotonic() + HANDING_OVER_SECONDS
        while self._task and not (self._task.running() or self._task.done()) and time.monotonic() < deadline:
            time.sleep(0.001)
        self._task = None
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)

    def _submit(self, task: Task, folder: RunFolder, context: dict[str, Any]) -> "Future[Outcome]":
        if self._executor is None:
            self._executor = self._new_executor()
        try:
            with held_back_signals():  # the worker, which this call may start, inherits that until it heeds them itself
                future: Future[Outcome] = self._executor.submit(run_task, task, folder, context, self._make)
        except OSError as error:
            raise _no_worker(error) from None
        self._task = future
        return future

    def _renew(self) -> None:
        self.close()
        self._executor = None

    def _new_executor(self) -> Any:
        try:
            with held_back_signals():  # this starts loky's tracker of shared resources
                return ProcessPoolExecutor(max_workers=1, env=self._variables)
        except OSError as error:
            raise _no_worker(error) from None


def _no_worker(error: OSError) -> NnliteError:
    """What to say when the system refuses a worker process, or what it takes to speak with one."""
    match error.errno:
        case errno.EAGAIN | errno.ENOMEM:
            way_out = "fewer --jobs need fewer processes and less memory; `ulimit -u` says how many are allowed"
        case errno.EMFILE | errno.ENFILE:
            way_out = "fewer --jobs need fewer open files; `ulimit -n` says how many are allowed"
        case _:
            way_out = "this system's semaphores, on Linux those in /dev/shm, must be at hand"
    return NnliteError(f"no worker process can be started ({(error.strerror or str(error)).lower()}): {way_out}")


def close_as_failed(task: Task, folder: RunFolder, reason: str) -> Outcome:
    """Write the end of a task whose worker has gone, and say what came of it."""
    close_log(folder, "failed", error=reason)
    with contextlib.suppress(OSError):
        run = read_run(folder)
        if not why_unusable(run) and is_met(task, run):  # it had done all that there was to do, and could not say so
            return Outcome(run.status, run.error)
    return Outcome("failed", reason)


def close_log(folder: RunFolder, status: str, **fields: Any) -> None:
    """Write the end that a dead worker could not write; not if it did, or if nothing was ever written."""
    if not folder.log.exists():
        return
    # On a full disk it stays without an end, and thus interrupted; where it is busy, somebody else trains it now.
    with contextlib.suppress(OSError, BusyError, InputError), LogWriter(folder.log, patience=LOCK_SECONDS) as log:
        if not (log.is_empty or read_run(folder).end):
            log.write("end", status=status, **fields)


def _exit_code(error: BaseException) -> str:
    """Such as " (SIGSEGV(-11))", which loky finds out; a SIGKILL is how a system without memory ends a process."""
    codes: Sequence[str] = re.findall(r"\{([^{}]+)\}", str(error))
    if not codes:
        return ""
    return f" ({codes[-1]})" + (f", as when {OUT_OF_MEMORY}" if "SIGKILL" in codes[-1] else "")


def _fault_of_the_system(error: BrokenProcessPool) -> str:
    """Why any other worker would have died as well; empty if it was this trial's doing, as far as can be told."""
    if error.__cause__ is not None and "un-serialize" in str(error):
        last = str(error.__cause__).rstrip('"\n').splitlines()[-1]
        return f"a worker process cannot load what it is to train ({printable(last)}); {install_it()}"
    exit_code = _exit_code(error)
    limits = (way_out for name, way_out in LIMITING_SIGNALS.items() if name in exit_code)
    return next((f"its worker process died{exit_code}; {way_out}" for way_out in limits), "")
