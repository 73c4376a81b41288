"""Who is to blame for an error: the trial in which it occurred, or the system, where every trial would meet it.

A limit of the system's and a module that cannot be imported are no trial's fault: the trial is interrupted, not failed,
the sweep stops at once, and the same command goes on with it once the system is in order.
"""

import errno
import socket
import sys
import traceback

# By error number, what to do about a limit of the system's.
LIMITS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EFBIG: "`ulimit -f` says how large a file may become",
    errno.EMFILE: "`ulimit -n` says how many files may be open",
    errno.ENFILE: "fewer programs at a time need fewer open files",
    errno.EROFS: "make the file system writable again",
    errno.ENOLCK: "the file system must have locks",
    errno.EAGAIN: "fewer --jobs need fewer processes; `ulimit -u` says how many are allowed",
}
NO_THREAD = "can't start new thread"  # CPython's only word for EAGAIN there
LIMITING_SIGNALS = {"SIGXCPU": "`ulimit -t` says how long a process may compute"}
OUT_OF_MEMORY = "the memory has run out: fewer --jobs, or a smaller model or batch, need less"


def explain(error: BaseException) -> str:
    """An exception as one line, without control characters."""
    return printable(f"{type(error).__name__}: {error}").removesuffix(":")


def printable(text: str) -> str:
    """A text as one line, without control characters."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def is_the_systems(error: BaseException) -> bool:
    """Whether any other trial would meet the error as well, here and now.

    Memory is not among the limits: how much of it a trial needs depends on its hyperparameters.
    """
    return isinstance(error, ImportError) or _limit(error) is not None


def reason_of(error: BaseException) -> str:
    """An exception as the reason of a trial's end, with the way out if one is known."""
    reason = explain(error)
    if isinstance(error, ImportError):
        return f"{_importer(error)} cannot import {error.name or 'a module'} ({reason}); {install_it()}"
    if isinstance(error, MemoryError):
        return f"{reason}; {OUT_OF_MEMORY}"
    return f"{reason}; {limit}" if (limit := _limit(error)) else reason


def install_it() -> str:
    """What to do where a worker cannot import a module."""
    return f"install it for {sys.executable} on {socket.gethostname()}: the environment is at fault, not the trial"


def _limit(error: BaseException) -> str | None:
    """What to do about the limit of the system's that the error tells of; None if it tells of none."""
    match error:
        case OSError():
            return LIMITS.get(error.errno or 0)
        case RuntimeError() if NO_THREAD in str(error):
            return LIMITS[errno.EAGAIN]
    return None


def _importer(error: ImportError) -> str:
    """Where the import that failed stands."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [frame for frame in frames if not frame.filename.startswith("<frozen")]
    return f"{places[-1].filename}:{places[-1].lineno}" if places else "the worker"
