"""A claim: one driver's hold on a sweep's folder, so that two calls of the same sweep do not share out its trials.

It is the operating system's lock on a small file in the folder, which says who holds it. The system drops the lock when
the driver dies, however it dies; the file itself stays where it is, since removing a locked file would let two in. Who
removes the folder itself, or moves it away, takes the claim with it: its driver sees that, and ends.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnlite.errors import BusyError, InputError, NnliteError
from nnlite.files import is_open_ours
from nnlite.runs.log import lock, utc_now

CLAIM_NAME = ".driver"
_BEGINNING = b'{"pid": '


@dataclass(frozen=True)
class Claim:
    """A hold on `folder`, by the lock on the open `file`."""

    folder: Path
    file: int

    def check(self) -> None:
        """See that `folder` is still the one that was claimed.

        Raises:
            NnliteError: it is not: somebody has removed it, moved it away, or put another in its place.
        """
        held = os.fstat(self.file)
        try:
            is_there = os.path.samestat(held, (self.folder / CLAIM_NAME).lstat())
        except OSError:
            is_there = False
        if not is_there:
            raise NnliteError(
                f"{self.folder} was removed, moved or replaced while its trials were training, so they end here; "
                "where the folder is now, the same command goes on"
            )


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[Claim]:
    """Be the only driver of the sweep in `folder`, which is made if need be.

    Raises:
        BusyError: another driver is at work there; the sentence says which.
        InputError: `folder` cannot be a folder, or a file in it that is not ours has the name of the lock.
        NnliteError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(folder / CLAIM_NAME, flags, 0o644)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{folder}: it, or what it lies in, is no folder") from None
    except OSError as error:
        raise NnliteError(f"{folder} cannot be written to: {(error.strerror or str(error)).lower()}") from None
    try:
        try:
            lock(file, patience=0.0)
        except BlockingIOError:
            raise BusyError(f"{folder} is being trained by {_holder(file)}; wait for it, or stop it") from None
        if not is_open_ours(file, _BEGINNING):
            raise InputError(f"{folder / CLAIM_NAME} was not made by nnlite, whose lock has that name; move it away")
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": utc_now()}).encode(), 0)
        yield Claim(folder, file)
    finally:
        os.close(file)


def _holder(file: int) -> str:
    try:
        holder = json.loads(os.pread(file, 1000, 0))
        return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
    except (ValueError, TypeError, KeyError, RecursionError):
        return "another process"
