"""An index: what the logs below one folder said when they were last read, so that they need not be read again.

It is a file beside the runs' folders, `.runs.index`, and never more than a memory: an entry counts only as long as its
log has the inode, size and times that it had then, whatever is damaged, foreign or of another version is ignored, and
the file can be deleted at any moment. It is replaced as a whole, without a lock: of two that write it the last wins,
and both were right. Where it cannot be written, there is none.

Its first line says what it is, and how the rest sums up, which is JSON: a line a run, in which a start event is written
as its difference from the first one's.
"""

import contextlib
import itertools
import json
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from nnlite.files import is_ours, remove_asides, replacing
from nnlite.runs.columns import CHUNK
from nnlite.runs.comparison import Difference
from nnlite.runs.digest import Digest, Extremes, is_number
from nnlite.runs.events import STATUSES, Event
from nnlite.runs.history import Run, read_run, status_of
from nnlite.runs.log import BadLine, is_locked
from nnlite.runs.ondemand import EndOnDemand, EpochsOnDemand
from nnlite.runs.paths import LOG_NAME, RunFolder

INDEX_NAME = ".runs.index"
HEADER = b"nnlite index "  # how every version of the file begins
VERSION = 2  # of what is in the file, and of how a log is understood
SETTLED = 2_000_000_000  # nanoseconds: a log written to more recently could change without another time of change
WORTHWHILE = 0.01  # the share of logs that have to be new for the index to be written anew
MOST_BAD_LINES = 100  # of a log that is kept in mind
EVER_READ = ("event", "time", "status", "error", "metrics")  # of an end; the rest is bulky, and asked for of few runs

Stamp = list[int]
# Stamp, start, end, names of the end's other fields, number of epochs, their digest, and what is unusual.
Entry = list[Any]


