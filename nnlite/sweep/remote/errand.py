"""An errand: one task, carried out on a worker that has nothing but this message and a copy of the dataset.

It trains in a temporary folder, in a process of its own as on the driver's machine: so a crash, a lack of memory or a
limit of time ends the trial and not the worker, and BLAS has one thread from the start. What the folder gains is sent
home several times a second. When nobody waits for it any more, it ends.
"""

import inspect
import multiprocessing
import pickle
import socket
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from nnlite.data import Dataset, locate
from nnlite.errors import InputError, NnliteError
from nnlite.models import Training
from nnlite.models.reference import REFERENCE
from nnlite.runs import RunFolder
from nnlite.runs.paths import RUN_FILES
from nnlite.scratch import scratch
from nnlite.sweep.limits import Limits
from nnlite.sweep.remote import arrival
from nnlite.sweep.remote.parcel import Changes, News, unpack, unpack_cache
from nnlite.sweep.slot import Slot
from nnlite.sweep.strategy import Task
from nnlite.sweep.trials import Trial
from nnlite.sweep.watch import Clock, Watch
from nnlite.sweep.worker import Outcome

NEWS_SECONDS = 0.25  # how often what is new is sent
# What an errand lays into its scratch folder: the run's folder, and a cache for the trial's process.
SCRATCH = rf"run/({RUN_FILES})?|cache/(reference/({REFERENCE})?|idx/([0-9a-f]{{64}})?)?"


Files = Mapping[str, bytes]
NO_FILES: Files = {}


class Mailbox(Protocol):
    """A worker's way home."""

    def send(self, message: bytes) -> None:
        """Deliver `message` to the driver, in order."""

    def is_awaited(self) -> bool:
        """Whether anybody waits for what this task sends."""


@dataclass(frozen=True)
class Errand:
    """A task with all that a worker needs for it.

    Attributes:
        id: of the errand; each try has another.
        task: what to train, and how far.
        context: further fields of its start or resume event.
        limits: of which the time is kept by the worker.
        make: makes the trial's training.
        files: the run's so far, its log included.
        cached: what is to be in the cache folder beside, by path: a GAN's judge, which must be the same everywhere.
        mailbox: the way home.
    """

    id: str
    task: Task
    context: dict[str, Any]
    limits: Limits
    make: Callable[[Trial], Training]
    files: Files
    cached: Files
    mailbox: Mailbox


class Call:
    """The call of `run_errand` in the form in which joblib hands its backends work: callable, and with its items.

    It goes by way of `arrival`, and unpickles without a module of ours. The errand is pickled already: dask's backend
    would put larger objects on some worker first, and lose them with it.
    """

    _EXPRESSION = "exec(source, scope) or scope['carry_out'](sent_by, pickled)"

    def __init__(self, errand: Errand) -> None:
        self._variables = {
            "source": inspect.getsource(arrival),
            "scope": {},
            "sent_by": version("nnlite"),
            "pickled": pickle.dumps(errand),
        }
        self.items: list[tuple[Callable[..., str], tuple[str, dict[str, Any]], dict[str, Any]]] = [
            (eval, (self._EXPRESSION, self._variables), {})
        ]

    def __call__(self) -> list[str]:
        """Make the call; its result is in a list, as that of a batch of calls would be."""
        return [function(*arguments) for function, arguments, _ in self.items]

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return partial, (eval, f"[{self._EXPRESSION}]", self._variables)


def run_errand(sent_by: str, pickled: bytes) -> str:
    """Carry an errand out; all of what comes of it goes to its mailbox.

    Args:
        sent_by: the driver's version of nnlite.
        pickled: the `Errand`.

    Returns:
        Why this worker is not fit for any errand of that driver; empty if it is.
    """
    if (own := version("nnlite")) != sent_by:
        return f"the worker on {socket.gethostname()} has nnlite {own}, this is {sent_by}: install the same on both"
    errand: Errand = pickle.loads(pickled)  # noqa: S301 - a cluster runs what its users send, by pickle
    _Trip(errand).make()
    return ""


class _Trip:
    """One try at an errand."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._token = uuid.uuid4().hex
        self._sent = 0

    def make(self) -> None:
        self._send()  # it has begun
        with scratch("errand", SCRATCH) as folder:
            try:
                outcome = self._train(folder)
            except NnliteError as error:
                self._send(outcome=Outcome("failed", f"on {socket.gethostname()}: {error}"))
                return
            if outcome is not None:
                self._send(*self._changes.take(everything=True), outcome)

    def _train(self, place: Path) -> Outcome | None:
        """None if nobody wants to know."""
        errand = self._errand
        trial = errand.task.trial
        task = replace(errand.task, trial=replace(trial, dataset=_dataset_here(trial.dataset)))
        folder = RunFolder(place / "run")
        unpack(folder, errand.files)
        unpack_cache(place / "cache", errand.cached)
        self._changes = Changes(folder)
        _may_start_processes()
        slot = Slot(errand.make, {"NNLITE_CACHE": str(place / "cache")})
        try:
            clock = Clock()
            watch = Watch(folder, clock)
            future = slot.submit(task, folder, errand.context)
            while True:
                wait([future], timeout=NEWS_SECONDS)
                clock.tick()
                if future.done():
                    return slot.outcome_of(future, task, folder)
                if reason := watch.overdue(errand.limits):
                    return slot.end(task, folder, reason)
                if not errand.mailbox.is_awaited():
                    return None
                lines, files = self._changes.take()
                if lines or files:
                    self._send(lines, files)
        finally:
            slot.close(kill=True)

    def _send(self, lines: bytes = b"", files: Files = NO_FILES, outcome: Outcome | None = None) -> None:
        news = News(self._errand.id, self._token, self._sent, lines, files, outcome)
        self._errand.mailbox.send(pickle.dumps(news))
        self._sent += 1


def _dataset_here(wanted: Dataset) -> Dataset:
    """This machine's copy of the dataset `wanted`.

    Raises:
        NnliteError: it cannot be had, or is another.
    """
    found = locate(wanted.name)
    if found.checksum != wanted.checksum:
        raise InputError(
            f"the dataset {wanted.name} here is not the driver's: its checksum is {found.checksum[:12]}, "
            f"{wanted.checksum[:12]} is asked for"
        )
    return found


def _may_start_processes() -> None:
    """Have the trial's process be allowed, which ends with this worker by itself.

    What starts dask's workers marks them as daemons, so that they should leave no processes behind.
    """
    process = multiprocessing.current_process()
    if process.daemon:
        process.daemon = False
