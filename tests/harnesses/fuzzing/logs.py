"""Targets that read what runs leave behind: logs, indexes of logs, checkpoints' words about them, and questions."""

import contextlib
import json
from pathlib import Path
from typing import Any

from fuzzing.guard import FOREIGN
from fuzzing.target import REPOSITORY, Read, Target
from fuzzing.texts import damaged, numbers, values, words
from hypothesis import strategies as st

from nnlite.errors import InputError
from nnlite.queries import Entry, Epochs, Query, Vocabulary, changes, moments, select
from nnlite.runs import FollowedRun, LogWriter, Run, RunFolder, index, read_run, skim_run
from nnlite.runs.events import decode, encode
from nnlite.runs.glance import light
from nnlite.runs.index import INDEX_NAME, Index
from nnlite.runs.log import read_log
from nnlite.runs.metrics import METRICS

KINDS = ("start", "resume", "epoch", "end", "note", "")
STATUSES = ("completed", "pruned", "diverged", "failed", "interrupted", "running")
FIELDS = ("epoch", "status", "metrics", "config", "objective", "epochs", "best_epoch", "total_seconds", "val_acc")


def logs() -> list[bytes]:
    """Published ones: the shortest of each sweep, cut to a few epochs."""
    found = []
    for sweep in sorted((REPOSITORY / "experiments").iterdir()):
        lines = (
            min(sweep.glob("*/run.jsonl"), key=lambda path: path.stat().st_size).read_bytes().splitlines(keepends=True)
        )
        found.append(b"".join([*lines[:4], lines[-1]]))
    return found


def small(log: bytes) -> bytes:
    """The same log with less in its start: what is long there is text that nobody reads."""
    lines = [json.loads(line) for line in log.splitlines()]
    for event in lines:
        for name in ("versions", "git", "host", "threads", "traceback", "mistakes", "confusion", "class_counts"):
            event.pop(name, None)
        event["config"] = {key: event["config"][key] for key in ("epochs", "hidden")} if "config" in event else {}
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _state(run: Run) -> dict[str, Any]:
    """All that a run tells, but for its epochs."""
    return {
        "id": run.id,
        "sweep": run.sweep,
        "status": run.status,
        "start": run.start,
        "end": dict(run.end),
        "count": len(run.epochs),
        "failures": run.failures,
        "resumes": run.resumes,
        "bad": run.bad_lines,
        "contradiction": run.contradiction,
        "digest": repr(run.digest),
    }


def _ask(run: Run) -> None:
    """Ask of a run all that commands ask."""
    for bad in run.bad_lines:
        assert not FOREIGN.search(bad.reason), bad.reason
    objective = run.objective
    names = run.metric_names()
    assert run.value(objective) is None or run.value(objective, at="last") is not None
    for name in [*names[:3], "val_acc"]:
        if name in METRICS:
            run.value(METRICS[name])
    assert isinstance(run.id + run.sweep + run.model + run.dataset + run.error, str)
    assert isinstance(run.seed, int)
    assert run.training_seconds is None or run.training_seconds == run.training_seconds
    entry = Entry(run, objective, "0")
    with contextlib.suppress(InputError):
        vocabulary = Vocabulary([entry])
        select([entry], Query("epochs > 1 or val_acc > 0.5", "-epochs,status"), vocabulary)
        epochs = Epochs(run)
        epochs.select("epoch >= 1", "-epoch", 3)
    changes(run)
    moments(run)


def _log(folder: Path) -> Read:
    run_folder = RunFolder(folder / "sweep" / "0123456789ab")
    run_folder.path.mkdir(parents=True)
    path = run_folder.log
    index.SETTLED = -(1 << 62)  # the log was written in this very moment, and will not be written again

    def read(data: bytes) -> None:
        path.write_bytes(data)
        run = read_run(run_folder)
        _ask(run)
        known = _state(run)
        skimmed = skim_run(run_folder)
        for name in ("id", "sweep", "status", "start", "end"):
            told = _state(skimmed)[name] if name != "end" else dict(skimmed.end)
            assert told == known[name], f"skim_run says otherwise of {name}"
        assert _state(light(run)) == known, "light says otherwise"
        (_grow, _remember, _append)[len(data) % 3](run_folder, data, known)

    return read


def _grow(folder: RunFolder, data: bytes, known: dict[str, Any]) -> None:
    """Read the log while it grows: in the end that has to be the same run."""
    path = folder.log
    middle = len(data) // 2
    path.write_bytes(data[:middle])
    followed = FollowedRun(folder)
    followed.read()
    with path.open("ab") as file:
        file.write(data[middle:])
    assert _state(followed.read()) == known, "followed while it grew, it is another run"


def _remember(folder: RunFolder, data: bytes, known: dict[str, Any]) -> None:
    """Have it put into an index, and read from there."""
    first = Index(folder.path.parent)
    if data:
        first.read(folder)
        first.save()
        second = Index(folder.path.parent).read(folder)
        assert _state(second) == known, "the index says otherwise"
        (folder.path.parent / INDEX_NAME).unlink(missing_ok=True)


def _append(folder: RunFolder, data: bytes, _: dict[str, Any]) -> None:
    """Go on writing: no whole line is lost, and the new one can be read."""
    with LogWriter(folder.log) as log:
        log.write("note", text="x")
    whole = data[: data.rfind(b"\n") + 1]
    content = folder.log.read_bytes()
    assert content.startswith(whole)
    assert content.count(b"\n") == whole.count(b"\n") + 1
    assert read_log(folder.log)[0][-1]["event"] == "note"


