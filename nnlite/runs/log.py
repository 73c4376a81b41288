"""The run log: one JSON object a line, appended by one writer, readable at any moment.

Each line is an event, as `nnlite.runs.events` writes and reads it. A `LogWriter` holds the operating system's lock on
the file for as long as it lives, and the system drops that lock when the process dies: a run is running if, and only
if, its log is locked. A line that a crash tore is cut off by the next writer and skipped by every reader; it costs
itself alone.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from nnlite.errors import BusyError, InputError
from nnlite.runs.events import Event, NotAnEventError, decode, decode_epochs, encode, why_not_an_event

SCHEMA = 1
LONGEST_LINE = 1 << 20  # bytes; a longer line was not written by nnlite
# A reader that asks who writes holds the lock for a moment, a killed writer until it is quite dead.
PATIENCE = 2.0  # seconds

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # which some editors put before a text; it is no part of the first line
BLOCK = 1 << 18  # bytes that are looked through at a time


class LogWriter:
    """The only writer of the log at `path`, from construction until `close`.

    Args:
        path: the log; it and its folder are made if need be.
        patience: how many seconds to wait for another writer to go.

    Raises:
        BusyError: another process is writing this log.
        InputError: the log is of a schema that this version does not know; it is left as it is.
        OSError: the file cannot be created or opened, or is a symbolic link.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._taken_back_to: int | None = None  # the size before lines that were written in part
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            _check_is_file(self._file)
            lock(self._file, patience)
            check_schema(path)
            self._cut_torn_tail()
        except BlockingIOError:
            os.close(self._file)
            raise BusyError(f"{path} is being written by another process") from None
        except BaseException:
            os.close(self._file)
            raise

    @property
    def is_empty(self) -> bool:
        """Whether nothing has ever been written."""
        return os.fstat(self._file).st_size == 0

    def write(self, event: str, **fields: object) -> None:
        """Append one line; either all of it reaches the file or none (on a full disk, say: then OSError is raised)."""
        self.append(encode({"event": event, "time": utc_now(), **fields}) + b"\n")

    def append(self, lines: bytes) -> None:
        """Append whole lines of another log, all or none likewise."""
        self._take_back()
        size = os.fstat(self._file).st_size
        written = 0
        try:
            while written < len(lines):  # a nearly full disk writes less than it was given
                written += os.write(self._file, lines[written:])
        except BaseException:
            self._taken_back_to = size
            self._take_back()
            raise

    def sync(self) -> None:
        """Have what was written reach the disk, so that it outlives a power failure."""
        os.fsync(self._file)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _take_back(self) -> None:
        """Cut off what was written in part; a disk that refuses that is asked again before the next line."""
        if self._taken_back_to is not None:
            os.ftruncate(self._file, self._taken_back_to)
            self._taken_back_to = None

    def _cut_torn_tail(self) -> None:
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            block = os.pread(self._file, min(4096, end), max(0, end - 4096))
            newline = block.rfind(b"\n")
            if newline >= 0:
                end = end - len(block) + newline + 1
                break
            end -= len(block)
        if end < size:
            os.ftruncate(self._file, end)


def check_schema(path: Path) -> None:
    """Refuse to write to a log in which any attempt is of a schema that this version does not know.

    Raises:
        InputError: the log is of such a schema.
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        for line in _lines_with(b"start", file):
            try:
                event = decode(line)
            except (ValueError, RecursionError):
                continue
            if event["event"] == "start" and schema_of(event) is None:
                raise InputError(
                    f"{path} is of schema {event['schema']!r:.40}, and this version of nnlite writes schema {SCHEMA}: "
                    f"use the version that wrote it, or another --experiments folder"
                )


def schema_of(start: Mapping[str, Any]) -> int | None:
    """The schema of a start event; None if it is newer than this version's, or no whole number from 1."""
    schema = start.get("schema", 1)
    known = isinstance(schema, int) and not isinstance(schema, bool) and 1 <= schema <= SCHEMA
    return schema if known else None


