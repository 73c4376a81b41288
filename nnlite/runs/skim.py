"""Reading a run at a glance: for a sweep that asks of 10,000 runs no more than whether they are done.

Where a log has a single start, no epoch twice, and comes to an end of its own, its first line, its last one and its
resumes tell all but the epochs, which are read when somebody asks for them. Any other log is replayed whole.
"""

from collections.abc import Iterator
from typing import Any

from nnlite.runs.events import decode
from nnlite.runs.history import FINISHED, Run, read_run, with_budget
from nnlite.runs.log import LONGEST_LINE, read_bytes
from nnlite.runs.ondemand import EpochsOnDemand
from nnlite.runs.paths import RunFolder

# How `LogWriter` begins a line: no other line can have this in it, since JSON escapes the quotes within a string.
START, RESUME, EPOCH, END = (b'{"event": "%s"' % event for event in (b"start", b"resume", b"epoch", b"end"))


def skim_run(folder: RunFolder) -> Run:
    """The run that `read_run` tells, from as little of its log as will do; bad lines of a finished run go unnoticed.

    Raises:
        OSError: there is no log, or it cannot be read.
    """
    return _skimmed(folder, read_bytes(folder.log)) or read_run(folder)


def _skimmed(folder: RunFolder, log: bytes) -> Run | None:
    """The run, if the lines that were looked at leave nothing open."""
    if not log.startswith(START) or not log.endswith(b"\n") or log.rfind(b"\n" + START) >= 0:
        return None
    ours = 1 + sum(log.count(b"\n" + each) for each in (RESUME, EPOCH, END))
    if log.count(b"\n") != ours or log.count(b"}\n") != ours:
        return None  # a line that is none of ours: only reading it tells what it is
    end = _decoded(log, log.rfind(b"\n", 0, -1) + 1)
    summary = end.get("metrics")
    count = summary.get("epochs") if isinstance(summary, dict) else None
    if end.get("event") != "end" or end["status"] not in FINISHED or type(count) is not int:
        return None
    start = _decoded(log, 0)
    resumes = []
    for place in _places(b"\n" + RESUME, log):
        resume, before = _decoded(log, place + 1), log.rfind(b"\n" + EPOCH, 0, place)
        if before >= 0 and _decoded(log, before + 1).get("epoch", 0) > resume.get("epoch", 0):
            return None  # epochs were trained again: did they repeat their numbers?
        start = with_budget(start, resume)
        resumes.append(resume)
    if not start:
        return None
    epochs = EpochsOnDemand(lambda: read_run(folder).whole, count)
    return Run(folder, start, epochs, end["status"], end, resumes=resumes)


def _places(part: bytes, log: bytes) -> Iterator[int]:
    place = log.find(part)
    while place >= 0:
        yield place
        place = log.find(part, place + 1)


def _decoded(log: bytes, begin: int) -> dict[str, Any]:
    """The event whose line begins at byte `begin`; empty if it is none."""
    try:
        end = log.index(b"\n", begin, begin + LONGEST_LINE)
        return decode(log[begin:end])
    except (ValueError, RecursionError):
        return {}
