"""Limits of the system and missing modules are no trial's fault: the sweep stops at once, and goes on afterwards."""

import errno
import json
import os
import resource
import socket
import sys
import types

import pytest

from nnlite.models import HYPERPARAMETERS
from nnlite.runs import RunFolder, read_run
from nnlite.sweep import Limits, make_plan, run_trials
from nnlite.sweep.blame import LIMITS
from nnlite.sweep.spec import Objective
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import make_training, outcome_of


class Silent:
    """A listener that hears nothing."""

    def planned(self, _tasks):
        pass

    def started(self, _trial, _folder):
        pass

    def ended(self, _trial, _folder, _outcome):
        pass

    def refresh(self):
        pass


def needs_a_module(_trial):
    import nowhere_to_be_found  # noqa: F401, PLC0415


@pytest.fixture
def train(tmp_path, digits):
    """Train four trials with `make`: what came of it, and their plan."""

    def run(make):
        trials = []
        for seed in range(4):
            config = HYPERPARAMETERS["classifier"].model_validate({"validation": 300, "hidden": [8], "epochs": 1})
            trials.append(Trial("tiny", "classifier", digits, config, seed, Objective("val_acc", "maximize")))
        plan = make_plan(trials, tmp_path / "tiny")
        return run_trials(plan, 1, {}, Silent(), limits=Limits(retries=3, max_failures=5), make=make), plan

    return run


@pytest.mark.parametrize("number", sorted(LIMITS), ids=errno.errorcode.get)
def test_every_limit_of_the_system_interrupts_and_says_what_to_do(number):
    outcome = outcome_of(OSError(number, os.strerror(number)))
    assert outcome.status == "interrupted"
    assert outcome.error.endswith(LIMITS[number])


def test_a_thread_too_many_is_a_limit_of_the_system():
    assert outcome_of(RuntimeError("can't start new thread")).status == "interrupted"


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "nothing there"), OSError("odd"), ValueError("x")])
def test_other_errors_are_the_trials(error):
    assert outcome_of(error).status == "failed"


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        pytest.param(resource.RLIMIT_FSIZE, 40_000, "`ulimit -f` says how large a file may become", id="file size"),
        pytest.param(resource.RLIMIT_CPU, 4, "`ulimit -t` says how long a process may compute", id="computing time"),
    ],
)
def test_a_sweep_that_meets_a_limit_stops_and_goes_on_once_it_is_lifted(spec, nnlite, tmp_path, limit, value, said):
    def limited():
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))

    epochs = 1 if limit == resource.RLIMIT_FSIZE else 1500
    command = ("sweep", spec("seeds = 3\n", fixed=f"epochs = {epochs}"), "--experiments", tmp_path / "e", "-j", 1)
    done = nnlite(*command, code=1, preexec_fn=limited)
    assert "the sweep stops early, since no trial can be trained here and now: " in done.stderr
    assert said in done.stderr
    assert "failed" not in done.stderr
    assert "Traceback" not in done.stderr
    if limit == resource.RLIMIT_FSIZE:
        again = nnlite(*command, code=0)
        assert "3 of 3 trials done" in again.stdout


def test_a_module_that_a_trial_cannot_import_stops_the_sweep_at_once(train):
    results, plan = train(needs_a_module)
    (outcome,) = results.outcomes.values()
    assert outcome.status == "interrupted", "one trial was tried, once"
    for part in ("nowhere_to_be_found", __file__, sys.executable, socket.gethostname(), "environment is at fault"):
        assert part in outcome.error
        assert part in results.halted
    (run,) = (read_run(RunFolder(path)) for path in plan.folder.iterdir())
    assert run.status == "interrupted"
    assert run.error == outcome.error
    results, _ = train(make_training)
    assert {each.status for each in results.outcomes.values()} == {"completed"}
    assert len(results.outcomes) == 4


def test_a_worker_that_cannot_load_what_it_is_to_train_says_so(train, monkeypatch):
    """Its interpreter may find other modules than the driver's."""
    module = types.ModuleType("only_the_driver_has_this")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def make(trial):
        return make_training(trial)

    make.__module__, make.__qualname__, module.make = module.__name__, "make", make
    results, plan = train(make)
    (outcome,) = results.outcomes.values()
    assert outcome.status == "interrupted"
    for part in ("only_the_driver_has_this", sys.executable, "environment is at fault"):
        assert part in results.halted
    assert not [line for path in plan.folder.rglob("run.jsonl") for line in path.read_text().splitlines()
                if json.loads(line).get("status") == "failed"]  # fmt: skip
