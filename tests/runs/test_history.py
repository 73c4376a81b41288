"""A run as its log tells it: attempts, resumes, repeated epochs, ends, and who is running."""

import json
import shutil

import pytest

from nnlite.runs import (
    FollowedRun,
    LogWriter,
    Metric,
    RunFolder,
    Value,
    find_runs,
    metric_named,
    read_run,
    read_runs,
    skim_run,
)

ACCURACY = Metric("val_acc", "", higher_is_better=True)
START = {"event": "start", "run": "r", "config": {"epochs": 3}, "seed": 4}


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


@pytest.fixture
def log(folder):
    def write(*events):
        folder.log.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
        return read_run(folder)

    return write


def epoch(number, accuracy=0.5):
    return {"event": "epoch", "epoch": number, "val_acc": accuracy}


def end(status, **fields):
    return {"event": "end", "status": status, **fields}


def resume(number, **fields):
    return {"event": "resume", "epoch": number, **fields}


def accuracies(run):
    return [(line["epoch"], line["val_acc"]) for line in run.epochs]


def test_a_resume_goes_back_to_the_epoch_that_it_names(log):
    run = log(START, epoch(1, 0.1), epoch(2, 0.2), epoch(3, 0.3), resume(1), epoch(2, 0.4))
    assert accuracies(run) == [(1, 0.1), (2, 0.4)]


def test_a_repeated_epoch_supersedes_the_earlier(log):
    """F33."""
    assert accuracies(log(START, epoch(1, 0.1), epoch(1, 0.2), epoch(3), epoch(2))) == [(1, 0.2), (2, 0.5), (3, 0.5)]


def test_a_second_start_begins_anew(log):
    """F33."""
    run = log(START, epoch(1), epoch(2), end("failed", error="oh"), START | {"seed": 5}, epoch(1, 0.9))
    assert (accuracies(run), run.seed, run.status, run.error) == ([(1, 0.9)], 5, "interrupted", "")


def test_a_completed_attempt_stays_until_a_new_one_has_got_further(log):
    completed = (START, epoch(1, 0.1), epoch(2, 0.2), end("completed"))
    started_over = (*completed, START, epoch(1, 0.3), epoch(2, 0.4))
    for events in (started_over, (*started_over, end("interrupted")), (*started_over, end("failed", error="oh"))):
        run = log(*events)
        assert (accuracies(run), run.status) == ([(1, 0.1), (2, 0.2)], "completed")
    run = log(*started_over, epoch(3, 0.5))
    assert (accuracies(run), run.status) == ([(1, 0.3), (2, 0.4), (3, 0.5)], "interrupted")
    assert log(*started_over, end("completed")).epochs[0]["val_acc"] == 0.3


def test_a_pruned_attempt_does_not_replace_a_completed_one_that_got_further(log):
    run = log(START, epoch(1, 0.1), epoch(2, 0.2), end("completed"), START, epoch(1, 0.3), end("pruned"))
    assert (accuracies(run), run.status) == ([(1, 0.1), (2, 0.2)], "completed")


def test_failures_are_counted_until_another_end(log):
    failed = (START, end("failed"), START, end("interrupted"), START, end("failed"))
    assert log(*failed).failures == 2
    assert [log(*failed, START, end(status)).failures for status in ("interrupted", "pruned", "completed")] == [2, 0, 0]


SKIMMED = {
    "completed": (START, epoch(1), epoch(2), end("completed", metrics={"epochs": 2})),
    "diverged": (START, epoch(1), end("diverged", error="oh", metrics={"epochs": 1})),
    "extended": (START, epoch(1), end("pruned"), resume(1, epochs=9), epoch(2), end("pruned", metrics={"epochs": 2})),
    "trained again": (
        START,
        epoch(1),
        epoch(2, {"val_acc": 0.1}),
        resume(1),
        epoch(2, {"val_acc": 0.2}),
        end("completed", metrics={"epochs": 2}),
    ),
    "failed": (START, epoch(1), end("failed", error="oh")),
    "interrupted": (START, epoch(1)),
    "started over": (
        START,
        epoch(1),
        epoch(2),
        end("completed"),
        START,
        epoch(1),
        end("pruned", metrics={"epochs": 1}),
    ),
    "an end of an older version": (START, epoch(1), end("completed")),
    "no start": (epoch(1), end("completed", metrics={"epochs": 1})),
    "a nested start": (START, epoch(1, {"x": '\n{"event": "start"'}), end("completed", metrics={"epochs": 1})),
}


@pytest.mark.parametrize("name", SKIMMED)
def test_a_run_at_a_glance_is_what_its_whole_log_tells(log, folder, name):
    whole = log(*SKIMMED[name])
    skimmed = skim_run(folder)
    assert skimmed == whole
    assert (len(skimmed.epochs), skimmed.epochs[-1:]) == (len(whole.epochs), whole.epochs[-1:])


