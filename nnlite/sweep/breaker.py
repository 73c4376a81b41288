"""The circuit breaker: when trials fail alike one after the other, it is not the trials that are at fault.

It also ends a call whose time is up: both keep further trials from being started, and leave those that run alone.
"""

import re

from nnlite.runs.quantities import duration
from nnlite.sweep.worker import Outcome

# What differs between two failures of one kind: addresses, run ids, sizes, pids, epochs.
VARIABLE = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{12}\b|\d+(\.\d+)?")


class Breaker:
    """Hears of every attempt's outcome, and says when no more trials should start.

    Args:
        max_failures: so many trials that fail alike in a row are enough; 0: none are.
        fail_fast: one failure is enough.
        total: seconds after which no more trials should start; None: never.

    Attributes:
        reason: why no more trials should start, as a sentence; empty as long as they should.
    """

    def __init__(self, max_failures: int, *, fail_fast: bool = False, total: float | None = None) -> None:
        self._max_failures = max_failures
        self._total = total
        self._fail_fast = fail_fast
        self._kind = ""
        self._alike: set[str] = set()  # a trial that was tried again and failed again is one trial
        self.reason = ""

    def note(self, trial: str, outcome: Outcome) -> None:
        """Take note of how an attempt at the trial with the id `trial` ended."""
        if outcome.status == "interrupted":  # the system is at fault, and any other trial would end like this one
            self._trip(f"no trial can be trained here and now: {outcome.error}")
            return
        if outcome.status != "failed":
            self._alike.clear()
            return
        kind = VARIABLE.sub("#", outcome.error)
        if kind != self._kind:
            self._kind = kind
            self._alike.clear()
        self._alike.add(trial)
        if self._fail_fast:
            self._trip(f"a trial failed ({outcome.error})")
        elif 0 < self._max_failures <= len(self._alike):
            self._trip(f"{len(self._alike)} trials failed alike one after the other, the last: {outcome.error}")

    def tick(self, seconds: float) -> None:
        """Take note that the call has taken so many seconds."""
        if self._total is not None and seconds > self._total:
            self._trip(f"the time of this call is up (limits.total: {duration(self._total)})")

    def _trip(self, what: str) -> None:
        self.reason = self.reason or f"the sweep stops early, since {what}"
