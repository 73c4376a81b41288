"""Asynchronous halving with real processes: nobody waits for a rung to fill, and nothing is trained twice."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nnlite.models import Epoch, Score, Training
from nnlite.runs import RunFolder, read_log, read_run
from nnlite.runs.log import is_locked
from nnlite.sweep import Limits, expand, load_sweep, make_plan, run_trials
from nnlite.sweep.pruning import AsynchronousHalving, Pruned

RATES = "[grid]\nlearning_rate = [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]"


@dataclass(frozen=True)
class Scripted:
    """Makes trainings whose accuracy is their learning rate.

    Attributes:
        notes: a folder for what the trainings leave there.
        slow: the learning rate of the trial that takes its time for its first epoch.
        failing: whether each trial fails in its first attempt.
    """

    notes: Path
    slow: float | None = None
    failing: bool = False

    def __call__(self, trial):
        return ScriptedTraining(trial, self)


class ScriptedTraining(Training):
    """A training that does what its script says."""

    def __init__(self, trial, script):
        super().__init__(trial.config)
        self.rate = trial.config.learning_rate
        self.note = script.notes / f"failed {trial.id}"
        self.script = script

    def state(self):
        return {"epoch": np.array(self._epoch)}

    def restore(self, state):
        self._epoch = int(state["epoch"])

    def weights(self):
        return {"weights": np.zeros(1)}

    def score(self, _weights):
        return Score({"test_acc": 0.5})

    def _train_one_epoch(self):
        if self.script.failing and not self.note.exists():
            self.note.touch()
            raise RuntimeError("once")
        time.sleep(1.5 if self.rate == self.script.slow and self._epoch == 1 else 0.02)
        return Epoch(self._epoch, {"val_acc": self.rate, "seconds": 0.0})


class Listening:
    """A listener that keeps what it hears, by learning rate and seed."""

    def __init__(self):
        self.heard = []

    def planned(self, _tasks):
        pass

    def started(self, trial, _folder):
        self.heard.append(("started", (trial.config.learning_rate, trial.seed)))

    def ended(self, trial, _folder, outcome):
        self.heard.append((outcome.status, (trial.config.learning_rate, trial.seed)))

    def refresh(self):
        pass


@pytest.fixture
def train(spec, digits, tmp_path):
    """Train six configurations for nine epochs by asynchronous halving; what came of them, and what was heard."""

    def call(seeds=1, retries=0, **script):
        trials = expand(load_sweep(spec(RATES), ["epochs=9", f"seeds={seeds}"]), digits)
        strategy = Pruned(trials, AsynchronousHalving(3, 1))
        plan = make_plan(trials, tmp_path / "tiny", strategy=strategy, retries=retries)
        listening = Listening()
        run_trials(
            plan, 2, {}, listening, limits=Limits(retries=retries, max_failures=0), make=Scripted(tmp_path, **script)
        )
        assert not make_plan(trials, tmp_path / "tiny", strategy=strategy).tasks
        runs = {(each.config.learning_rate, each.seed): read_run(plan.run_folder(each)) for each in trials}
        return runs, listening.heard

    return call


def test_nobody_waits_for_the_slowest_of_a_rung(train):
    runs, heard = train(slow=0.1)
    assert [len(run.epochs) for run in runs.values()] == [9, 3, 1, 1, 1, 1]
    assert [run.status for run in runs.values()] == ["completed", *["pruned"] * 5]
    second_rung = heard.index(("started", (0.6, 0)), 1)
    assert second_rung < heard.index(("pruned", (0.1, 0)))


def test_trials_that_were_tried_again_and_went_on_have_one_worker_at_a_time(train):
    runs, heard = train(seeds=3, retries=1, failing=True)
    assert {what for what, _ in heard} == {"started", "failed", "pruned", "completed"}
    assert {run.status for (rate, _), run in runs.items() if rate == 0.6} == {"completed"}
    for trial, run in runs.items():
        events = [event["event"] for event in read_log(run.folder.log)[0]]
        assert events.count("start") == 2
        assert heard.count(("started", trial)) == events.count("start") + events.count("resume")


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_and_every_start_says_that_it_was_asynchronous(spec, nnlite, tmp_path):
    rates = RATES.replace("0.1]", "1e30]")
    path = spec(
        f"seeds = 2\n{rates}\n[pruning]\nstrategy = 'asha'\nmin_epochs = 3",
        fixed="epochs = 27\nactivation = 'relu'",
    )
    arguments = ("sweep", path, "-j", 2, "--experiments", tmp_path)
    driver = nnlite(*arguments, wait=False)
    deadline = time.monotonic() + 300
    while sum(log.read_bytes().count(b'"event": "end"') for log in tmp_path.rglob("run.jsonl")) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    while any(is_locked(log) for log in tmp_path.rglob("run.jsonl")):  # its workers end themselves
        assert time.monotonic() < deadline
        time.sleep(0.01)
    done = nnlite(*arguments, code=0)
    assert "12 of 12 trials done" in done.stdout
    runs = [read_run(RunFolder(log.parent)) for log in tmp_path.rglob("run.jsonl")]
    assert sorted(run.status for run in runs if run.config["learning_rate"] == 1e30) == ["diverged"] * 2
    assert {len(run.epochs) for run in runs if run.status == "pruned"} <= {3, 9}
    assert {len(run.epochs) for run in runs if run.status == "completed"} == {27}
    assert all(run.start["pruning"]["strategy"] == "asha" for run in runs)
    again = nnlite(*arguments, code=0)
    assert "nothing is left to train" in again.stderr
