"""The index of many runs: it saves reading their logs, and is believed in nothing that these may say otherwise."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from nnlite.files import aside, asides_in, replacing
from nnlite.runs import LogWriter, Metric, RunFolder, find_conflicts, glance, glance_at_runs, index, read_run, read_runs
from nnlite.runs.index import INDEX_NAME

COUNT = glance.FEWEST
START = {"event": "start", "run": "r", "seed": 4, "objective": {"metric": "val_acc", "direction": "maximize"}}
CONFIG = {"epochs": 3, "learning_rate": 0.1, "hidden": [64], "nested": {"a": 1, "b": [1, 1.0, True]}}
CONFIGS = [CONFIG, CONFIG | {"epochs": 3.0}, CONFIG | {"nested": {"a": True, "b": []}}, {"hidden": "\ud800"}, {}]
METRICS = [Metric(name, "", higher_is_better=up) for name in ("val_acc", "val_loss", "count") for up in (True, False)]


def epoch(number, accuracy=0.5, **more):
    return {"event": "epoch", "epoch": number, "val_acc": accuracy, "val_loss": number / 3, "seconds": 0.1, **more}


def end(status, **fields):
    return {"event": "end", "status": status, **fields}


ENDS = [
    [epoch(1, 0.1), epoch(2, 0.9), epoch(3, 0.9), end("completed", metrics={"val_acc": 0.9, "best_epoch": 2})],
    [epoch(1, count=2), epoch(2, count=10**30), end("completed", test={"confusion": [[1]]}, metrics={"test_acc": 0.5})],
    [epoch(1), end("pruned", metrics={"epochs": 1})],
    [epoch(1, None), end("diverged", error="val_acc is not finite", metrics={})],
    [end("failed", error="MemoryError: \x1b <b>", metrics={"epochs": 0})],
    [epoch(1), epoch(2), {"event": "resume", "epoch": 1, "epochs": 5}, epoch(2, 0.6), end("completed")],
    [epoch(1), "not JSON", {"event": "epoch", "epoch": "3"}, end("completed")],
    [epoch(1), end("completed"), START, epoch(1)],
    [epoch(1), {"event": "end", "status": "failed"}, {"event": "resume", "epoch": 1}, epoch(2)],
    [{"event": "weather", "rain": 1e999}, epoch(1)],
]


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Logs of this very moment are taken for old ones."""
    monkeypatch.setattr(index, "SETTLED", -1)


def write(folder, events):
    folder.path.mkdir(parents=True, exist_ok=True)
    lines = (each if isinstance(each, str) else json.dumps(each) for each in events)
    folder.log.write_text("".join(line + "\n" for line in lines), "utf-8")


@pytest.fixture
def sweep(tmp_path):
    """As many runs as get an index: of every kind, and three folders that tell nothing."""
    for number in range(COUNT):
        start = START | {"run": f"{number:03}", "config": CONFIGS[number % len(CONFIGS)]}
        write(
            RunFolder(tmp_path / "sweep" / f"{number:03}"),
            [start if each is START else each for each in (start, *ENDS[number % len(ENDS)])],
        )
    write(RunFolder(tmp_path / "sweep/empty"), [])
    write(RunFolder(tmp_path / "sweep/foreign"), ["not", "ours"])
    (tmp_path / "sweep/folder/run.jsonl").mkdir(parents=True)
    return tmp_path / "sweep"


def told(root):
    """What is told of each run, whichever way it was read."""
    runs, unreadable = root if isinstance(root, tuple) else glance_at_runs(root)
    measured = [[run.value(metric, at=at) for metric in METRICS for at in ("best", "last")] for run in runs]
    numbers = [(run.metric_names(), run.summary(), run.training_seconds, repr(run.config)) for run in runs]
    ends = [{name: run.end[name] for name in sorted(run.end)} for run in runs]
    return runs, unreadable, measured, numbers, ends, [str(each) for each in find_conflicts(runs)]


def never_read(monkeypatch, but=()):
    """From now on reading any log but those of `but`, and the one that cannot be read, fails the test."""

    def read(folder):
        assert folder.name in (*but, "folder"), f"the log of {folder.name} was read"
        return read_run(folder)

    monkeypatch.setattr(index, "read_run", read)


def test_what_is_told_is_what_the_logs_tell_with_and_without_an_index(sweep):
    whole = told(read_runs(sweep))
    assert len(whole[0]) == COUNT
    assert not (sweep / INDEX_NAME).exists()
    for _ in range(3):
        assert told(sweep) == whole
        assert (sweep / INDEX_NAME).exists()
        whole[0][0].folder.log.touch()  # so that the first log is read anew the next time
    for one, other in zip(glance_at_runs(sweep)[0], whole[0], strict=True):
        assert [type(value) for value in one.config.values()] == [type(value) for value in other.config.values()]


