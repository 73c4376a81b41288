"""Watching a folder of runs by their logs alone."""

import pytest

from nnlite.errors import InputError
from nnlite.runs import LogWriter
from nnlite.sweep.display import watch
from nnlite.sweep.display.screens import PlainScreen
from nnlite.sweep.display.watching import WatchedFolder

START = {"sweep": "s", "config": {"epochs": 4, "hidden": [16]}, "seed": 3, "swept": ["hidden"]}
OBJECTIVE = {"metric": "fid", "direction": "minimize"}


@pytest.fixture
def begin(tmp_path):
    """Begin a run: its log, held open as a worker does."""
    held = []

    def call(name, sweep="s", epochs=0):
        held.append(LogWriter(tmp_path / sweep / name / "run.jsonl"))
        held[-1].write("start", run=name, objective=OBJECTIVE, **(START | {"sweep": sweep}))
        train(held[-1], *range(1, epochs + 1))
        return held[-1]

    yield call
    for log in held:
        try:
            log.close()
        except OSError:
            continue


def train(log, *epochs):
    for epoch in epochs:
        log.write("epoch", epoch=epoch, fid=100.0 / epoch)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlite.sweep.display.watching.SEARCH_SECONDS", 0.0)
    monkeypatch.setattr("nnlite.sweep.display.watching.SEARCHING_SHARE", 1e9)
    return WatchedFolder(tmp_path)


def lines(folder):
    return [news.line for news in folder.look()]


def test_what_has_happened_before_is_no_news(folder, begin):
    begin("a", epochs=2).close()
    assert lines(folder) == []
    assert not folder.running


def test_starts_ends_and_failures_are_news(folder, begin):
    folder.look()
    log = begin("a" * 12)
    assert lines(folder) == ["aaaaaaaa hidden=[16] seed=3: started, epochs: 4"]
    assert folder.running
    train(log, 1, 2)
    assert lines(folder) == []
    log.write("end", status="failed", error="oh")
    log.close()
    (news,) = folder.look()
    assert (news.line, news.bad) == ("aaaaaaaa hidden=[16] seed=3: failed: oh", True)
    assert not folder.running
    assert lines(folder) == []


def test_a_run_whose_process_died_is_interrupted(folder, begin):
    log = begin("a", epochs=2)
    folder.look()
    log.close()  # as the system does for the dead
    assert lines(folder) == ["a hidden=[16] seed=3: interrupted"]


def test_a_run_that_came_and_went_between_two_looks_is_told(folder, begin):
    folder.look()
    log = begin("a", epochs=4)
    log.write("end", status="completed", metrics={"best_epoch": 4, "fid": 25.0, "epochs": 4})
    log.close()
    assert lines(folder) == ["a hidden=[16] seed=3: fid 25 (epoch 4)"]


def test_the_picture_shows_each_sweep_as_its_logs_tell(folder, begin):
    begin("a", epochs=3)
    begin("b", epochs=1).close()
    begin("c", sweep="other", epochs=2)
    folder.look()
    one, other = folder.standings()
    assert (one.name, other.name) == ("s", "other") or (one.name, other.name) == ("other", "s")
    one = next(each for each in (one, other) if each.name == "s")
    assert one.counts == {"running": 1, "interrupted": 1}
    assert (one.epochs, one.all_epochs) == (4, 8)
    (row,) = one.rows
    assert (row.id, row.label, row.epochs, row.until) == ("a", "hidden=[16] seed=3", 3, 4)
    assert row.best.value == pytest.approx(100 / 3), "lower is better"
    assert one.best.id == "a"
    assert "of the trials begun" in one.worked(whole=True)


def test_nothing_that_a_log_may_hold_stops_the_watching(folder, begin, tmp_path):
    (tmp_path / "s" / "empty").mkdir(parents=True)
    (tmp_path / "s" / "empty" / "run.jsonl").touch()
    (tmp_path / "s" / "torn").mkdir()
    (tmp_path / "s" / "torn" / "run.jsonl").write_bytes(b'{"event": "start"\n\xff\n{"event": "epo')
    (tmp_path / "s" / "folder" / "run.jsonl").mkdir(parents=True)
    log = begin("a")
    log.write("epoch", epoch=1, fid=None, time="yesterday")
    log.write("start", swept=3, objective=[], config={"epochs": "many"})
    log.write("epoch", epoch=1, val_acc="high", images_per_second="fast")
    folder.look()
    assert folder.standings()


@pytest.mark.slow
def test_watching_ends_when_nothing_has_run_for_a_while(tmp_path, nnlite, spec):
    told = []
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 40")
    process = nnlite("sweep", path, "-j", 1, "--experiments", tmp_path, wait=False)
    assert watch(tmp_path, PlainScreen(told.append), quiet_seconds=4.0) == 0
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert told[0].startswith("nothing is running in")
    assert sum("val_acc" in line and "| best" not in line for line in told) == 2
    assert any(line.startswith("tiny: 2 done, 80/80 epochs") for line in told)
    assert told[-1] == f"nothing is running in {tmp_path} any more"


def test_watching_ends_also_if_every_trial_came_and_went_between_two_looks(tmp_path, begin):
    told = []

    class Quick(PlainScreen):
        def show(self, _standings):
            if not list(tmp_path.rglob("run.jsonl")):
                log = begin("a", epochs=2)
                log.write("end", status="completed", metrics={})
                log.close()

    assert watch(tmp_path, Quick(told.append), quiet_seconds=0.5) == 0
    assert any("completed" in line or "done" in line for line in told), told
    assert told[-1] == f"nothing is running in {tmp_path} any more"


def test_watching_what_is_not_there_is_a_mistake(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        watch(tmp_path / "nowhere", PlainScreen(print))
