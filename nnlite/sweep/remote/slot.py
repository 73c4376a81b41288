"""The driver's side: a place for one trial at a time on some worker of a cluster, whose news it writes down.

Each place has a connection of its own: an instance of joblib's backend for the cluster, which starts and feeds the
workers. `joblib.Parallel` itself is no use here: one lost worker, or one exception, ends its whole call, siblings and
queue included, and nothing is heard before a task has ended. So the backend is given one task at a time, as `Parallel`
would; if it or its worker is lost, or the trial must end, the connection is closed, which ends what it had started
alone, and the next trial gets another.

While a trial trains elsewhere, the driver holds the lock on its log. A try at a trial that loses its worker ends as
interrupted, and the trial goes on from the last checkpoint that arrived, wherever there is room.
"""

import contextlib
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import version
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Protocol, Self

from nnlite.data import cache_dir
from nnlite.errors import BusyError, NnliteError
from nnlite.models import Training
from nnlite.models.reference import reference_path
from nnlite.runs import LogWriter, RunFolder, read_run
from nnlite.runs.events import decode
from nnlite.sweep.blame import explain
from nnlite.sweep.limits import Limits
from nnlite.sweep.places import Place
from nnlite.sweep.remote.errand import Call, Errand, Mailbox
from nnlite.sweep.remote.parcel import News, pack, unpack
from nnlite.sweep.slot import close_as_failed
from nnlite.sweep.strategy import Task
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome, outcome_of

MOST_LOSSES = 3  # of a trial's workers, one after the other and no epoch in between: then it is the trial that kills
RECEIVE_SECONDS = 0.2
LAST_MESSAGE_SECONDS = 10.0  # after the backend has said that its task has ended
ENDING_SECONDS = 1.0  # what connections get to end what they have started, before the driver leaves


class WorkerLostError(Exception):
    """A worker went away with the task that it was at."""


class Connection(Protocol):
    """One task at a time, through an instance of joblib's backend."""

    def submit(self, call: Call, on_end: Callable[[Callable[[], list[str]]], None]) -> None:
        """Have a worker make `call`; then `on_end` is given what returns its result, or raises.

        That raises `WorkerLostError` if the worker is to blame.
        """

    def close(self) -> None:
        """End the task, if there is one, on the worker as well."""


class Cluster(Protocol):
    """A cluster that the driver is connected to.

    Attributes:
        name: of it, in sentences.
        count: how many trials its workers have room for at a time.
    """

    name: str
    count: int

    @property
    def mailbox(self) -> Mailbox:
        """A worker's way to send what `receive` returns."""

    def connect(self) -> Connection:
        """A further connection; this may wait for a worker."""

    def receive(self, seconds: float) -> list[bytes]:
        """What workers have sent; waits so long, at most, if there is nothing."""

    def close(self) -> None:
        """Disconnect; the cluster itself stays as it is."""


