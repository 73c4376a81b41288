"""Trials: which there are, and that each has one id however and wherever it was written down."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from nnlite.data import locate
from nnlite.errors import InputError
from nnlite.models import HYPERPARAMETERS
from nnlite.runs import read_run
from nnlite.runs.paths import RunFolder
from nnlite.sweep import expand, load_sweep, single, sweep_of_run
from nnlite.sweep.spec import Objective
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import run_trial

PUBLISHED = sorted(path.parent for path in (Path(__file__).parents[2] / "experiments").glob("*/*/run.jsonl"))
BASE = 'name = "s"\nmodel = "classifier"\n'


@pytest.fixture
def trials(tmp_path, digits):
    """The trials of a sweep file."""

    def read(text, dataset=digits, settings=()):
        path = tmp_path / "spec.toml"
        path.write_text(text, "utf-8")
        return expand(load_sweep(path, ["validation=300", *settings]), dataset)

    return read


def ids(trials):
    return {trial.id for trial in trials}


def test_the_grid_is_crossed_seeds_last(trials):
    found = trials(BASE + "seeds = [5, 3]\n[grid]\nhidden = [[4], [8]]\nmomentum = [0.0, 0.9]")
    described = [trial.describe() for trial in found]
    assert described[:3] == [
        "hidden=[4] momentum=0.0 seed=5",
        "hidden=[4] momentum=0.9 seed=5",
        "hidden=[8] momentum=0.0 seed=5",
    ]
    assert described[4] == "hidden=[4] momentum=0.0 seed=3"
    assert len(found) == len(ids(found)) == 8


def test_two_budgets_of_the_same_training_are_one_trial_of_the_larger(trials):
    (trial,) = trials(BASE + "[grid]\nepochs = [2, 5, 3]")
    assert trial.config.epochs == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("[fixed]\nepochs = 2\nmomentum = 0.5", "[fixed]\nmomentum = 0.5\nepochs = 2", id="reordered"),
        pytest.param("[fixed]\nlearning_rate = 1", "[fixed]\nlearning_rate = 1.0", id="1 and 1.0"),
        pytest.param("[fixed]\nmomentum = 0.0", "[fixed]\nmomentum = -0.0", id="0.0 and -0.0"),
        pytest.param("", "[fixed]\nhidden = [392]\nmomentum = 0.0\nbatch_size = 50", id="defaults written out"),
        pytest.param("[fixed]\nhidden = [8]", "[grid]\nhidden = [[8]]", id="fixed or swept"),
        pytest.param("", "[fixed]\nseed = 0", id="seed in another place"),
        pytest.param("[fixed]\nepochs = 2", "[fixed]\nepochs = 20", id="another budget"),
        pytest.param("", '[objective]\nmetric = "train_acc"', id="another objective"),
    ],
)
def test_the_same_training_has_the_same_id(trials, one, other):
    assert ids(trials(BASE + one)) == ids(trials(BASE + other))


@pytest.mark.parametrize(
    "text",
    [
        "[fixed]\nseed = 1",
        "[fixed]\nlearning_rate = 0.2",
        "[fixed]\nhidden = [8]",
        "[fixed]\nhidden = [392, 392]",
        '[fixed]\nlr_schedule = "step"',
        '[fixed]\nlr_schedule = "cosine"',
    ],
)
def test_another_training_has_another_id(trials, text):
    assert not ids(trials(BASE)) & ids(trials(BASE + text))


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_budget_is_part_of_the_id_where_a_schedule_depends_on_it(trials, schedule):
    text = BASE + f'[fixed]\nlr_schedule = "{schedule}"\n'
    assert not ids(trials(text + "epochs = 2")) & ids(trials(text + "epochs = 3"))


def test_the_name_of_the_sweep_is_not_part_of_the_id_and_the_model_is(trials):
    assert ids(trials(BASE)) == ids(trials(BASE.replace('"s"', '"t"')))
    assert ids(trials(BASE)) != ids(trials(BASE.replace("classifier", "gan")))


def test_the_dataset_counts_by_its_bytes_not_its_path(trials, digits, digits_folder, tmp_path):
    elsewhere = tmp_path / "else where"
    shutil.copytree(digits_folder, elsewhere)
    assert ids(trials(BASE)) == ids(trials(BASE, locate(str(elsewhere))))
    changed = dataclasses.replace(digits, checksum="0" * 64)
    assert ids(trials(BASE)) != ids(trials(BASE, changed))


@pytest.mark.parametrize(("model", "expected"), [("classifier", "661b6641cc7b"), ("gan", "6341a285513c")])
def test_the_ids_of_all_versions_are_the_same(tmp_path, mnist, model, expected):
    """If this fails, everybody's sweeps would be trained again: see `Hyperparameters.identity`."""
    path = tmp_path / "spec.toml"
    path.write_text(f'name = "s"\nmodel = "{model}"\n[fixed]\nlearning_rate = 0.01\nseed = 7', "utf-8")
    assert single(load_sweep(path), mnist).id == expected


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_every_published_run_has_the_id_that_its_log_gives_it_today(folder, mnist):
    start = json.loads((folder / "run.jsonl").read_text("utf-8").splitlines()[0])
    config = HYPERPARAMETERS[start["model"]].model_validate(start["config"])
    dataset = dataclasses.replace(mnist, name=start["dataset"], checksum=start["dataset_checksum"])
    trial = Trial(start["sweep"], start["model"], dataset, config, start["seed"], Objective("val_acc", "maximize"))
    assert trial.id == start["run"] == folder.name


def test_there_are_published_runs_to_hold_to_their_ids():
    assert len(PUBLISHED) > 60


def test_train_takes_the_fixed_values_and_the_first_seed(tmp_path, digits):
    path = tmp_path / "spec.toml"
    path.write_text(BASE + "seeds = [4, 5]\n[fixed]\nvalidation = 9\n[grid]\nmomentum = [0.5]", "utf-8")
    trial = single(load_sweep(path), digits)
    assert (trial.seed, trial.config.momentum, trial.config.validation) == (4, 0.0, 9)


def test_train_leaves_out_what_does_not_exist(tmp_path, digits):
    path = tmp_path / "spec.toml"
    path.write_text(
        BASE + "[fixed]\noptimizer = 'adam'\nmomentum = 0.9\n[when]\nmomentum = \"optimizer == 'sgd'\"", "utf-8"
    )
    sweep = load_sweep(path, ["validation=300"])
    assert single(sweep, digits).config.momentum == 0.0
    assert [single(sweep, digits).id] == [trial.id for trial in expand(sweep, digits)]


def test_too_many_trials_are_refused_without_being_listed(trials):
    with pytest.raises(InputError, match=r"10,001 trials; 10,000 are the most"):
        trials(BASE + f"[grid]\nlearning_rate = {[1 + position for position in range(10_001)]}")


def test_a_log_describes_the_trial_that_wrote_it(trials, digits, tmp_path):
    (trial,) = trials(BASE + "[fixed]\nepochs = 1\nhidden = [8]\nseed = 3")
    folder = RunFolder(tmp_path / trial.id)
    assert run_trial(trial, folder, {}).status == "completed"
    again = single(sweep_of_run(read_run(folder), folder.log), digits)
    assert again.id == trial.id
    assert again.config == trial.config
