"""What can go wrong through no fault of the code, one class per kind.

Each error is one sentence for the person at the command line: what is wrong, where, and what to do. The command line
alone turns them into a line on stderr and an exit code; a library user catches `NnliteError`.
"""

import difflib
from collections.abc import Iterable


class NnliteError(Exception):
    """Every error that nnlite raises about its input, its data or its surroundings."""


class InputError(NnliteError):
    """The command line or an input file is wrong: exit code 2."""


class NothingFoundError(NnliteError):
    """The place is right but holds nothing of what was asked for: exit code 1."""


class BusyError(NnliteError):
    """Another process holds the folder: exit code 1."""


class DataUnavailableError(NnliteError):
    """A dataset could be neither found nor downloaded: exit code 1."""


class Stopped(BaseException):
    """A signal asked the runner to stop: no error, so that nothing but the command line catches it."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


def nearest(name: str, known: Iterable[str]) -> str:
    """End of an error sentence about an unknown `name`: the likeliest meant, else all the known ones."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(names)}"