def _lines_with(word: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The lines that `word` stands in, not longer than a line may be; the others are not even split."""
    rest = b""
    while block := file.read(BLOCK):
        text = rest + block
        place = text.find(word)
        while place >= 0 and (end := text.find(b"\n", place)) >= 0:
            yield text[text.rfind(b"\n", 0, place) + 1 : end].removeprefix(BYTE_ORDER_MARK)
            place = text.find(word, end)
        rest = text[text.rfind(b"\n") + 1 :][:LONGEST_LINE]


def _opened(path: Path) -> BinaryIO:
    """The log at `path`, to be read; opening a pipe or a device never waits, and fails.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_is_file(file)
        return os.fdopen(file, "rb")
    except BaseException:
        os.close(file)
        raise


def read_bytes(path: Path) -> bytes:
    """All that is in the log.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(path) as file:
        return file.read()


def _check_is_file(file: int) -> None:
    mode = os.fstat(file).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file")


def lock(file: int, patience: float) -> None:
    """Take the operating system's lock on the open `file`; it drops when the file is closed or its process dies.

    Raises:
        BlockingIOError: somebody else still has it after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def is_locked(path: Path) -> bool:
    """Whether some process holds the log at `path` open for writing at this moment."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A shared lock: two processes that only look do not see each other as writers.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@dataclass(frozen=True)
class BadLine:
    """A line of a log that is no event: its number from 1, and why."""

    number: int
    reason: str


class LogReader:
    """Reads the log at `path` as it grows: each `read` returns what has come since the one before.

    A last line without its newline is left for later: its writer may be in the middle of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._lines = 0

    def read(self) -> Iterator[list[Event] | BadLine]:
        """The new events in order, some at a time, and the new lines that have to be skipped.

        A list of more than one event is of epochs, each of which follows the one before. What is not taken from the
        iterator is not read, or lost.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        with _opened(self.path) as file:
            file.seek(self._offset)
            while block := file.read(BLOCK):
                begin, end = self._offset, self._offset + block.rfind(b"\n") + 1
                if events := decode_epochs(block[: end - begin]):
                    self._offset = end
                    self._lines += len(events)
                    yield events
                else:
                    file.seek(begin)
                    yield from self._read_line_by_line(file, end)
                if self._offset == begin:
                    break  # nothing but a line without its end
                file.seek(self._offset)

    def _read_line_by_line(self, file: BinaryIO, end: int) -> Iterator[list[Event] | BadLine]:
        """The next line, and those after it as far as `end`."""
        while line := file.readline(LONGEST_LINE):
            too_long = len(line) == LONGEST_LINE and not line.endswith(b"\n")
            if not (_skip_to_newline(file, line) if too_long else line.endswith(b"\n")):
                break
            self._offset = file.tell()
            self._lines += 1
            try:
                if too_long:
                    raise NotAnEventError(f"longer than {LONGEST_LINE} bytes")
                event = decode(line.removeprefix(BYTE_ORDER_MARK) if self._lines == 1 else line)
            except (ValueError, RecursionError) as error:
                yield BadLine(self._lines, why_not_an_event(error))
            else:
                yield [event]
            if self._offset >= end:
                break


def read_log(path: Path) -> tuple[list[Event], list[BadLine]]:
    """All events of the log at `path` in order, and the lines that had to be skipped."""
    events: list[Event] = []
    bad: list[BadLine] = []
    for found in LogReader(path).read():
        if isinstance(found, BadLine):
            bad.append(found)
        else:
            events += found
    return events, bad


def _skip_to_newline(file: BinaryIO, line: bytes) -> bool:
    """Read on to the end of an over-long line; False if the file ends first."""
    while line and not line.endswith(b"\n"):
        line = file.readline(LONGEST_LINE)
    return bool(line)


def utc_now() -> str:
    """The time in ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
