"""Which log is of a run: one verdict for every reader, told by one table of what may befall a file."""

import json
import os
import stat
from pathlib import Path

import pytest

from nnlite.errors import InputError
from nnlite.runs import (
    LogWriter,
    RunFolder,
    glance,
    glance_at_runs,
    index,
    read_run,
    read_runs,
    schema_warning,
    skim_run,
    why_unusable,
)
from nnlite.runs.log import LONGEST_LINE, SCHEMA
from nnlite.sweep.plan import LoggedRuns

RUN = "0123456789ab"
EVENTS = [
    {
        "event": "start",
        "schema": 1,
        "run": RUN,
        "sweep": "s",
        "model": "classifier",
        "config": {"epochs": 2},
        "seed": 3,
    },
    {"event": "epoch", "epoch": 1, "val_acc": 0.5},
    {"event": "epoch", "epoch": 2, "val_acc": 0.7},
    {"event": "end", "status": "completed", "metrics": {"epochs": 2, "val_acc": 0.7}},
]
GOOD = b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS)
START, REST = GOOD.split(b"\n", 1)[0] + b"\n", GOOD.split(b"\n", 1)[1]
NO_START = "its log has no start event"


def start(**fields):
    return json.dumps(EVENTS[0] | fields).encode() + b"\n"


