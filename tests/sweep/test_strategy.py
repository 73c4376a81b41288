"""What is left to train, told from what the logs say."""

import math

import pytest

from nnlite.runs import Run, RunFolder
from nnlite.sweep.spec import Objective
from nnlite.sweep.strategy import Everything, Task, is_met, is_over, missed_bar


@pytest.fixture
def run(tmp_path):
    def make(status, *values, metric="val_acc"):
        epochs = [{"event": "epoch", "epoch": number, metric: value} for number, value in enumerate(values, 1)]
        return Run(RunFolder(tmp_path / "run"), {}, epochs, status)

    return make


@pytest.mark.parametrize(
    ("status", "epochs", "until", "met"),
    [
        ("completed", 5, 5, True),
        ("completed", 9, 5, True),
        ("completed", 3, 5, False),
        ("pruned", 3, 3, True),
        ("pruned", 3, 2, True),
        ("pruned", 3, 4, False),
        ("pruned", 5, 5, False),
        ("diverged", 1, 5, True),
        ("failed", 5, 5, False),
        ("interrupted", 5, 5, False),
        ("interrupted", 3, 3, False),
        ("running", 3, 3, False),
    ],
)
def test_a_task_is_met_by_a_run_that_came_to_its_own_end_no_earlier(trial, run, status, epochs, until, met):
    assert is_met(Task(trial(epochs=5), until), run(status, *[0.5] * epochs)) is met


def test_a_task_is_over_when_it_is_met_or_has_failed(trial, run):
    task = Task(trial(epochs=2), 2)
    ends = {"completed": True, "failed": True, "interrupted": False}
    assert {status: is_over(task, run(status, 0.5, 0.5)) for status in ends} == ends
    assert not is_over(task, None)


def test_everything_is_each_trial_to_its_end_that_is_not_over(trial, run):
    trials = [trial(seed=seed, epochs=2) for seed in range(4)]
    runs = {trials[0].id: run("completed", 0.5, 0.5), trials[1].id: run("pruned", 0.5), trials[2].id: run("failed")}
    assert Everything(trials).next_tasks(runs) == [Task(trials[1], 2), Task(trials[3], 2)]
    assert Everything(trials[:1]).next_tasks(runs) == []


@pytest.mark.parametrize(
    ("direction", "values", "bars", "missed"),
    [
        ("maximize", [0.5, 0.4], {2: 0.5}, None),
        ("maximize", [0.5, 0.4], {2: 0.6}, 2),
        ("maximize", [0.5, 0.4], {1: 0.6, 2: 0.6}, 1),
        ("maximize", [0.5, 0.7], {3: 0.9}, None),
        ("minimize", [0.5, 0.4], {1: 0.5, 2: 0.4}, None),
        ("minimize", [0.5, 0.6], {2: 0.4}, 2),
        ("maximize", [None, None], {2: 0.0}, 2),
        ("maximize", [None, 0.3], {1: -math.inf}, 1),
        ("maximize", [None, 0.3], {2: 0.3}, None),
        ("maximize", [0.5], {}, None),
    ],
)
def test_a_bar_is_for_the_best_epoch_so_far(trial, run, direction, values, bars, missed):
    task = Task(trial(objective=Objective("val_acc", direction), epochs=9), 9, bars)
    assert missed_bar(task, run("interrupted", *values).epochs) == missed


def test_a_pruned_run_is_met_by_the_bar_that_it_missed_and_by_no_other(trial, run):
    pruned = run("pruned", 0.5, 0.6)
    assert is_met(Task(trial(epochs=9), 9, {2: 0.7}), pruned)
    assert not is_met(Task(trial(epochs=9), 9, {2: 0.6}), pruned)
