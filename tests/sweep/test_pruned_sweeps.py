"""Pruned sweeps with real processes: alike for any number of workers, as replayed, and taken up by a larger budget."""

import json
import os
import signal
import time

import pytest

from nnlite.runs import RunFolder, read_run
from nnlite.runs.log import is_locked
from nnlite.sweep import expand, load_sweep, make_plan, run_trials
from nnlite.sweep.pruning import Halving, Median, Pruned
from nnlite.sweep.replay import replay

TIMINGS = {"time", "seconds", "images_per_second"}
RATES = "seeds = 2\n[grid]\nlearning_rate = [0.1, 0.03, 1.0, 0.01]"


class Silent:
    """A listener that is told and does not tell."""

    def planned(self, *_):
        pass

    def started(self, *_):
        pass

    def ended(self, *_):
        pass

    def refresh(self):
        pass


@pytest.fixture
def train(spec, digits, tmp_path):
    """Train the sweep in a folder, with or without pruning; the runs by id."""
    path = spec(RATES)

    def call(name, rule=None, *, jobs=2, epochs=4):
        trials = expand(load_sweep(path, [f"epochs={epochs}"]), digits)
        strategy = Pruned(trials, rule) if rule else None
        run_trials(make_plan(trials, tmp_path / name, strategy=strategy), jobs, {}, Silent())
        assert not make_plan(trials, tmp_path / name, strategy=strategy).tasks
        folders = [RunFolder(tmp_path / name / trial.id) for trial in trials]
        return {folder.name: read_run(folder) for folder in folders if folder.log.exists()}, trials[0].objective

    return call


def numbers(run):
    return [{name: value for name, value in line.items() if name not in TIMINGS} for line in run.epochs]


@pytest.mark.slow
@pytest.mark.parametrize("rule", [Halving(2), Median(1, 1)], ids=["halving", "median"])
def test_pruning_is_the_same_for_any_number_of_workers_and_as_replayed(train, rule):
    whole, objective = train("whole", jobs=1)  # so that the logs tell the order of the file
    one, _ = train("one", rule, jobs=1)
    two, _ = train("two", rule, jobs=2)
    assert {each: numbers(run) for each, run in one.items()} == {each: numbers(run) for each, run in two.items()}
    assert {run.status for run in one.values()} == {"completed", "pruned"}
    assert all(numbers(run) == numbers(whole[each])[: len(run.epochs)] for each, run in one.items())
    ((found,), _) = replay(list(whole.values()), objective, rule)
    assert sum(len(run.epochs) for run in one.values()) == found.trained < found.of


@pytest.mark.slow
def test_a_larger_budget_goes_on_from_the_checkpoints_of_pruned_trials(train):
    before, _ = train("grown", Halving(2), epochs=4)
    grown, _ = train("grown", Halving(2), epochs=12)
    fresh, _ = train("fresh", Halving(2), epochs=12)
    for each, run in fresh.items():
        assert len(grown[each].epochs) == max(len(run.epochs), len(before[each].epochs))
        assert numbers(grown[each])[: len(run.epochs)] == numbers(run)
    assert any(run.status == "pruned" and len(grown[each].epochs) > len(run.epochs) for each, run in before.items())


def test_what_was_completed_for_a_smaller_budget_is_not_done(spec, ask, tmp_path):
    """One configuration was pruned and one completed; what follows for the latter is of a later generation."""
    pruning = '[pruning]\nstrategy = "halving"\nfactor = 2\nmin_epochs = 2\n'
    path = spec(f"[grid]\nlearning_rate = [0.01, 1.0]\n{pruning}", fixed="epochs = 3")
    sweep = ("sweep", path, "-j", 1, "--experiments", tmp_path)
    assert "2 of 2 trials done" in ask(*sweep).stdout
    planned = ask(*sweep, "-S", "epochs=8", "-n").stdout
    assert "to go on from epoch 3" in planned
    assert "2 trials, 1 to train, " in planned
    assert planned.endswith(", 1 pruned before\n")
    told = ask(*sweep, "-S", "epochs=8")
    assert "1 of 2 trials are done already" in told.stderr
    assert "2 of 2 trials done in" in told.stdout
    assert sorted(len(read_run(RunFolder(log.parent)).epochs) for log in tmp_path.rglob("run.jsonl")) == [2, 8]
    assert "nothing is left to train" in ask(*sweep, "-S", "epochs=8").stderr


def test_a_sweep_that_is_done_says_so_at_every_further_call(spec, ask, tmp_path):
    """The second seed of a configuration that the median rule stopped is never asked for: it is skipped."""
    pruning = '[pruning]\nstrategy = "median"\ngeneration = 1\n'
    path = spec(f"seeds = 2\n[grid]\nlearning_rate = [1.0, 1e-4, 1e-5]\n{pruning}")
    sweep = ("sweep", path, "-j", 1, "--experiments", tmp_path)
    first = ask(*sweep)
    before = {log: log.read_bytes() for log in tmp_path.rglob("run.jsonl")}
    again = ask(*sweep)
    assert first.stdout == again.stdout
    assert first.stdout.startswith("6 of 6 trials done")
    assert "2 of them skipped" in first.stdout
    assert {log: log.read_bytes() for log in tmp_path.rglob("run.jsonl")} == before
    assert len(before) == 4
    statuses = [trial["status"] for trial in json.loads(ask(*sweep, "--json").stdout)["trials"]]
    assert sorted(statuses) == ["completed"] * 2 + ["pruned"] * 2 + ["skipped"] * 2
    assert ask(*sweep, "-n").stdout.endswith("6 trials, 2 done already, 2 pruned before, 2 skipped before\n")


SEARCH = """seeds = 2
[when]
momentum = "optimizer == 'sgd'"
[search]
strategy = "tpe"
trials = 6
generation = 3
learning_rate = { low = 1e-3, high = 3.0, log = true }
optimizer = ["sgd", "adam"]
momentum = { low = 0.0, high = 0.95 }
[pruning]
strategy = "halving"
factor = 2
min_epochs = 5
[limits]
retries = 1
timeout = "5m"
stall = "1m"
"""


@pytest.mark.slow
def test_a_search_that_is_pruned_and_killed_goes_the_same_way_with_other_workers(spec, nnlite, tmp_path):
    path = spec(SEARCH, fixed="epochs = 20")
    nnlite("sweep", path, "-j", 2, "--experiments", tmp_path / "whole", code=0)
    for jobs, ends in ((1, 2), (2, 9), (3, 15)):
        driver = nnlite("sweep", path, "-j", jobs, "--experiments", tmp_path / "killed", wait=False)
        deadline = time.monotonic() + 300
        while count_ends(tmp_path / "killed") < ends and driver.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        assert driver.poll() is None, "it was to be killed on its way"
        os.kill(driver.pid, signal.SIGKILL)
        driver.communicate()
        while any(is_locked(log) for log in tmp_path.rglob("run.jsonl")):  # its workers end themselves
            assert time.monotonic() < deadline
            time.sleep(0.01)
    done = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path / "killed", code=0)
    assert "12 of 12 trials done" in done.stdout
    assert "8 of them pruned" in done.stdout
    whole, killed = (
        {log.parent.name: read_run(RunFolder(log.parent)) for log in (tmp_path / name / "tiny").glob("*/run.jsonl")}
        for name in ("whole", "killed")
    )
    assert {each: (run.status, numbers(run)) for each, run in whole.items()} == {
        each: (run.status, numbers(run)) for each, run in killed.items()
    }


def count_ends(folder):
    return sum(log.read_bytes().count(b'"event": "end"') for log in folder.rglob("run.jsonl"))
