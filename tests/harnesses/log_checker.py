"""Judges the folder of a finished sweep by its files alone, and shares no code with the program under test.

`check_sweep` reads each `run.jsonl` with its own JSON reading, replays it by the published rules, and compares what it
tells, bit for bit, with an undisturbed sweep of the same trials. Each finding is one sentence; none means that nothing
was lost, repeated or changed.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

TIMINGS = {"time", "seconds", "total_seconds", "images_per_second"}
STATUSES = {"completed", "pruned", "diverged", "failed", "interrupted"}
FINISHED = {"completed", "pruned", "diverged"}
SAME_START = ("run", "sweep", "model", "dataset", "dataset_checksum", "config", "seed", "objective", "schema")
ARRAY_FILES = ("best.npz", "checkpoint.npz")


@dataclass
class Told:
    """What a log tells once it has been replayed.

    Attributes:
        start: the last start event.
        epochs: the last line of each epoch, in order.
        end: the last end event; empty while the run is open.
        attempts: how many start and resume events there are.
        resumes: how many resume events.
        findings: what breaks the rules of a log.
    """

    start: dict[str, Any] = field(default_factory=dict)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    resumes: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass
class Verdict:
    """What `check_sweep` found.

    Attributes:
        trials: how many runs were checked.
        attempts: how many attempts their logs tell of.
        resumes: how many of these went on from a checkpoint.
        numbers: how many logged values were compared.
        findings: one sentence for each violation.
    """

    trials: int = 0
    attempts: int = 0
    resumes: int = 0
    numbers: int = 0
    findings: list[str] = field(default_factory=list)


def check_sweep(folder: Path, reference: Path | None, *, order_matters: bool = True) -> Verdict:
    """Compare the finished sweep in `folder` with the undisturbed one in `reference`.

    Args:
        folder: the sweep's folder, whose subfolders are runs.
        reference: the undisturbed sweep's folder; None if there is nothing to compare with.
        order_matters: whether each run must stop where the reference did. Asynchronous halving depends on the order in
            which trials arrive: for it, pass the sweep without pruning; every run must then be a beginning of its twin.
    """
    verdict = Verdict()
    runs = set(runs_in(folder))
    expected = set(runs_in(reference)) if reference else runs
    verdict.findings += [f"{name}: the trial is missing" for name in sorted(expected - runs)]
    verdict.findings += [f"{name}: no trial of the undisturbed sweep" for name in sorted(runs - expected)]
    for name in sorted(runs & expected):
        told = read_told(folder / name / "run.jsonl")
        found = list(told.findings)
        if reference and not found:
            twin = read_told(reference / name / "run.jsonl")
            found += twin.findings and [f"the undisturbed run is no reference: {twin.findings[0]}"]
            found += compare_runs(told, twin, order_matters=order_matters)
            found += compare_files(folder / name, reference / name, same_end=len(told.epochs) == len(twin.epochs))
        verdict.findings += [f"{name}: {each}" for each in found]
        verdict.trials += 1
        verdict.attempts += told.attempts
        verdict.resumes += told.resumes
        verdict.numbers += sum(1 for line in told.epochs for _ in values_of(line))
    return verdict


def runs_in(folder: Path) -> Iterator[str]:
    """The names of the runs in a sweep's folder."""
    return (path.parent.name for path in folder.glob("*/run.jsonl"))


def read_told(path: Path) -> Told:
    """Replay the log at `path`: which attempts there were, and what the last line of each epoch says."""
    told = Told()
    events = list(_events(path, told.findings))
    first_lines: dict[int, dict[str, Any]] = {}
    open_attempt = False  # an attempt is under way that has written no end
    for number, event in events:
        kind = event["event"]
        where = f"line {number}"
        if kind in ("start", "resume"):
            _begin_attempt(told, event, where)
            open_attempt = True
        elif not open_attempt:
            told.findings.append(f"{where}: {kind} outside of any attempt")
        elif kind == "epoch":
            epoch = event.get("epoch")
            if epoch != len(told.epochs) + 1:
                told.findings.append(f"{where}: epoch {epoch} follows epoch {len(told.epochs)}")
                continue
            told.epochs.append(event)
            first = first_lines.setdefault(epoch, event)
            if not same(first, event):
                told.findings.append(f"{where}: epoch {epoch} was logged before with other numbers")
        elif kind == "end":
            if event.get("status") not in STATUSES:
                told.findings.append(f"{where}: status {event.get('status')!r}")
            told.end = event
            open_attempt = False
        else:
            told.findings.append(f"{where}: an unknown event {kind!r}")
    if not told.start:
        told.findings.append("there is no start event")
    elif told.start.get("run") != path.parent.name:
        told.findings.append(f"the log is of run {told.start.get('run')!r}")
    if told.end.get("status") not in FINISHED:
        told.findings.append(f"the run has not finished; its last end says {told.end.get('status')!r}")
    return told


