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
IGNORED = (signal.SIG_IGN, None)  # what `signal.getsignal` returns where Python is not to handle a signal
# Told before any library that handles signals, such as ray, is imported.
INHERITED = tuple(each for each in STOP_SIGNALS if signal.getsignal(each) in IGNORED)
LAST_RESORT_SECONDS = 0.5  # what an end in order, under way already, still gets after a second signal


@dataclass
class StopRequest:
    """The number of the signal that asked the runner to stop, or 0."""

    signum: int = 0


@contextlib.contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Have the signals that ask a program to stop noted, so that what is under way is brought to an end in order.

    A signal that this process inherited as ignored stays ignored: SIGHUP under nohup, SIGINT in a shell's background.
    """
    request = StopRequest()
    leave: list[threading.Timer] = []

    def note(signum: int, _frame: object) -> None:
        if request.signum and not leave:
            # A worker ends itself when its runner has gone.
            leave.append(threading.Timer(LAST_RESORT_SECONDS, os._exit, [128 + request.signum]))
            leave[0].daemon = True
            leave[0].start()
        request.signum = request.signum or signum

    before = {each: signal.signal(each, signal.SIG_IGN if each in INHERITED else note) for each in _handled()}
    try:
        yield request
    finally:
        for timer in leave:
            timer.cancel()
        for each, previous in before.items():
            signal.signal(each, previous)


def _handled() -> list[signal.Signals]:
    """Those of `STOP_SIGNALS` that somebody handles, be it Python or the system by its default."""
    return [each for each in STOP_SIGNALS if signal.getsignal(each) not in IGNORED]


@contextlib.contextmanager
def held_back_signals() -> Iterator[None]:
    """Have signals to stop wait until the block ends, for processes that are started in it as well."""
    resource_tracker.ensure_running()  # every worker needs it, and starting it would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