class Index:
    """The index of the runs whose folders lie in `parent`, as it was left there; it is written by `save` alone."""

    def __init__(self, parent: Path) -> None:
        self._path = parent / INDEX_NAME
        self._base, self._names, self._entries = _load(self._path)
        self._kept: dict[str, Entry] = {}
        self._new: dict[str, tuple[Stamp, Run]] = {}

    def read(self, folder: RunFolder) -> Run:
        """The run in `folder`, from the index if that is of its log as it is now, else from the log.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        log = f"{folder.path}{os.sep}{LOG_NAME}"
        entry = self._entries.get(folder.name)
        # Looked at first: a run that ends between the two is then read anew, and not taken for interrupted.
        running = entry is not None and not entry[2] and is_locked(folder.log)
        stamp = _stamp(log)
        if entry is not None and entry[0] == stamp and (run := self._run(folder, entry, running=running)):
            self._kept[folder.name] = entry
            return run
        run = light(read_run(folder))
        if time.time_ns() - max(stamp[2:]) > SETTLED and len(run.bad_lines) <= MOST_BAD_LINES:
            self._new[folder.name] = stamp, run
        return run

    def save(self) -> None:
        """Write the index anew, if so much of what was read was not in it that the next reader will be glad of it."""
        if len(self._new) <= WORTHWHILE * len(self._kept):
            return
        starts = (run.start for _, run in self._new.values())
        base = self._base or next((start for start in starts if start and _encoded(start)), {})
        names = list(self._names)
        entries = {**self._kept, **{name: _entry(*each, base, names) for name, each in self._new.items()}}
        lines = {name: line for name, entry in entries.items() if (line := _encoded(entry))}
        runs = ",\n".join(f"{json.dumps(name)}:{line}" for name, line in lines.items())
        _replace(self._path, f'{{"start":{_encoded(base)},"names":{json.dumps(names)},"runs":{{{runs}}}}}'.encode())

    def _run(self, folder: RunFolder, entry: Entry, *, running: bool) -> Run | None:
        """What an entry tells; None if it is not one of ours after all."""
        try:
            _, start, end, late, count, digest, unusual = entry
            whole = EndOnDemand(end, late, lambda: read_run(folder).end) if late else end
            return Run(
                folder,
                _applied(self._base, start),
                EpochsOnDemand(lambda: read_run(folder).whole, count, lambda: self._digest(folder, digest)),
                status_of(end, running=running),
                whole,
                [BadLine(*each) for each in unusual.get("bad_lines", ())],
                unusual.get("failures", 0),
                unusual.get("resumes", []),
                Difference(*unusual["contradiction"]) if "contradiction" in unusual else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def _digest(self, folder: RunFolder, text: str) -> Digest:
        """What an entry tells of the epochs: JSON within JSON, which is not looked into unless somebody asks.

        Where it tells nothing, the log does.
        """
        try:
            seconds, names, *extremes = json.loads(text)
            metrics = {name: Extremes(*each) for name, each in zip(self._names[names], extremes, strict=True)}
        except (IndexError, TypeError, ValueError, RecursionError):
            return read_run(folder).digest
        known = all(map(is_number, itertools.chain.from_iterable(metrics.values()))) and all(map(_is_text, metrics))
        return (
            Digest(seconds, metrics) if known and (seconds is None or is_number(seconds)) else read_run(folder).digest
        )


def _stamp(log: str) -> Stamp:
    """What changes with every change of the log: its times cannot all be set back."""
    found = os.stat(log)  # noqa: PTH116 - as above
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def light(run: Run) -> Run:
    """The same run as little as can be: its epochs, and what is bulky in its end, are in the log alone again."""
    folder = run.folder
    digest = run.digest
    known = {}
    if len(run.epochs) > CHUNK and (best := run.value(run.objective)) and (line := run.whole.find(best.epoch)):
        known[best.epoch] = line  # whoever asks for one line will ask for this
    epochs = EpochsOnDemand(lambda: read_run(folder).whole, len(run.epochs), lambda: digest, known)
    late = [name for name in run.end if name not in EVER_READ]
    end = {name: value for name, value in run.end.items() if name in EVER_READ}
    whole = EndOnDemand(end, late, lambda: read_run(folder).end) if late else end
    status, bad_lines, failures = run.status, run.bad_lines, run.failures
    return Run(folder, run.start, epochs, status, whole, bad_lines, failures, run.resumes, run.contradiction)


def _entry(stamp: Stamp, run: Run, base: Event, names: list[list[str]]) -> Entry:
    """What the index keeps of a run; the names of its metrics are added to `names` if they are not there."""
    metrics = run.digest.metrics
    if list(metrics) not in names:
        names.append(list(metrics))
    contradiction = run.contradiction
    unusual = {
        "bad_lines": [[bad.number, bad.reason] for bad in run.bad_lines],
        "failures": run.failures,
        "resumes": run.resumes,
        "contradiction": contradiction
        and [contradiction.epoch, contradiction.metric, contradiction.one, contradiction.other],
    }
    end = {name: run.end[name] for name in EVER_READ if name in run.end}
    return [
        stamp,
        _difference(base, run.start),
        end,
        [name for name in run.end if name not in EVER_READ],
        len(run.epochs),
        _encoded([run.digest.seconds, names.index(list(metrics)), *metrics.values()]),
        {name: value for name, value in unusual.items() if value},
    ]


def _difference(base: Event, event: Event) -> Any:
    """How `event` differs from `base`: what is not the same, a table's own difference for a table.

    Events of other keys, or of another order of these, are written whole, in a list.
    """
    if list(base) != list(event):
        return [event]
    return {
        key: _difference(base[key], value) if isinstance(base[key], dict) and isinstance(value, dict) else [value]
        for key, value in event.items()
        if repr(base[key]) != repr(value)  # 1, 1.0 and true are not the same
    }


def _applied(base: Event, difference: Any) -> Event:
    """The event that differs so from `base`."""
    if isinstance(difference, list):
        (event,) = difference
        return dict(event)
    return base | {
        key: _only(change) if isinstance(change, list) else _applied(base[key], change)
        for key, change in difference.items()
    }


def _only(values: list[Any]) -> Any:
    """The value in a list of one; ValueError for any other list."""
    (value,) = values
    return value


def _header(body: bytes) -> bytes:
    """Other versions, also of Python, may sum up another way."""
    return HEADER + b"%d, python %d.%d, %08x\n" % (VERSION, *sys.version_info[:2], zlib.crc32(body))


def _load(path: Path) -> tuple[Event, list[list[str]], dict[str, Entry]]:
    """What is in the file; nothing if anything about it is not as it was written."""
    try:
        header, _, body = path.read_bytes().partition(b"\n")
        known = json.loads(body) if header + b"\n" == _header(body) else None
    except (OSError, ValueError, RecursionError):
        known = None
    match known:
        case {"start": dict(base), "names": list(names), "runs": dict(runs)}:
            return base, names, {name: entry for name, entry in runs.items() if _is_entry(entry)}
    return {}, [], {}


def _is_entry(value: object) -> bool:
    match value:
        case [list(), dict() | list(), dict() as end, list(late), int(count), str(), dict() as unusual]:
            return (
                count >= 0
                and all(map(_is_text, late))
                and ("status" not in end or end["status"] in STATUSES)
                and (not end or "status" in end)
                and (not unusual or _is_unusual(unusual))
            )
    return False


def _is_unusual(fields: dict[str, Any]) -> bool:
    """Whether an entry's last part, which few have, is of the kind that `_entry` writes."""
    match {"bad_lines": [], "failures": 0, "resumes": [], **fields}:
        case {"bad_lines": list(bad), "failures": int(), "resumes": list(resumes)}:
            return all(map(_is_bad_line, bad)) and all(isinstance(each, dict) for each in resumes)
    return False


def _is_bad_line(value: object) -> bool:
    match value:
        case [int(), str()]:
            return True
    return False


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _encoded(value: Any) -> str:
    """As JSON; empty where it is nested too deep, which nothing of ours is."""
    try:
        return json.dumps(value, separators=(",", ":"))
    except RecursionError:
        return ""


def _replace(path: Path, body: bytes) -> None:
    """Put the index into its place, unless something else is there; say nothing where that is not possible."""
    remove_asides(path.parent)
    with contextlib.suppress(OSError):
        if not os.path.lexists(path) or is_ours(path, HEADER):
            with replacing(path) as file:
                file.write(_header(body) + body)