def _begin_attempt(told: Told, event: dict[str, Any], where: str) -> None:
    told.attempts += 1
    if told.end.get("status") in ("completed", "diverged"):
        told.findings.append(f"{where}: {event['event']} after the run was {told.end['status']}")
    if not isinstance(event.get("pid"), int):
        told.findings.append(f"{where}: {event['event']} without the process that trains")
    told.end = {}
    if event["event"] == "start":
        if told.start and any(told.start.get(key) != event.get(key) for key in SAME_START):
            told.findings.append(f"{where}: start of another trial")
        told.start, told.epochs = event, []
        return
    told.resumes += 1
    last = event.get("epoch")
    if not told.start or not isinstance(last, int) or not 0 < last <= len(told.epochs):
        told.findings.append(f"{where}: resume from epoch {last}, but the log has {len(told.epochs)}")
        return
    told.epochs = told.epochs[:last]


def _events(path: Path, findings: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The lines of a log by their numbers; what is no event becomes a finding."""
    text = path.read_bytes()
    *lines, tail = text.split(b"\n")
    if tail:
        findings.append("the last line is torn")
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_unique)
            if not isinstance(event, dict) or not isinstance(event.get("event"), str):
                raise ValueError("no object with an event")  # noqa: TRY004, TRY301 - one kind of finding
            if not str(event.get("time", "")).endswith("Z"):
                raise ValueError("no time in UTC")  # noqa: TRY301
        except ValueError as error:
            findings.append(f"line {number} is bad: {error}")
        else:
            yield number, event


def compare_runs(told: Told, twin: Told, *, order_matters: bool) -> Iterator[str]:
    """What differs between two runs of one trial, timings aside."""
    for key in SAME_START:
        if told.start.get(key) != twin.start.get(key):
            yield f"start: {key} is {told.start.get(key)!r}, undisturbed {twin.start.get(key)!r}"
    for line, other in zip(told.epochs, twin.epochs, strict=False):
        if not same(line, other):
            yield f"epoch {line['epoch']} has other numbers than undisturbed"
            return
    if len(told.epochs) > len(twin.epochs) or (order_matters and len(told.epochs) != len(twin.epochs)):
        yield f"{len(told.epochs)} epochs, undisturbed {len(twin.epochs)}"
    elif len(told.epochs) == len(twin.epochs):
        for key in ("status", "metrics", "test"):
            if not same(told.end.get(key), twin.end.get(key)):
                yield f"end: {key} is not the undisturbed run's"
    elif told.end.get("status") != "pruned":
        yield f"{told.end.get('status')} after {len(told.epochs)} epochs of {len(twin.epochs)}"


def compare_files(folder: Path, reference: Path, *, same_end: bool) -> Iterator[str]:
    """What differs between the files of two runs: their names, and every array bit for bit."""
    names, expected = ({path.relative_to(each).as_posix() for path in each.rglob("*")} for each in (folder, reference))
    if strange := sorted(names - expected):
        yield f"left behind: {', '.join(strange)}"
    if not same_end:
        return
    if lost := sorted(expected - names):
        yield f"missing: {', '.join(lost)}"
    for name in ARRAY_FILES:
        if name in names & expected:
            arrays, others = arrays_in(folder / name), arrays_in(reference / name)
            if arrays.keys() != others.keys():
                yield f"{name} has other arrays"
            for key in sorted(arrays.keys() & others.keys()):
                if arrays[key] != others[key]:
                    yield f"{name}: {key} is not the undisturbed run's"


def arrays_in(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Kind, shape and bytes of each array of an npz file, which is not unpickled."""
    with np.load(path, allow_pickle=False) as file:
        return {name: (file[name].dtype.str, file[name].shape, file[name].tobytes()) for name in file.files}


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same to the bit, timings aside; 1 and 1.0 differ, as do 0.0 and -0.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys, others = one.keys() - TIMINGS, other.keys() - TIMINGS
        return keys == others and all(same(one[key], other[key]) for key in keys)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def values_of(value: Any) -> Iterable[Any]:
    """The numbers in a JSON value, timings aside."""
    if isinstance(value, dict):
        return [each for key in value.keys() - TIMINGS for each in values_of(value[key])]
    if isinstance(value, list):
        return [each for item in value for each in values_of(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("an object has the same key twice")
    return result
