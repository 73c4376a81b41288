"""`nnlite best --resolve`: further seeds for what cannot be told apart, printed and trained."""

import json
import shlex
import shutil

import pytest


@pytest.fixture(scope="module")
def trained(tmp_path_factory, nnlite, digits_folder):
    """Two configurations that differ by a hair, one that is far behind, two seeds each."""
    folder = tmp_path_factory.mktemp("resolve") / "experiments"
    path = folder.parent / "tiny.toml"
    path.write_text(
        f'name = "tiny"\nmodel = "classifier"\ndataset = "{digits_folder}"\nseeds = 2\n'
        "[fixed]\nvalidation = 300\nhidden = [16]\nepochs = 2\n[grid]\nlearning_rate = [1e-9, 0.3, 0.3001]\n",
        "utf-8",
    )
    nnlite("sweep", path, "--experiments", folder, code=0)
    return folder


@pytest.fixture
def experiments(trained, tmp_path):
    """A copy of them."""
    return shutil.copytree(trained, tmp_path / "experiments")


def best(ask, experiments, *options, code=0):
    (found,) = json.loads(ask("best", "--experiments", experiments, "--json", *options, code=code).stdout)["best"]
    return found


def test_each_further_seed_is_a_command_that_trains_it(ask, experiments):
    further = best(ask, experiments, "--resolve")["further"]
    rates = {each["parameters"]["learning_rate"] for each in further}
    assert rates == {0.3, 0.3001}
    assert [each["seed"] for each in further] == [2, 2]
    for each in further:
        program, *arguments = shlex.split(each["command"])
        assert program == "nnlite"
        ask(*arguments)
    found = best(ask, experiments, "--resolve")
    assert [len(each["seeds"]) for each in found["tie"]["members"]] == [3, 3]
    assert [each["seed"] for each in found["further"]] == [3, 3]


def test_the_text_names_the_commands_and_how_to_go_on(ask, experiments):
    told = ask("best", "--experiments", experiments, "--resolve").stdout
    assert "tiny: to tell 2 configurations apart, 2 further runs:" in told
    assert told.count("run.jsonl -S 'seeds=[2]' --experiments") == 2
    assert f"nnlite best --experiments {experiments} --resolve --run --budget 20" in told


def test_they_are_trained_round_by_round_until_the_budget_ends(ask, experiments):
    """Two configurations that differ by a hair never separate."""
    asked = ask("best", "--experiments", experiments, "--resolve", "--run", "--budget", 5, "-j", 1, "--json")
    assert asked.stderr.count("further runs to tell 2 configurations apart") == 2
    assert "tiny, round 3: 1 further run to tell 2 configurations apart" in asked.stderr
    assert "the tie was looked at after each of 3 rounds" in asked.stderr
    (found,) = json.loads(asked.stdout)["best"]
    assert sorted(len(each["seeds"]) for each in found["tie"]["members"]) == [4, 5]
    assert found["configurations"] == 3
    assert len(list(experiments.rglob("run.jsonl"))) == 6 + 5


def test_what_is_trained_is_what_a_sweep_with_more_seeds_would_train(ask, experiments, trained):
    ask("best", "--experiments", experiments, "--resolve", "--run", "--budget", 2, "-j", 1)
    new = {path.parent.name for path in experiments.rglob("run.jsonl")}
    planned = ask("sweep", trained.parent / "tiny.toml", "-S", "seeds=3", "--experiments", experiments, "-n", "--json")
    trials = json.loads(planned.stdout)["trials"]
    assert new < {each["run"] for each in trials}
    commands = {
        json.loads(path.read_text("utf-8").splitlines()[0])["command"] for path in experiments.rglob("run.jsonl")
    }
    assert f"nnlite best --experiments {experiments} --resolve --run --budget 2" in commands
    assert len(trials) - len(new) == 1  # the one that is far behind got none


def test_a_run_without_resolve_is_refused(ask, experiments):
    assert "--run trains what --resolve names" in ask("best", "--experiments", experiments, "--run", code=2).stderr


def test_what_this_version_would_train_otherwise_is_refused(ask, experiments):
    for log in experiments.rglob("run.jsonl"):
        text = log.read_text("utf-8")
        log.write_text(text.replace('"momentum": 0.0', '"momentum": 0.5'), "utf-8")
    refused = ask("best", "--experiments", experiments, "--resolve", "--run", code=2)
    assert "further seeds of it have to be trained with what trained it" in refused.stderr