class RemotePlaces:
    """Places on the workers of a cluster.

    Args:
        connect: connects to the cluster, when the first place is about to be asked for.
    """

    keep_limits = True
    cluster: Cluster

    def __init__(self, connect: Callable[[], Cluster]) -> None:
        self.count = 0
        self._connect = connect
        self._slots: list[RemoteSlot] = []
        self._inboxes: dict[str, SimpleQueue[_Item]] = {}
        self._closed = False
        self._lost = ""
        self._postman = threading.Thread(target=self._deliver, daemon=True, name="postman")

    def place(self, make: Callable[[Trial], Training], limits: Limits) -> Place:
        """A place that takes a worker with its first trial."""
        self._slots.append(RemoteSlot(self, make, limits))
        return self._slots[-1]

    def __enter__(self) -> Self:
        self.cluster = self._connect()
        self.count = self.cluster.count
        self._postman.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        deadline = time.monotonic() + ENDING_SECONDS
        for slot in self._slots:
            slot.join(deadline - time.monotonic())
        self._closed = True
        self._postman.join(2 * RECEIVE_SECONDS)
        self.cluster.close()

    @contextlib.contextmanager
    def delivery(self, errand: str, inbox: "SimpleQueue[_Item]") -> Iterator[None]:
        """Have what arrives about `errand` put into `inbox`."""
        self._inboxes[errand] = inbox
        try:
            if self._lost:
                inbox.put(NnliteError(self._lost))
            yield
        finally:
            del self._inboxes[errand]

    def _deliver(self) -> None:
        while not self._closed:
            try:
                for message in self.cluster.receive(RECEIVE_SECONDS):
                    news: News = pickle.loads(message)  # noqa: S301 - from our own workers
                    addressee = self._inboxes.get(news.errand)
                    if addressee is not None:  # else it is from a worker that was taken for lost
                        addressee.put(news)
            except Exception as error:  # noqa: BLE001 - the cluster's library fails in many ways
                self._lost = f"the connection to {self.cluster.name} is lost ({explain(error)})"
                for inbox in list(self._inboxes.values()):
                    inbox.put(NnliteError(self._lost))
                return


@dataclass(frozen=True)
class _Ended:
    """The backend's word that a task has ended."""

    errand: str
    result: Callable[[], list[str]]


class _Stop:
    """The runner's word that a task is to end."""


class _Stopped(Exception):  # noqa: N818 - no error
    """The task has been ended by the runner."""


_Item = News | _Ended | _Stop | NnliteError