def test_no_log_is_read_that_the_index_knows(sweep, monkeypatch):
    glance_at_runs(sweep)
    never_read(monkeypatch)
    runs, _ = glance_at_runs(sweep)
    assert [run.value(metric) is not None for run in runs[:3] for metric in METRICS]
    assert runs[0].training_seconds == pytest.approx(0.3)


def test_the_epochs_and_the_bulk_of_an_end_are_read_when_they_are_asked_for(sweep):
    glance_at_runs(sweep)
    runs, _ = glance_at_runs(sweep)
    assert [line["val_acc"] for line in runs[0].epochs] == [0.1, 0.9, 0.9]
    assert [line["epoch"] for line in reversed(runs[0].epochs)] == [3, 2, 1]
    assert runs[0].epochs[:1].digest.metrics["val_acc"].highest == 0.1
    assert runs[1].end["test"] == {"confusion": [[1]]}
    assert "test" in runs[1].end
    assert "test" not in runs[0].end


@pytest.mark.parametrize("change", ["an epoch more", "other content of the same size and time", "another file"])
def test_a_changed_log_is_read_anew(sweep, monkeypatch, change):
    glance_at_runs(sweep)
    log = sweep / "000/run.jsonl"
    before = log.stat()
    if change == "an epoch more":
        log.write_bytes(log.read_bytes() + json.dumps(epoch(4, 0.95)).encode() + b"\n")
    elif change == "another file":
        log.rename(sweep / "old")
        log.write_bytes((sweep / "old").read_bytes().replace(b"0.9,", b"0.8,"))
    else:
        log.write_bytes(log.read_bytes().replace(b"0.9,", b"0.8,"))
        assert log.stat().st_size == before.st_size
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    with monkeypatch.context() as patch:
        never_read(patch, but=("000",))
        runs = glance_at_runs(sweep)
    assert told(runs) == told(read_runs(sweep))


def test_a_removed_run_is_gone_and_a_new_one_is_there(sweep):
    glance_at_runs(sweep)
    shutil.rmtree(sweep / "000")
    write(RunFolder(sweep / "new"), [START | {"config": CONFIG}, epoch(1)])
    shutil.copytree(sweep / "001", sweep / "copied")
    assert told(sweep) == told(read_runs(sweep))


def damages(content):
    yield from (content[: len(content) * part // 7] for part in range(7))
    yield from (bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]]) for place in (0, 13, 60, 9000))
    yield content.replace(b"0.9", b"0.8")
    yield content.replace(b"nnlite index 2", b"nnlite index 1")
    yield b"nnlite index 2"
    for body in (b"[]", b"{}", b'{"start":[],"names":{},"runs":7}', b'{"start":{},"names":[],"runs":{"000":[]}}'):
        yield index._header(body) + body
    rows = json.loads(content.partition(b"\n")[2])
    for field in range(1, 7):
        wrong = {name: [*row[:field], 0.5, *row[field + 1 :]] for name, row in rows["runs"].items()}
        body = json.dumps(rows | {"runs": wrong}).encode()
        yield index._header(body) + body


def test_a_damaged_or_foreign_index_is_ignored_and_written_anew(sweep, monkeypatch):
    whole = told(read_runs(sweep))
    glance_at_runs(sweep)
    for bad in damages((sweep / INDEX_NAME).read_bytes()):
        (sweep / INDEX_NAME).write_bytes(bad)
        assert told(sweep) == whole
        if bad and not bad.startswith(index.HEADER):
            assert (sweep / INDEX_NAME).read_bytes() == bad, "nothing proves that it is an index"
            continue
        with monkeypatch.context() as patch:
            never_read(patch)
            glance_at_runs(sweep)


def test_the_index_of_a_copied_folder_counts_for_nothing(sweep, tmp_path):
    glance_at_runs(sweep)
    shutil.copytree(sweep, tmp_path / "copy")  # with the times of the logs
    for log in (tmp_path / "copy").glob("0*/run.jsonl"):
        log.write_bytes(log.read_bytes().replace(b"0.9,", b"0.8,"))
    assert told(tmp_path / "copy") == told(read_runs(tmp_path / "copy"))


def test_where_the_index_cannot_be_written_there_is_none(sweep):
    """F20: what is in its place makes writing it fail, as a read-only folder does, which does not stop root."""
    (sweep / INDEX_NAME).mkdir()
    assert told(sweep) == told(read_runs(sweep))
    assert [path.name for path in sweep.iterdir() if path.name.startswith(".")] == [INDEX_NAME]


def test_a_few_runs_get_no_index(tmp_path):
    for number in range(glance.FEWEST - 1):
        write(RunFolder(tmp_path / str(number)), [START | {"config": {}}, epoch(1)])
    assert len(glance_at_runs(tmp_path)[0]) == glance.FEWEST - 1
    assert not (tmp_path / INDEX_NAME).exists()


def test_a_log_of_this_very_moment_is_left_for_the_next_time(sweep, monkeypatch):
    """Its times could stay what they are when it changes again."""
    monkeypatch.setattr(index, "SETTLED", 3_600_000_000_000)
    assert told(sweep) == told(read_runs(sweep))
    assert not (sweep / INDEX_NAME).exists()