# What is in the file, why it is unusable (empty: it is not), and what a sweep makes of it.
TABLE = {
    "as it was written": (GOOD, "", "done"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "", "done"),
    "line ends of Windows": (GOOD.replace(b"\n", b"\r\n"), "", "done"),
    "blank lines": (GOOD.replace(b"\n", b"\n\n"), "", "done"),
    "compact JSON": (GOOD.replace(b": ", b":").replace(b", ", b","), "", "done"),
    "the start twice": (START + GOOD, "", "done"),
    "a later attempt in compact JSON": (GOOD + START.replace(b'": ', b'":') + REST[:43] + b"\n", "", "done"),
    "zero bytes after the last line": (GOOD + b"\0" * 4096, "", "done"),
    "a line of zero bytes": (GOOD + b"\0" * 4096 + b"\n", "", "done"),
    "another sweep's name": (start(sweep="other") + REST, "", "done"),
    "no schema": (start().replace(b'"schema": 1, ', b"") + REST, "", "done"),
    "the start line lost": (REST, NO_START, "starts over"),
    "the start torn": (START[:30] + b"\n" + REST, NO_START, "starts over"),
    "the start torn, and appended to": (START[:30] + REST, NO_START, "starts over"),
    "the start with a key twice": (START[:-2] + b', "seed": 4}\n' + REST, NO_START, "starts over"),
    "an end alone": (GOOD.splitlines(keepends=True)[-1], NO_START, "starts over"),
    "two byte order marks": (b"\xef\xbb\xbf" * 2 + GOOD, NO_START, "starts over"),
    "UTF-16": (GOOD.decode().encode("utf-16"), NO_START, "starts over"),
    "an over-long start": (start(swept="x" * LONGEST_LINE) + REST, NO_START, "starts over"),
    "white space alone": (b" \n\t\n", NO_START, "starts over"),
    "nothing": (b"", NO_START, "starts"),
    "the beginning of a line": (START[:30], NO_START, "starts"),
    "no configuration": (start(config=None) + REST, "its start event has no config", "starts over"),
    "a seed that is none": (start(seed="3") + REST, "its seed is '3', not a whole number", "starts over"),
    "another run": (start(run="ba9876543210") + REST, "", "is of the run ba9876543210; move it away"),
    "a newer schema": (start(schema=SCHEMA + 1) + REST, "", f"is of schema {SCHEMA + 1}"),
    "a schema that is no number": (start(schema="1") + REST, "", "is of schema '1'"),
    "schema 0": (start(schema=0) + REST, "", "is of schema 0"),
    "a schema that is a truth value": (start(schema=True) + REST, "", "is of schema True"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "s" / RUN)
    made.path.mkdir(parents=True)
    return made


def sweeps_verdict(folder):
    runs = LoggedRuns(folder.path.parent)
    try:
        run = runs.get(RUN)
    except InputError as error:
        return str(error)
    if run is None:
        return "starts over" if RUN in runs.unusable else "starts"
    return "done" if run.status == "completed" else run.status


@pytest.mark.parametrize("name", TABLE)
def test_every_reader_gives_the_verdict_of_the_table(folder, monkeypatch, name):
    content, reason, sweep = TABLE[name]
    folder.log.write_bytes(content)
    monkeypatch.setattr(index, "SETTLED", -1)
    monkeypatch.setattr(glance, "FEWEST", 1)
    runs, left_out = read_runs(folder.path.parent)
    assert [each.reason for each in left_out] == ([reason] if reason else [])
    for read in (glance_at_runs, glance_at_runs):  # without an index, and with the one that is left
        assert read(folder.path.parent) == (runs, left_out)
    assert {why_unusable(read(folder)) for read in (read_run, skim_run)} == {reason}
    skimmed, whole = skim_run(folder), read_run(folder)
    assert (skimmed.status, len(skimmed.epochs)) == (whole.status, len(whole.epochs))
    assert sweep in sweeps_verdict(folder)
    assert folder.log.read_bytes() == content


@pytest.mark.parametrize("name", TABLE)
def test_what_is_appended_keeps_every_complete_line(folder, name):
    """A fresh start makes an unusable log usable; a log of another schema is refused, and is not touched at all."""
    content, _, sweep = TABLE[name]
    folder.log.write_bytes(content)
    if "schema" in sweep:
        with pytest.raises(InputError, match="of schema"):
            LogWriter(folder.log)
        assert folder.log.read_bytes() == content
        return
    with LogWriter(folder.log) as log:
        log.append(START)
    kept = content[: content.rfind(b"\n") + 1]
    assert folder.log.read_bytes() == kept + START
    run = read_run(folder)
    assert (why_unusable(run), run.id) == ("", RUN)
    assert run.status == ("completed" if sweep == "done" else "interrupted")


@pytest.mark.parametrize("content", [GOOD + start(schema=2)[:-1], start(schema=2) + REST + GOOD, GOOD + b"x" * 3_000_000
                                     + b"\n" + start(schema=2) + b"torn"])  # fmt: skip
def test_a_log_is_refused_if_any_attempt_is_of_a_newer_schema(folder, content):
    folder.log.write_bytes(content)
    if content.endswith((b"\n", b"torn")):
        with pytest.raises(InputError, match="of schema 2"):
            LogWriter(folder.log)
        assert folder.log.read_bytes() == content
    else:  # torn: its last line says nothing
        LogWriter(folder.log).close()
        assert folder.log.read_bytes() == GOOD


def test_logs_of_an_unknown_schema_are_read_with_one_warning(folder):
    folder.log.write_bytes(start(schema=7) + REST)
    runs, _ = read_runs(folder.path.parent)
    assert len(runs[0].epochs) == 2
    assert "1 log is of a schema" in schema_warning(runs)
    assert "schema 7 (known: 1)" in schema_warning(runs)
    folder.log.write_bytes(GOOD)
    assert schema_warning(read_runs(folder.path.parent)[0]) == ""


def in_place_of_the_log(folder, kind):
    match kind:
        case "a folder":
            folder.log.mkdir()
        case "a pipe":
            os.mkfifo(folder.log)
        case "a link to nowhere":
            folder.log.symlink_to("nowhere")
        case "a link to a log":
            (folder.path / "elsewhere").write_bytes(GOOD)
            folder.log.symlink_to("elsewhere")
        case "a file that may not be read":
            folder.log.write_bytes(GOOD)
            folder.log.chmod(0)


@pytest.mark.parametrize(
    "kind",
    ["a folder", "a pipe", "a link to nowhere", "a link to a log"]
    + (["a file that may not be read"] if os.geteuid() else []),  # root reads everything
)
def test_what_is_no_file_of_ours_is_left_out_and_refused_by_a_sweep(folder, kind):
    """A log may be read through a link; a sweep, which would write to it, refuses that, too."""
    in_place_of_the_log(folder, kind)
    before = os.lstat(folder.log)
    for read in (read_runs, glance_at_runs):
        runs, left_out = read(folder.path.parent)
        assert (len(runs), len(left_out)) == ((1, 0) if kind == "a link to a log" else (0, 1))
    verdict = sweeps_verdict(folder)
    assert str(folder.log) in verdict
    assert "no ordinary file" in verdict or "cannot be read" in verdict
    after = os.lstat(folder.log)
    assert (stat.S_IFMT(after.st_mode), after.st_ino) == (stat.S_IFMT(before.st_mode), before.st_ino)


KEPT = {  # of each form that a log has had: its epochs, and the value of its objective with its epoch
    path.stem: path for path in sorted((Path(__file__).parent / "logs").glob("*.jsonl"))
}


@pytest.mark.parametrize("form", KEPT)
def test_a_log_of_an_earlier_form_is_read_and_may_be_written_to(folder, form):
    content = KEPT[form].read_bytes()
    folder.log.write_bytes(content)
    events = [json.loads(line) for line in content.splitlines()]
    epochs = [event for event in events if event["event"] == "epoch"]
    run = read_run(folder)
    assert (why_unusable(run), schema_warning([run]), run.bad_lines) == ("", "", [])
    assert (run.config, run.seed, run.status) == (events[0]["config"], events[0]["seed"], events[-1]["status"])
    assert list(run.epochs) == epochs
    assert run.summary() == events[-1]["metrics"]
    measured = run.value(run.objective)
    pick = max if events[0]["objective"]["direction"] == "maximize" else min
    assert measured.value == pick(line[events[0]["objective"]["metric"]] for line in epochs)
    assert skim_run(folder) == run
    LogWriter(folder.log).close()
    assert folder.log.read_bytes() == content
