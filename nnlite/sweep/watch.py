"""How long an attempt at a trial has taken, and how long nothing was heard of it: for a sweep's limits."""

import time

from nnlite.runs import RunFolder
from nnlite.runs.quantities import duration
from nnlite.sweep.limits import Limits

LONGEST_TICK = 2.0  # seconds; a tick is a fraction of one unless the whole program was halted
START_SECONDS = 60.0  # what a worker may take to start, on a system that is busy, on top of any limit


class Clock:
    """The seconds that this process was awake for: Ctrl-Z and a laptop's sleep take no time from a trial."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.seconds = 0.0

    def tick(self) -> None:
        """Time has passed; to be called several times a second."""
        now = time.monotonic()
        self.seconds += min(now - self._last, LONGEST_TICK)
        self._last = now


class Watch:
    """Over one attempt, from now; its time counts from the first sign of life.

    Args:
        folder: where the attempt leaves its log, whose growth is that sign.
        clock: tells the time.
    """

    def __init__(self, folder: RunFolder, clock: Clock) -> None:
        self._log = folder.log
        self._clock = clock
        self._size = self._size_of_log()
        self._started = self._heard = clock.seconds + START_SECONDS

    def overdue(self, limits: Limits) -> str:
        """Which of the `limits` the attempt has passed, as the reason of its end; empty if none."""
        if limits.timeout is None and limits.stall is None:
            return ""
        now = self._clock.seconds
        if (size := self._size_of_log()) != self._size:
            self._size, self._heard = size, now
            self._started = min(self._started, now)
        if limits.timeout is not None and now - self._started > limits.timeout:
            return f"not done after {duration(now - self._started)} (limits.timeout: {duration(limits.timeout)})"
        if limits.stall is not None and now - self._heard > limits.stall:
            return f"no new epoch for {duration(now - self._heard)} (limits.stall: {duration(limits.stall)})"
        return ""

    def _size_of_log(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0