def test_whether_a_run_is_running_is_never_remembered(sweep):
    number = next(
        number for number in range(COUNT) if read_run(RunFolder(sweep / f"{number:03}")).status == "interrupted"
    )
    glance_at_runs(sweep)
    with LogWriter(sweep / f"{number:03}" / "run.jsonl"):
        assert glance_at_runs(sweep)[0][number].status == "running"
        (sweep / INDEX_NAME).unlink()
        assert glance_at_runs(sweep)[0][number].status == "running"
    assert glance_at_runs(sweep)[0][number].status == "interrupted"


def test_what_a_killed_writer_left_is_cleared_away(sweep):
    left = aside(sweep / INDEX_NAME)
    left.write_bytes(b"nnlite")
    with replacing(sweep / INDEX_NAME) as file:  # somebody else writes one at this moment
        file.write(b"")
        glance_at_runs(sweep)
        assert len(asides_in(sweep)) == 1
    assert not left.exists()


def test_readers_see_a_consistent_state_while_a_sweep_writes(sweep):
    """F31, F47: epochs 1 to E of each run, never fewer than before, and an end as soon as there is one."""
    writing = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from nnlite.runs import LogWriter
        for number in range(20):
            with LogWriter(Path({str(sweep)!r}) / f"live{{number}}" / "run.jsonl") as log:
                log.write("start", run=f"live{{number}}", config={{}}, seed=0)
                for epoch in range(1, 11):
                    log.write("epoch", epoch=epoch, val_acc=epoch / 10)
                    time.sleep(0.001)
                log.write("end", status="completed", metrics={{}})
    """)
    writer = subprocess.Popen([sys.executable, "-c", writing])
    trained, ended = {}, False
    while not ended:
        ended = writer.poll() is not None
        runs, unreadable = glance_at_runs(sweep)
        assert {each.folder.name for each in unreadable} - {f"live{number}" for number in range(20)} == {
            "empty", "folder", "foreign"
        }  # fmt: skip
        for run in runs:
            assert len(run.epochs) >= trained.get(run.id, 0)
            assert run.status in ("running", "completed") or not run.id.startswith("live")
            trained[run.id] = len(run.epochs)
    assert writer.returncode == 0
    assert [trained[f"live{number}"] for number in range(20)] == [10] * 20


STRANGE = (None, [], {}, "x", -1, 1e400, [[]], {"x": []}, [1, 2], True)


@pytest.mark.parametrize("part", range(7))
@pytest.mark.parametrize("strange", STRANGE, ids=map(repr, STRANGE))
def test_an_index_that_is_made_to_lie_is_no_traceback(tmp_path, part, strange):
    """One with the right checksum, which no damage has: each part of its entries is another thing."""
    folder = RunFolder(tmp_path / "sweep" / "r")
    write(folder, [START | {"config": CONFIG}, epoch(1), epoch(2), end("completed", metrics={"epochs": 2})])
    known = index.Index(folder.path.parent)
    run = known.read(folder)
    known.save()
    path = folder.path.parent / INDEX_NAME
    content = json.loads(path.read_bytes().partition(b"\n")[2])
    for places in ([part], [part, 0], [part, "status"], [part, "bad_lines"], [part, "failures"], [part, "resumes"]):
        entry = json.loads(json.dumps(content))
        inner = entry["runs"]["r"]
        for place in places[:-1]:
            inner = inner[place]
        if not isinstance(inner, dict if isinstance(places[-1], str) else list) or inner == []:
            continue
        inner[places[-1]] = strange
        body = json.dumps(entry).encode()
        path.write_bytes(index._header(body) + body)
        read = index.Index(folder.path.parent).read(folder)
        assert read.digest.metrics.keys() == run.digest.metrics.keys()
        assert read.status in ("completed", "interrupted")
        assert list(read.epochs)[: len(run.epochs)] is not None
        dict(read.end)


def test_a_digest_in_an_index_that_is_none_is_made_from_the_log(tmp_path):
    folder = RunFolder(tmp_path / "sweep" / "r")
    write(folder, [START, epoch(1), epoch(2), end("completed")])
    known = index.Index(folder.path.parent)
    expected = known.read(folder).digest
    known.save()
    path = folder.path.parent / INDEX_NAME
    content = json.loads(path.read_bytes().partition(b"\n")[2])
    for digest in (
        "",
        "[",
        "[" * 9999,
        "{}",
        "[1]",
        "[1, 99]",
        '["x", 0]',
        "[1, 0, [1]]",
        '[1, 0, ["a",1,1,1,1,1]]',
        "[null, -1]",
    ):
        content["runs"]["r"][5] = digest
        body = json.dumps(content).encode()
        path.write_bytes(index._header(body) + body)
        assert index.Index(folder.path.parent).read(folder).digest == expected
