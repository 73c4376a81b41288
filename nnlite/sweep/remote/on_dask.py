"""Trials on a dask cluster, through joblib's backend for it.

dask itself tries a task again whose worker has died. It would begin with what the first worker was given, so the driver
takes the second try's first message for the news that the first is lost, and sends the trial anew, with the latest
checkpoint. Closing a client releases its tasks: that is how a worker hears that nobody waits for one any more.
"""

import contextlib
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass

import dask
from distributed import Client, KilledWorker, Queue, get_client, get_worker
from distributed.comm import resolve_address
from joblib import parallel_config
from joblib.parallel import get_active_backend

from nnlite.errors import InputError, NnliteError
from nnlite.sweep.remote.errand import Call
from nnlite.sweep.remote.slot import Connection, WorkerLostError

CONNECT_SECONDS = 10
WORKER_SECONDS = 10


@dataclass(frozen=True)
class DaskMailbox:
    """A queue on the scheduler, seen from a worker."""

    queue: str

    def send(self, message: bytes) -> None:
        """Put it into the queue."""
        Queue(self.queue, client=get_client()).put(message)

    def is_awaited(self) -> bool:
        """Whether the scheduler still wants the task of this thread."""
        worker = get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
        return task is not None and task.state == "executing"


class DaskCluster:
    """The cluster whose scheduler is at `address`.

    Args:
        address: such as tcp://host:8786; default: what dask is configured with, by DASK_SCHEDULER_ADDRESS for instance.

    Raises:
        InputError: there is no address, or it is none.
        NnliteError: no scheduler answers there, or it has no workers.
    """

    def __init__(self, address: str | None) -> None:
        self.address = address or dask.config.get("scheduler-address", None)
        if not self.address:
            raise InputError("--backend dask needs --address tcp://HOST:PORT, which `dask scheduler` prints")
        self.name = f"the dask cluster at {self.address}"
        # What goes wrong there is told in a sentence; asyncio logs what nobody waited for as the connection closed.
        known = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
        for name in (*known, "asyncio", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            resolve_address(self.address)
            self._client = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
        except ValueError as error:
            raise InputError(f"--address {self.address}: {error}") from None
        except OSError:  # a timeout is one
            raise NnliteError(f"no dask scheduler answers at {self.address}; start one with: dask scheduler") from None
        with contextlib.suppress(TimeoutError):
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        self.count = sum(self._client.nthreads().values())
        if not self.count:
            self._client.close()
            raise NnliteError(f"{self.name} has no workers; start some with: dask worker {self.address} --nthreads 1")
        self._queue = Queue(f"nnlite-{uuid.uuid4().hex}", client=self._client)
        self.mailbox = DaskMailbox(self._queue.name)

    def connect(self) -> Connection:
        """An instance of joblib's backend, with a client of its own."""
        return _DaskConnection(self.address)

    def receive(self, seconds: float) -> list[bytes]:
        """What is in the queue."""
        # A time-out of the queue's own would be a traceback in the scheduler's log, twice a second.
        messages: list[bytes] = self._queue.get(batch=True)
        if not messages:
            time.sleep(seconds)
        return messages

    def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(Exception):  # the scheduler may have gone
            self._queue.close()
        self._client.close(timeout=1)


class _DaskConnection:
    def __init__(self, address: str) -> None:
        try:
            with parallel_config("dask", scheduler_host=address, pure=False):
                self._backend, _ = get_active_backend()
        except OSError as error:
            raise NnliteError(f"the dask cluster at {address} does not answer any more") from error
        self._backend.start_call()

    def submit(self, call: Call, on_end: Callable[[Callable[[], list[str]]], None]) -> None:
        """Have a worker make `call`."""
        future = self._backend.submit(call, callback=lambda _result: None)
        future.add_done_callback(lambda future: on_end(lambda: self._result(future)))

    def close(self) -> None:
        """Release the task."""
        self._backend.stop_call()
        self._backend.client.close(timeout=1)

    def _result(self, future: "Future[object]") -> list[str]:
        try:
            result: list[str] = self._backend.retrieve_result_callback(future.result())
        except (KilledWorker, CancelledError) as error:
            raise WorkerLostError(str(error)) from error
        return result
