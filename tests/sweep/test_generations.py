"""A strategy, carried out generation by generation: the same trials and numbers however often it is stopped."""

import os
import signal
from dataclasses import dataclass

import pytest

from nnlite.errors import Stopped
from nnlite.runs import LogWriter, read_log, read_run
from nnlite.sweep import Task, Trial, make_plan, run_trials, strangers
from nnlite.sweep.plan import LoggedRuns
from nnlite.sweep.strategy import is_over
from nnlite.sweep.worker import run_task

RUNGS = (1, 3, 6)


@dataclass(frozen=True)
class Halving:
    """Successive halving at its plainest: after each rung the better half goes on."""

    trials: tuple[Trial, ...]
    foreseen = False
    asynchronous = False

    def next_tasks(self, runs):
        alive = self.trials
        for rung in RUNGS:
            tasks = [Task(trial, rung) for trial in alive]
            seen = {trial.id: runs.get(trial.id) for trial in alive}
            if left := [task for task in tasks if not is_over(task, seen[task.trial.id])]:
                return left
            reached = {
                trial.id: max(line["val_acc"] for line in seen[trial.id].epochs[:rung])
                for trial in alive
                if seen[trial.id].status != "failed"
            }
            alive = sorted(
                (trial for trial in alive if trial.id in reached), key=lambda trial: (-reached[trial.id], trial.id)
            )[: max(1, len(alive) // 2)]
        return []


class Stopping:
    """A listener that keeps what it hears, and stops the sweep after so many trials have ended."""

    def __init__(self, after=None):
        self.after = after
        self.heard = []

    def planned(self, tasks):
        pass

    def started(self, trial, _folder):
        self.heard.append(("started", trial.id))

    def ended(self, trial, _folder, outcome):
        self.heard.append((outcome.status, trial.id))
        if self.after and sum(what != "started" for what, _ in self.heard) == self.after:
            os.kill(os.getpid(), signal.SIGTERM)

    def refresh(self):
        pass


@pytest.fixture
def trials(trial):
    return tuple(trial(learning_rate=rate, momentum=0.5, epochs=RUNGS[-1]) for rate in (0.02, 0.1, 0.5, 0.01))


@pytest.fixture
def halve(trials):
    def run(folder, jobs=1, after=None, retries=0):
        plan = make_plan(trials, folder, strategy=Halving(trials), retries=retries)
        listener = Stopping(after)
        return run_trials(plan, jobs, {}, listener), plan, listener.heard

    return run


def epochs_of(folder, trials):
    return [len(read_run(make_plan(trials, folder).run_folder(trial)).epochs) for trial in trials]


def test_generations_end_with_the_same_numbers_for_any_number_of_workers_and_of_stops(
    halve, trials, tmp_path, numbers, check_log
):
    results, plan, heard = halve(tmp_path / "one")
    assert not plan.foreseen
    assert make_plan(trials, tmp_path / "two").foreseen
    assert sorted(epochs_of(tmp_path / "one", trials)) == [1, 1, 3, 6]
    assert sorted(outcome.status for outcome in results.outcomes.values()) == [
        "completed",
        "pruned",
        "pruned",
        "pruned",
    ]
    ends = [what for what, _ in heard if what != "started"]
    assert ends == ["pruned"] * 6 + ["completed"]
    halve(tmp_path / "two", jobs=2)
    for _ in range(20):
        try:
            halve(tmp_path / "stopped", jobs=2, after=2)
            break
        except Stopped:
            pass
    for trial in trials:
        one = plan.run_folder(trial).path
        run = read_run(plan.run_folder(trial))
        assert numbers(tmp_path / "two" / trial.id) == numbers(one)
        assert numbers(tmp_path / "stopped" / trial.id) == numbers(one)
        check_log(one / "run.jsonl", len(run.epochs), run.status)


def test_a_finished_strategy_leaves_nothing_to_do(halve, trials, tmp_path):
    halve(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    results, plan, heard = halve(tmp_path)
    assert (results.outcomes, heard, plan.pending) == ({}, [], [])
    assert [trial.id for trial in plan.done] == [trial.id for trial in trials]
    assert sorted(end.status for end in plan.ends.values()) == ["completed", "pruned", "pruned", "pruned"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_without_the_strategy_pruned_trials_are_taken_up_to_the_end(halve, trials, tmp_path, numbers):
    halve(tmp_path / "halved")
    plan = make_plan(trials, tmp_path / "halved")
    assert len(plan.pending) == 3
    run_trials(plan, 1, {}, Stopping())
    run_trials(make_plan(trials, tmp_path / "whole"), 1, {}, Stopping())
    for trial in trials:
        assert numbers(tmp_path / "halved" / trial.id) == numbers(tmp_path / "whole" / trial.id)
    events = [event["event"] for event in read_log(tmp_path / "halved" / trials[0].id / "run.jsonl")[0]]
    assert events.count("start") == 1


def test_what_an_earlier_sweep_completed_is_not_trained_again_by_a_strategy(halve, trials, tmp_path):
    run_task(Task(trials[0], RUNGS[-1]), make_plan(trials, tmp_path).run_folder(trials[0]), {})
    before = (tmp_path / trials[0].id / "run.jsonl").read_bytes()
    halve(tmp_path)
    assert (tmp_path / trials[0].id / "run.jsonl").read_bytes() == before
    assert max(epochs_of(tmp_path, trials)) == 6


def test_a_strategy_that_asks_for_what_is_met_ends(trials, tmp_path):
    class Stubborn:
        foreseen = False
        asynchronous = False

        def next_tasks(self, _runs):
            return [Task(trials[0], 1)]

    plan = make_plan(trials[:1], tmp_path, strategy=Stubborn())
    results = run_trials(plan, 1, {}, Stopping())
    assert results.outcomes[trials[0].id].status == "pruned"


def test_a_strategy_sees_a_trial_that_will_be_tried_again_as_interrupted(trials, tmp_path):
    folder = make_plan(trials, tmp_path).run_folder(trials[0])
    with LogWriter(folder.log) as log:
        log.write("start", run=folder.name, config={})
        log.write("end", status="failed", error="oh")

    def status(**options):
        return LoggedRuns(tmp_path, **options)[folder.name].status

    assert status() == "failed"
    assert status(retries=1) == "interrupted"
    assert status(retry_failed=True) == "interrupted"
    assert status(retries=1, retry_failed=True, tried={folder.name}) == "failed"
    assert list(LoggedRuns(tmp_path)) == [folder.name]
    assert "nothing" not in LoggedRuns(tmp_path)


def test_runs_that_the_file_no_longer_names_are_counted(halve, trials, tmp_path):
    halve(tmp_path)
    (tmp_path / "no run").mkdir()
    assert strangers(tmp_path, trials) == 0
    assert strangers(tmp_path, trials[1:]) == 1
    assert strangers(tmp_path / "none", trials) == 0
