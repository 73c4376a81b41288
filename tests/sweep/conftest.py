"""What the tests of sweeps share: trials of the small dataset, and what two trainings of one trial have in common."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from nnlite.models import HYPERPARAMETERS
from nnlite.nn import load_arrays
from nnlite.runs import RunFolder, read_log, read_run
from nnlite.sweep import load_sweep
from nnlite.sweep.spec import Objective
from nnlite.sweep.trials import Trial

TIMINGS = {"time", "seconds", "total_seconds", "images_per_second"}
CHILD = """
import pickle, signal, sys
import nnlite.sweep.worker as worker
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has its children ignore it
worker.CHECKPOINT_SECONDS = float(sys.argv[2])
with open(sys.argv[1], "rb") as file:
    trial, folder = pickle.load(file)
print(worker.run_trial(trial, folder, {}).status)
"""


@pytest.fixture
def trial(digits):
    """Make a trial of the small dataset."""

    def make(model="classifier", seed=0, objective=None, **config):
        config = {"validation": 300, "hidden": [16], "epochs": 3} | config
        metric, direction = {"classifier": ("val_acc", "maximize"), "gan": ("fid", "minimize")}[model]
        chosen = objective or Objective(metric, direction)
        return Trial("tiny", model, digits, HYPERPARAMETERS[model].model_validate(config), seed, chosen)

    return make


@pytest.fixture
def sweep_of(tmp_path):
    """Make the sweep of a file; `text` is what follows name and model."""

    def read(text, *settings):
        path = tmp_path / "spec.toml"
        path.write_text(f'name = "s"\nmodel = "classifier"\n{text}', "utf-8")
        return load_sweep(path, ["validation=300", *settings])

    return read


@pytest.fixture
def child(tmp_path):
    """Train a trial in a process of its own, with a checkpoint after (nearly) every epoch."""

    def start(trial, folder, checkpoint_seconds=0.0):
        job = tmp_path / "job.pickle"
        job.write_bytes(pickle.dumps((trial, folder)))
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, str(job), str(checkpoint_seconds)], stdout=subprocess.PIPE, text=True
        )

    return start


@pytest.fixture(scope="session")
def numbers():
    """What must be equal in two trainings of the same trial: every logged number but timings, and the best weights."""

    def read(folder):
        folder = folder if isinstance(folder, RunFolder) else RunFolder(folder)
        run = read_run(folder)
        epochs = [{name: value for name, value in line.items() if name not in TIMINGS} for line in run.epochs]
        summary = {name: value for name, value in run.summary().items() if name not in TIMINGS}
        weights = {name: array.tobytes() for name, array in load_arrays(folder.best).items()}
        return epochs, summary, weights

    return read


@pytest.fixture(scope="session")
def check_log():
    """Check one finished run by its log alone: epochs 1 to E once, one attempt at a time, the end last."""

    def check(path, epochs, status="completed"):
        folder = RunFolder(path.parent)
        events, bad = read_log(path)
        assert not bad
        run = read_run(folder)
        assert run.status == status
        assert [line["epoch"] for line in run.epochs] == list(range(1, epochs + 1))
        assert events[0]["event"] == "start"
        assert events[-1]["event"] == "end"
        completed = [number for number, event in enumerate(events) if event.get("status") == "completed"]
        assert completed in ([len(events) - 1], []), "nothing was trained after it was done"
        last = 0
        for event in events:
            match event["event"]:
                case "start":
                    last = 0
                case "resume":
                    assert event["epoch"] <= last
                    last = event["epoch"]
                case "epoch":
                    assert event["epoch"] == last + 1
                    last += 1

    return check

    """Compare two dicts of arrays bit for bit."""
    return lambda one, other: one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