@pytest.mark.parametrize("torn", [1, 10, 40])
def test_a_torn_log_at_a_glance_is_replayed_whole(log, folder, torn):
    """F28."""
    log(*SKIMMED["completed"])
    folder.log.write_bytes(folder.log.read_bytes()[:-torn])
    assert skim_run(folder) == read_run(folder)
    assert skim_run(folder).status == "interrupted"


def test_a_finished_run_is_skimmed_without_its_epochs(log, folder):
    log(*SKIMMED["completed"])
    skimmed = skim_run(folder)
    folder.log.unlink()
    assert (skimmed.status, len(skimmed.epochs)) == ("completed", 2)


def test_the_last_end_counts_until_the_run_is_reopened(log):
    closed = (START, epoch(1), end("interrupted"), resume(1), end("completed"))
    assert log(*closed).status == "completed"
    assert log(*closed, resume(1)).status == "interrupted"


def test_a_resume_with_a_larger_budget_is_the_configuration_from_then_on(log):
    run = log(START, end("completed"), resume(3, epochs=5))
    assert run.config == {"epochs": 5}


def test_unknown_events_are_ignored(log):
    """F33."""
    assert log(START, {"event": "weather", "rain": True}, epoch(1)).status == "interrupted"


def test_a_run_without_an_end_is_running_while_its_log_is_locked_and_interrupted_otherwise(folder):
    with LogWriter(folder.log) as log:
        log.write("start", run="r", config={})
        assert read_run(folder).status == "running"
    assert read_run(folder).status == "interrupted"


def test_a_followed_run_is_what_reading_it_whole_gives_at_every_moment(folder):
    followed = FollowedRun(folder)
    steps = [START, epoch(1), epoch(2), resume(1, epochs=9), epoch(2), end("completed"), START, epoch(1)]
    with folder.log.open("w", encoding="utf-8") as file:
        for step in steps:
            file.write(json.dumps(step) + "\n")
            file.flush()
            assert followed.read() == read_run(folder)


@pytest.mark.parametrize("seed", [None, [], "3", {}])
def test_a_seed_of_the_wrong_type_does_not_upset_a_reader(log, seed):
    """F35."""
    assert log(START | {"seed": seed}).seed == 0


@pytest.mark.parametrize("value", [None, True, "0.5", [0.5], 10**400])
def test_what_is_no_number_is_no_metric(log, value):
    """F35."""
    run = log(START, epoch(1, value), epoch(2, 0.1), end("completed", metrics={"x": value}))
    assert run.value(ACCURACY) == Value(0.1, 2)
    assert (run.metric_names(), run.summary()) == (["val_acc"], {})


def test_a_number_beyond_the_floats_is_no_metric(folder):
    folder.log.write_text('{"event": "epoch", "epoch": 1, "val_acc": 1e999}\n', "utf-8")
    assert read_run(folder).value(ACCURACY) is None


def test_the_value_of_a_run_is_its_best_epoch_the_earliest_of_equals_or_the_last(log):
    run = log(START, epoch(1, 0.1), epoch(2, 0.9), epoch(3, 0.9), epoch(4, 0.2), end("completed", metrics={"s": 7}))
    assert run.value(ACCURACY) == Value(0.9, 2)
    assert run.value(ACCURACY, at="last") == Value(0.2, 4)
    assert run.value(Metric("val_acc", "")) == Value(0.1, 1)
    assert run.value(Metric("s", "")) == Value(7, 0)
    assert run.value(Metric("none", "")) is None


def test_one_bad_run_folder_costs_itself_alone(tmp_path):
    """F34."""
    for name in ("a", "b", "empty", "folder"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / name / "run.jsonl").write_text(json.dumps(START) + "\n", "utf-8")
    (tmp_path / "empty" / "run.jsonl").touch()
    (tmp_path / "folder" / "run.jsonl").mkdir()
    (tmp_path / "no log").mkdir()
    runs, unreadable = read_runs(tmp_path)
    assert [run.folder.name for run in runs] == ["a", "b"]
    assert [each.folder.name for each in unreadable] == ["empty", "folder"]
    assert all(each.reason for each in unreadable)


def test_runs_are_found_from_a_run_a_sweep_or_a_folder_of_sweeps(tmp_path):
    log = tmp_path / "experiments" / "sweep" / "run" / "run.jsonl"
    log.parent.mkdir(parents=True)
    log.touch()
    for root in (tmp_path / "experiments", tmp_path / "experiments/sweep", log.parent):
        assert list(find_runs(root)) == [RunFolder(log.parent)]
    shutil.rmtree(log.parent)
    assert list(find_runs(tmp_path)) == []


@pytest.mark.parametrize(("name", "higher"), [("val_acc", True), ("fid", False), ("my_acc", True), ("mine", False)])
def test_a_metric_knows_which_way_is_better(name, higher):
    assert metric_named(name, logged=["my_acc", "mine"]).higher_is_better is higher