def _event(_: Path) -> Read:
    def read(data: bytes) -> None:
        try:
            event = decode(data)
        except (ValueError, RecursionError):
            return
        line = encode(event)
        assert b"\n" not in line
        again = encode(decode(line)) if b"Infinity" not in line else line
        assert again == line, "encoding what was decoded is not the same twice"

    return read


_metrics = st.dictionaries(st.sampled_from(["val_acc", "val_loss", "seconds", *FIELDS]) | words, values, max_size=4)


@st.composite
def events(draw: st.DrawFn) -> bytes:
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(KINDS[:4]) | st.sampled_from(KINDS))
        event: dict[str, Any] = {"event": kind, "time": draw(st.just("2026-01-01T00:00:00.000Z") | values)}
        if kind == "start":
            event |= {"run": "0123456789ab", "model": "classifier", "config": {"epochs": 3, "hidden": [8]}}
        if kind in ("epoch", "resume"):
            event["epoch"] = draw(st.integers(0, 4) | numbers)
        if kind == "end":
            event |= {"status": draw(st.sampled_from(STATUSES)), "metrics": draw(_metrics)}
            if isinstance(event["metrics"], dict):
                event["metrics"]["epochs"] = draw(st.integers(0, 4) | numbers)
        event |= draw(_metrics)
        lines.append(json.dumps(event))
    return "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")


def _index(folder: Path) -> Read:
    parent = folder / "sweep"
    folders = []
    for place, log in enumerate(logs()[:3]):
        run_folder = RunFolder(parent / f"{place:012x}")
        run_folder.path.mkdir(parents=True)
        run_folder.log.write_bytes(log)
        folders.append(run_folder)
    index.SETTLED = -(1 << 62)
    stamps = [index._stamp(str(each.log)) for each in folders]
    path = parent / INDEX_NAME

    def read(data: bytes) -> None:
        body = data
        for place, stamp in enumerate(stamps):
            body = body.replace(b"STAMP%d" % place, json.dumps(stamp).encode())
        path.write_bytes(index._header(body) + body)
        found = Index(parent)
        for each in folders:
            run = found.read(each)
            _ask(run)
            _state(run)
        found.save()

    return read


def _indexes() -> list[bytes]:
    """One that was left by nnlite, with the stamps as words."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(__import__("tempfile").TemporaryDirectory(prefix="fuzz-")))
        folders = []
        for number, log in enumerate(logs()[:3]):
            folder = RunFolder(place / f"{number:012x}")
            folder.path.mkdir()
            folder.log.write_bytes(small(log))
            folders.append(folder)
        before, index.SETTLED = index.SETTLED, -(1 << 62)
        left = Index(place)
        for folder in folders:
            left.read(folder)
        left.save()
        body = (place / INDEX_NAME).read_bytes().partition(b"\n")[2]
        for number, folder in enumerate(folders):
            stamp = json.dumps(index._stamp(str(folder.log)), separators=(",", ":")).encode()
            body = body.replace(stamp, b"STAMP%d" % number)
        index.SETTLED = before
    return [body]


@st.composite
def _damaged_indexes(draw: st.DrawFn) -> bytes:
    """An index in which single values are others."""
    body = json.loads(
        _INDEX.replace(b"STAMP0", b'"STAMP0"').replace(b"STAMP1", b'"STAMP1"').replace(b"STAMP2", b'"STAMP2"')
    )
    for _ in range(draw(st.integers(1, 3))):
        place: Any = body
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.integers(0, 3)) == 0:
                place[key] = draw(values)
                break
            place = place[key]
    text = json.dumps(body, separators=(",", ":"))
    return text.replace('"STAMP', "STAMP").replace('0"', "0").encode() if draw(st.booleans()) else _stamped(text)


def _stamped(text: str) -> bytes:
    for number in range(3):
        text = text.replace(f'"STAMP{number}"', f"STAMP{number}")
    return text.encode("utf-8", "surrogatepass")


_INDEX = _indexes()[0]

TARGETS = (
    Target(
        "log",
        _log,
        lambda: [small(log) for log in logs()],
        damaged(events()),
        words=(
            '{"event": "start"',
            '{"event": "epoch"',
            '{"event": "end"',
            '{"event": "resume"',
            *STATUSES,
            *FIELDS,
            "\n",
            "null",
            "1e400",
            "NaN",
        ),
        longest=3000,
        share=0.8,
        generated=0.02,
    ),
    Target(
        "event",
        _event,
        lambda: [line for log in logs()[:4] for line in small(log).splitlines()],
        damaged(events()).map(lambda log: log.partition(b"\n")[0]),
        words=(
            '{"event": "',
            '"epoch": ',
            '"status": ',
            *STATUSES,
            "\\ud800",
            "1e400",
            "NaN",
            "Infinity",
            "-0",
            "[[[[",
        ),
        longest=600,
        share=20.0,
        generated=0.002,
        seconds=2.0,
    ),
    Target(
        "index",
        _index,
        lambda: [_INDEX],
        _damaged_indexes(),
        words=("STAMP0", "STAMP1", "STAMP2", "{}", "[]", "null", '"', "[[", "-1", "1e400"),
        longest=6000,
        share=0.3,
        generated=0.1,
    ),
)
