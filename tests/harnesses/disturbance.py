"""Signals to the processes of a sweep, drawn from a seed: which, to whom, and when."""

import contextlib
import os
import random
import signal
import time
from collections import Counter

import psutil
from sweep_processes import Driver, trials_below

STOPS_DRIVER = ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", "SIGQUIT")
# As a terminal sends them; SIGKILL and SIGQUIT would leave nobody to clear up, such as joblib's tracker of semaphores.
GROUP = ("SIGINT", "SIGTERM", "SIGHUP")
KINDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGSTOP")  # a SIGCONT follows each SIGSTOP
STOPPED = (0.1, 1.0)  # seconds
BETWEEN = (0.05, 0.7)
LIFE = (0.6, 6.0)  # seconds that a driver is given before it is disturbed itself


class Disturbance:
    """Sends signals.

    Args:
        seed: of all draws; what they hit depends on the machine as well.

    Attributes:
        sent: how many signals, by target and kind.
    """

    def __init__(self, seed: int) -> None:
        self.sent: Counter[tuple[str, str]] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._due = 0.0

    @property
    def count(self) -> int:
        """How many signals have been sent."""
        return self.sent.total()

    def attend(self, driver: Driver, cluster=None, *, most: int) -> None:
        """Disturb a running call until it ends, or `most` signals have been sent in all."""
        self._due = self._random.uniform(*LIFE)
        while driver.running() and self.count < most:
            time.sleep(self._random.uniform(*BETWEEN))
            if driver.seconds >= self._due and driver.running():
                self._disturb_driver(driver)
            else:
                self._disturb_worker(driver, cluster)

    def _disturb_driver(self, driver: Driver) -> None:
        self._due = driver.seconds + self._random.uniform(*LIFE)
        kind = self._random.choice(KINDS)
        group = kind in GROUP and self._random.random() < 0.3
        times = 2 if kind in GROUP and self._random.random() < 0.2 else 1  # an impatient Ctrl-C
        for _ in range(times):
            if self._send("driver", kind, [driver.pid], group=group) and kind in STOPS_DRIVER:
                driver.sent.append(signal.Signals[kind])
            time.sleep(0.05 * (times - 1))

    def _disturb_worker(self, driver: Driver, cluster) -> None:
        trials = cluster.trials() if cluster else trials_below(driver.pid)
        hosts = cluster.workers() if cluster else []
        if hosts and self._random.random() < 0.4:
            name, found = f"{cluster.kind} worker", hosts
        else:
            name, found = ("trial on " + cluster.kind if cluster else "worker"), trials
        if found:
            self._send(name, self._random.choice(KINDS), [self._random.choice(found).pid])

    def _send(self, target: str, kind: str, pids: list[int], *, group: bool = False) -> bool:
        """Whether there was anybody to get it."""
        send = os.killpg if group else os.kill
        try:
            send(pids[0], signal.Signals[kind])
        except ProcessLookupError:
            return False
        if kind == "SIGSTOP":
            try:
                time.sleep(self._random.uniform(*STOPPED))
            finally:
                with contextlib.suppress(ProcessLookupError):
                    send(pids[0], signal.SIGCONT)
        self.sent[target, kind] += 1
        return True


def continue_all(pids) -> None:
    """Let go on what may have been stopped."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_STOPPED:
                process.resume()
