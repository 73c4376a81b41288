"""Trials on a ray cluster, through joblib's backend for it.

ray's backend is a pool of actors that are given tasks in turn, busy or not, and are not replaced when they die. So each
connection has a pool of a single actor, which ray starts wherever a processor is free.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Else a thread of ray's that still asks for a result after `close` would start a new cluster on this machine.
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")

import ray
from joblib import cpu_count
from ray.exceptions import RayActorError, RayError
from ray.util.joblib.ray_backend import RayBackend
from ray.util.multiprocessing import Pool
from ray.util.multiprocessing.pool import ResultThread
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nnlite.errors import NnliteError
from nnlite.sweep.remote.errand import Call
from nnlite.sweep.remote.slot import Connection, WorkerLostError


@dataclass(frozen=True)
class RayMailbox:
    """A queue on the driver's machine, seen from a worker."""

    queue: Any

    def send(self, message: bytes) -> None:
        """Put it into the queue."""
        self.queue.put(message)

    def is_awaited(self) -> bool:
        """True: what nobody waits for is ended by ray itself, with its actor."""
        return True


class RayCluster:
    """The cluster at `address`.

    Args:
        address: such as host:6379; default: the one that RAY_ADDRESS names or that runs here, else a new one here,
            which ends with the driver.

    Raises:
        NnliteError: there is none, or it has no processors.
    """

    def __init__(self, address: str | None) -> None:
        self.name = f"the ray cluster at {address}" if address else "the ray cluster"
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        try:
            try:
                ray.init(address or "auto", **quiet)
            except ConnectionError:
                if address:
                    raise
                ray.init("local", num_cpus=cpu_count(), include_dashboard=False, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise NnliteError(f"{self.name} does not answer ({error}); start one with: ray start --head") from None
        self.count = int(ray.cluster_resources().get("CPU", 0))
        if not self.count:
            ray.shutdown()
            raise NnliteError(f"{self.name} has no processors; start workers with: ray start --address HOST:6379")
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        self.mailbox = RayMailbox(self._queue)

    def connect(self) -> Connection:
        """An instance of joblib's backend, with an actor of its own; waits for a free processor."""
        return _RayConnection()

    def receive(self, seconds: float) -> list[bytes]:
        """The next message in the queue."""
        try:
            return [self._queue.get(timeout=seconds)]
        except Empty:
            return []

    def close(self) -> None:
        """Disconnect, and end a cluster that was started for this."""
        threading.excepthook = _without_results(threading.excepthook)
        ray.shutdown()


def _without_results(show: Callable[[threading.ExceptHookArgs], object]) -> Callable[[threading.ExceptHookArgs], Any]:
    """`show`, but for what ends ray's threads that wait for a result which nobody wants any more."""
    return lambda args: None if isinstance(args.thread, ResultThread) else show(args)


class _OneActor(RayBackend):  # type: ignore[misc]
    """joblib's backend with a single actor, in whose place joblib would otherwise take this very process."""

    def __init__(self) -> None:
        super().__init__()
        self._pool = Pool(1, ray_remote_args={"num_cpus": 1, "max_restarts": 0})


class _RayConnection:
    def __init__(self) -> None:
        try:
            self._backend = _OneActor()
        except RayError as error:
            raise WorkerLostError(str(error).splitlines()[0]) from error

    def submit(self, call: Call, on_end: Callable[[Callable[[], list[str]]], None]) -> None:
        """Have the actor make `call`."""
        self._backend.submit(call, callback=lambda result: on_end(lambda: self._result(result)))

    def close(self) -> None:
        """End the actor."""
        with contextlib.suppress(RayError):
            self._backend.terminate()

    def _result(self, result: object) -> list[str]:
        if isinstance(result, RayActorError):
            raise WorkerLostError("its actor has died") from result
        if isinstance(result, BaseException):
            raise result
        returned: list[str] = self._backend.retrieve_result_callback(result)
        return returned
