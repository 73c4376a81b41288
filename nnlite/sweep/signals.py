"""The signals that ask a program to stop: the runner notes them, and the processes that it starts are kept from them.

The first signal is noted, and the runner brings what is under way to an end in order, which takes a fraction of a
second. After a second one the process leaves, whatever it may be waiting for; the logs say the same to their readers.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAST_RESORT_SECONDS = 0.5  # what an end in order, under way already, still gets after a second signal


@dataclass
class StopRequest:
    """Whether a signal has asked the runner to stop: its number, or 0."""

    signum: int = 0


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Have the signals that ask a program to stop noted, so that what is under way is brought to an end in order."""
    request = StopRequest()
    leave: list[threading.Timer] = []

    def note(signum: int, _frame: object) -> None:
        if request.signum and not leave:
            # A worker ends itself when its runner has gone.
            leave.append(threading.Timer(LAST_RESORT_SECONDS, os._exit, [128 + request.signum]))
            leave[0].daemon = True
            leave[0].start()
        request.signum = request.signum or signum

    before = [signal.signal(each, note) for each in STOP_SIGNALS]
    try:
        yield request
    finally:
        for timer in leave:
            timer.cancel()
        for each, previous in zip(STOP_SIGNALS, before, strict=True):
            signal.signal(each, previous)


@contextlib.contextmanager
def held_back_signals() -> Iterator[None]:
    """Have signals to stop wait until the block ends, for processes that are started in it as well."""
    resource_tracker.ensure_running()  # every worker needs it, and starting it would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
