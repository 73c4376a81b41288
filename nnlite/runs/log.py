"""The run log: one JSON object a line, appended by one writer, readable at any moment.

This module alone knows the format: strict JSON (a number that is not finite becomes null), UTF-8, each line with an
`event` and a UTC `time`. A `LogWriter` holds the operating system's lock on the file for as long as it lives, and the
system drops that lock when the process dies: a run is running if, and only if, its log is locked. A line that a crash
tore is cut off by the next writer and skipped by every reader; it costs itself alone.
"""

import contextlib
import errno
import fcntl
import json
import math
import os
import reprlib
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from nnlite.errors import BusyError, InputError

SCHEMA = 1
LONGEST_LINE = 1 << 20  # bytes; a longer line was not written by nnlite
STATUSES = ("completed", "pruned", "diverged", "failed", "interrupted")
# A reader that asks who writes holds the lock for a moment, a killed writer until it is quite dead.
PATIENCE = 2.0  # seconds

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # which some editors put before a text; it is no part of the first line
BLOCK = 1 << 20  # bytes that are looked through at a time

Event = dict[str, Any]


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

    def read(self) -> tuple[list[Event], list[BadLine]]:
        """The new events in order, and the new lines that had to be skipped.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        events: list[Event] = []
        bad: list[BadLine] = []
        with _opened(self.path) as file:
            file.seek(self._offset)
            while line := file.readline(LONGEST_LINE):
                too_long = len(line) == LONGEST_LINE and not line.endswith(b"\n")
                if not (_skip_to_newline(file, line) if too_long else line.endswith(b"\n")):
                    break
                self._offset = file.tell()
                self._lines += 1
                if too_long:
                    bad.append(BadLine(self._lines, f"longer than {LONGEST_LINE} bytes"))
                    continue
                try:
                    events.append(decode(line.removeprefix(BYTE_ORDER_MARK) if self._lines == 1 else line))
                except (ValueError, RecursionError) as error:
                    bad.append(BadLine(self._lines, _reason(error)))
        return events, bad


def read_turns(path: Path) -> Iterator[tuple[int, Event]]:
    """Each start, resume and end, with how many epochs its attempt had by then; no epoch stays in memory.

    Raises:
        OSError: there is no log, or it cannot be read.
    """
    epochs = 0
    with _opened(path) as file:
        line = file.readline(LONGEST_LINE).removeprefix(BYTE_ORDER_MARK)
        while line:
            event: Event = {}
            if line.endswith(b"\n"):
                with contextlib.suppress(ValueError, RecursionError):
                    event = decode(line)
            elif not _skip_to_newline(file, line):
                return
            line = file.readline(LONGEST_LINE)
            match event.get("event"):
                case "start":
                    epochs = 0
                case "resume" | "epoch":
                    epochs = event.get("epoch", 0)
            if event.get("event") in ("start", "resume", "end"):
                yield epochs, event


def read_log(path: Path) -> tuple[list[Event], list[BadLine]]:
    """All events of the log at `path` in order, and the lines that had to be skipped."""
    return LogReader(path).read()


def _skip_to_newline(file: BinaryIO, line: bytes) -> bool:
    """Read on to the end of an over-long line; False if the file ends first."""
    while line and not line.endswith(b"\n"):
        line = file.readline(LONGEST_LINE)
    return bool(line)


def encode(event: Mapping[str, object]) -> bytes:
    """Strict JSON in UTF-8 without the newline; NumPy scalars become numbers, and numbers that are not finite null."""
    return json.dumps(_strict(event), allow_nan=False, ensure_ascii=False, separators=(", ", ": ")).encode(
        "utf-8", "backslashreplace"
    )


class NotAnEventError(ValueError):
    """A line is JSON, or nearly, but no event; its text says why."""


def decode(line: bytes) -> Event:
    """The event on one line.

    Raises:
        ValueError: it is not strict JSON, not an object, or its `event`, `epoch` or `status` cannot be one.
    """
    text = line.decode("utf-8")
    event = _flat(text) or _DECODER.decode(text)
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise NotAnEventError("no JSON object with an event")
    first = 1 if event["event"] == "epoch" else 0
    epoch = event.get("epoch", 0)
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < first:
        raise NotAnEventError(f"epoch is {reprlib.repr(epoch)}, not a whole number from {first}")
    if event["event"] == "end" and event.get("status") not in STATUSES:
        raise NotAnEventError(f"status is {reprlib.repr(event.get('status'))}, not one of {', '.join(STATUSES)}")
    return event


def _reason(error: ValueError | RecursionError) -> str:
    """Why a line is no event, in other words than the parser's."""
    if isinstance(error, NotAnEventError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    # What is neither is an integer of more digits than Python reads.
    return "not JSON" if isinstance(error, json.JSONDecodeError) else "a number has too many digits"


def utc_now() -> str:
    """The time in ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _refuse_constant(name: str) -> None:
    raise NotAnEventError(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise NotAnEventError("an object has the same key twice")
    return result


def _flat(text: str) -> Event | None:
    """The object on a line without nested objects or escapes, at the parser's full speed; None for any other line.

    A call for each object, to look for a key that is there twice, would take as long as parsing. Here colons tell: one
    follows each key, and if beside those of the `time` there are as many as keys were kept, no key was lost.
    """
    if "\\" in text or not text.startswith("{"):
        return None
    try:
        event, end = _PLAIN.raw_decode(text)
    except (ValueError, RecursionError):
        return None  # the strict decoder says why
    at = event.get("time")
    colons = len(event) + (at.count(":") if isinstance(at, str) else 0)
    return event if text.count(":") == colons and text[end:] in ("\n", "") else None


_PLAIN = json.JSONDecoder(parse_constant=_refuse_constant)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
