"""Makes this process a worker, as soon as its interpreter has started.

It imports nothing that Python has not imported by then, undoes what brought it here, so that what the worker starts is
not affected, and gives way to the `sitecustomize` that it stands in front of, if there is one.
"""

import _thread
import os
import signal
import sys
import time

WATCH_SECONDS = 0.2  # how long a worker outlives its runner, at most


def enter(runner: int) -> None:
    """Make this process a worker of the process `runner`."""
    # A terminal sends these to all its processes; the runner decides what becomes of them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # The runner held back signals for as long as a worker could not tell them apart.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    _thread.start_new_thread(_watch, (runner,))


def _watch(runner: int) -> None:
    while os.getppid() == runner:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _give_way() -> None:
    """Leave the interpreter as it would be without this module."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not imported yet
    sys.path[:] = [place for place in sys.path if place != here]
    paths = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place and place != here]
    if paths:
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    else:
        os.environ.pop("PYTHONPATH", None)
    own = sys.modules.pop(__name__)
    try:
        __import__(__name__)  # another one, or none
    except ModuleNotFoundError:
        sys.modules[__name__] = own


if __name__ == "sitecustomize":
    _runner = int(os.environ.pop("NNLITE_RUNNER", "0"))
    if _runner == os.getppid():
        enter(_runner)
    elif _runner and not _is_alive(_runner):  # it has gone already
        os._exit(1)
    _give_way()