class RemoteSlot:
    """A place for one trial at a time on some worker."""

    def __init__(self, places: RemotePlaces, make: Callable[[Trial], Training], limits: Limits) -> None:
        self.places = places
        self.make = make
        self.limits = limits
        self._connection: Connection | None = None
        self._trip: _Trip | None = None

    def submit(self, task: Task, folder: RunFolder, context: dict[str, Any]) -> "Future[Outcome]":
        """Have some worker carry out `task`."""
        self._trip = _Trip(self, task, folder, context)
        self._trip.start()
        return self._trip.future

    def outcome_of(self, future: "Future[Outcome]", _task: Task, _folder: RunFolder) -> Outcome:
        """What came of a finished task."""
        return future.result()

    def end(self, task: Task, folder: RunFolder, reason: str) -> Outcome:
        """End the task wherever it is, and its log here."""
        self.close(kill=True)
        return close_as_failed(task, folder, reason)

    def close(self, *, kill: bool) -> None:
        """Let the worker go; with `kill`, have it end what it is at."""
        if self._trip and self._trip.is_alive() and kill:
            self._trip.stop()
        else:
            self.disconnect()

    def join(self, seconds: float) -> None:
        """Wait at most so long for the end of what `close` has ended."""
        if self._trip:
            self._trip.join(max(0.0, seconds))

    def connect(self) -> Connection:
        """The connection, made if need be."""
        if self._connection is None:
            self._connection = self.places.cluster.connect()
        return self._connection

    def disconnect(self) -> None:
        """End what the worker is at; the next connection is another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _Trip(threading.Thread):
    """One task's way to the workers and home; a thread, since a worker may be long in coming."""

    def __init__(self, slot: RemoteSlot, task: Task, folder: RunFolder, context: dict[str, Any]) -> None:
        super().__init__(daemon=True, name=f"trip of {folder.name}")
        self.future: Future[Outcome] = Future()
        self._slot = slot
        self._task = task
        self._folder = folder
        self._context = context
        self._inbox: SimpleQueue[_Item] = SimpleQueue()
        self._epochs = 0  # that have arrived
        self._log_is_closed = threading.Event()

    def run(self) -> None:
        """Bring the task's outcome home."""
        try:
            with LogWriter(self._folder.log) as log:
                outcome = self._bring_home(log)
        except _Stopped:
            self._log_is_closed.set()
            self._slot.disconnect()
        except BusyError:
            self.future.set_result(Outcome("busy", "another process is training it"))
        except NnliteError as error:
            self._slot.disconnect()
            self.future.set_exception(error)
        except Exception as error:  # noqa: BLE001 - as in a worker: what cannot be written down costs that trial alone
            self._slot.disconnect()
            self.future.set_result(outcome_of(error))
        else:
            self.future.set_result(outcome)
        finally:
            self._log_is_closed.set()

    def stop(self) -> None:
        """End the task; when this returns, its log is free."""
        self._inbox.put(_Stop())
        self._log_is_closed.wait(ENDING_SECONDS)

    def _bring_home(self, log: LogWriter) -> Outcome:
        losses = 0
        while True:
            before = self._epochs
            try:
                return self._send_out(log)
            except WorkerLostError as error:
                self._slot.disconnect()
                losses = 1 if self._epochs > before else losses + 1
                if losses == MOST_LOSSES:
                    reason = f"its worker was lost {losses} times, and no epoch trained in between: {error}"
                    self._close(log, "failed", reason)
                    return Outcome("failed", reason)
                self._close(log, "interrupted", f"its worker was lost: {error}; it goes on elsewhere")
            except NnliteError as error:
                self._close(log, "interrupted", str(error))
                raise

    def _send_out(self, log: LogWriter) -> Outcome:
        self._folder.remove_leftovers()
        places, slot = self._slot.places, self._slot
        errand = Errand(
            uuid.uuid4().hex,
            self._task,
            self._context,
            slot.limits,
            slot.make,
            pack(self._folder),
            _cached(self._task.trial),
            places.cluster.mailbox,
        )
        with places.delivery(errand.id, self._inbox):
            slot.connect().submit(Call(errand), lambda result: self._inbox.put(_Ended(errand.id, result)))
            return self._receive(errand, log)

    def _receive(self, errand: Errand, log: LogWriter) -> Outcome:
        token, number = "", 0
        patience: float | None = None
        while True:
            try:
                item = self._inbox.get(timeout=patience)
            except Empty:
                raise WorkerLostError("what it sent last has not arrived") from None
            match item:
                case _Stop():
                    raise _Stopped
                case NnliteError():
                    raise item
                case _Ended(errand.id, result):
                    self._check(result)
                    patience = LAST_MESSAGE_SECONDS
                case News(errand.id):
                    if token and item.token != token:
                        raise WorkerLostError("the cluster has given the trial to another")
                    if item.number != number:
                        raise WorkerLostError("something that it sent has not arrived")
                    token, number = item.token, number + 1
                    self._write_down(item, log)
                    if item.outcome:
                        return item.outcome

    def _check(self, result: Callable[[], list[str]]) -> None:
        """Raise what a backend says has happened to a task."""
        try:
            (refusal,) = result()
        except WorkerLostError:
            raise
        except Exception as error:
            needed = f"nnlite {version('nnlite')} and what it needs must be installed there"
            name = self._slot.places.cluster.name
            raise NnliteError(f"a worker of {name} cannot train ({explain(error)}): {needed}") from error
        if refusal:
            raise NnliteError(refusal)

    def _write_down(self, news: News, log: LogWriter) -> None:
        for line in news.lines.splitlines():
            self._epochs += decode(line)["event"] == "epoch"
        log.append(news.lines)
        unpack(self._folder, news.files)

    def _close(self, log: LogWriter, status: str, error: str) -> None:
        if self._folder.log.stat().st_size and not read_run(self._folder).end:
            log.write("end", status=status, error=error)


def _cached(trial: Trial) -> dict[str, bytes]:
    """What a worker needs of the driver's cache: a GAN's judge, which another processor might train otherwise."""
    if trial.model != "gan":
        return {}
    path = reference_path(trial.dataset)
    return {path.relative_to(cache_dir()).as_posix(): path.read_bytes()}
