"""The commands: what each answers, and with which exit code."""

import json
import re
import shutil
import subprocess
import sys

import pytest

COMMANDS = [
    [],
    ["init"],
    ["sweep"],
    ["train"],
    ["report"],
    ["best"],
    ["runs"],
    ["show"],
    ["diff"],
    ["replay"],
    ["verify"],
    ["data"],
    ["data", "fetch"],
]


@pytest.fixture(scope="module")
def experiments(tmp_path_factory, nnlite, digits_folder):
    """Two trained sweeps."""
    folder = tmp_path_factory.mktemp("with space") / "expé'riments"
    path = folder.parent / "tiny.toml"
    path.write_text(
        f'name = "tiny"\nmodel = "classifier"\ndataset = "{digits_folder}"\n'
        "[fixed]\nvalidation = 300\nhidden = [16]\nepochs = 3\n[grid]\nlearning_rate = [0.1, 0.3]\n",
        "utf-8",
    )
    nnlite("sweep", path, "--experiments", folder, code=0)
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(ask, command):
    for option in ("--help", "-h"):
        assert "Usage: nnlite" in ask(*command, option).stdout


def test_what_searches_and_trials_are_usually_told_has_options_of_its_own(ask, spec, tmp_path):
    path = spec("[search]\ntrials = 2\nlearning_rate = { low = 0.1, high = 1.0 }")
    planned = ask("sweep", path, "--trials", 5, "--timeout", "90m", "-n", "--experiments", tmp_path).stdout
    assert "5 trials, 5 to train" in planned
    assert "limits.timeout: should be a duration" in ask("sweep", path, "--timeout", "90x", code=2).stderr
    assert "search" in ask("sweep", spec(), "--trials", 5, code=2).stderr


def test_without_a_command_the_help_is_shown(ask):
    assert "Usage: nnlite" in ask(code=2).stdout


def test_the_version_is_told(ask):
    assert ask("--version").stdout.startswith("nnlite ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["swep"],
        ["sweep"],
        ["sweep", "x.toml", "--job", "2"],
        ["sweep", "x.toml", "-j", "0"],
        ["sweep", "x.toml", "-j", "-1"],
        ["sweep", "x.toml", "-j", "nan"],
        ["sweep", "x.toml", "-j", "100000000000000000000"],
        ["sweep", "x.toml", "--experiments", __file__],
        ["best", "--at", "first"],
        ["best", "--metric", "val_ac"],
        ["runs", "no such folder"],
        ["replay", "no such folder"],
        ["replay", "--pruning", "halfing"],
        ["replay", "--factor", "1"],
        ["replay", "--min-epochs", "0"],
        ["replay", "--metric", "test_acc"],
        ["report", "no such folder"],
        ["best", "--experiments", "no such folder"],
        ["train", "no/run.jsonl"],
        ["show"],
        ["show", "zzz"],
        ["diff"],
        ["diff", "zzz", "@last"],
        ["diff", "@last"],
        ["verify"],
        ["verify", "zzz"],
        ["verify", "@first"],
        ["verify", "no/run.jsonl"],
        ["verify", "experiments/tiny"],
        ["verify", "@best", "--epochs", "0"],
        ["verify", "@best", "--experiments", "no such folder"],
        ["data", "fetch", "minst"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_sentence_and_exit_code_2(ask, experiments, monkeypatch, arguments):
    """F65."""
    monkeypatch.chdir(experiments.parent)
    (experiments.parent / "experiments").exists() or (experiments.parent / "experiments").symlink_to(experiments)
    refused = ask(*arguments, code=2)
    assert refused.stdout == ""
    assert refused.stderr.startswith("nnlite: ")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["runs", "report", "best", "replay"])
def test_a_folder_without_runs_is_nothing_found(ask, tmp_path, command):
    folder = tmp_path / "empty"
    folder.mkdir()
    arguments = ["--experiments", folder] if command == "best" else [folder]
    assert "holds no run" in ask(command, *arguments, code=1).stderr


def test_debug_shows_the_traceback_wherever_it_stands(ask):
    for arguments in (["--debug", "runs", "nowhere"], ["runs", "nowhere", "--debug"]):
        process = subprocess.run(
            [sys.executable, "-m", "nnlite", *arguments], capture_output=True, text=True, check=False
        )
        assert process.returncode == 2
        assert "Traceback" in process.stderr
    assert "Traceback" not in ask("runs", "nowhere", code=2).stderr


def test_runs_lists_every_run(ask, experiments):
    listed = ask("runs", experiments).stdout.splitlines()
    assert listed[0].split() == ["sweep", "run", "trial", "seed", "status", "epochs", "objective"]
    assert len(listed) == 3
    assert all("completed" in line for line in listed[1:])


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (["runs"], "nnlite.runs/1"),
        (["best", "--experiments"], "nnlite.best/1"),
        (["replay"], "nnlite.replay/1"),
        (["sweep", "tiny.toml", "--experiments"], "nnlite.sweep/1"),
        (["sweep", "tiny.toml", "-n", "--experiments"], "nnlite.plan/1"),
    ],
)
def test_json_is_one_document_on_stdout_and_nothing_else(ask, experiments, monkeypatch, arguments, schema):
    monkeypatch.chdir(experiments.parent)
    text = ask(*arguments, experiments, "--json").stdout
    assert json.loads(text)["schema"] == schema
    assert text.isascii()


def test_failures_are_in_the_document_with_their_reason(ask, spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 1e30]", fixed='activation = "relu"\nepochs = 2')
    document = json.loads(ask("sweep", path, "--experiments", tmp_path, "--json").stdout)
    assert [trial["status"] for trial in document["trials"]] == ["completed", "diverged"]
    assert document["trials"][0]["error"] is None
    assert "not finite" in document["trials"][1]["error"]


def test_the_command_that_repeats_the_best_gives_equal_numbers(ask, experiments, tmp_path, monkeypatch):
    """F53: through a shell, from a folder whose name needs quoting."""
    monkeypatch.chdir(tmp_path)
    (best,) = json.loads(ask("best", "--experiments", experiments, "--json").stdout)["best"]
    assert best["repeat"].startswith("nnlite train ")
    python = f"{sys.executable} -m {best['repeat']}"
    subprocess.run(python, shell=True, check=True, capture_output=True)  # noqa: S602 - as a person would paste it
    (again,) = json.loads(ask("best", "--experiments", "repeated", "--json").stdout)["best"]
    timings = {"seconds", "total_seconds", "images_per_second"}
    for name in best["metrics"].keys() - timings:
        assert best["metrics"][name] == again["metrics"][name]
    assert best["run"] == again["run"]


def test_ranking_by_a_test_metric_warns(ask, experiments):
    assert "selects on the test images" in ask("best", "--metric", "test_acc", "--experiments", experiments).stderr


def test_two_results_of_one_run_are_one_warning_and_count_once(ask, experiments, tmp_path):
    """Two machines' folders side by side: one run is the same in both, one has other numbers."""
    both = tmp_path / "both"
    for machine in ("mine", "theirs"):
        shutil.copytree(experiments, both / machine)
    assert "conflict" not in ask("runs", both).stderr
    (one, *_), changed = sorted((both / "mine/tiny").glob("*/run.jsonl")), "0.123456789"
    one = one.parent
    log = both / "theirs/tiny" / one.name / "run.jsonl"
    log.write_text(re.sub(r'("epoch": 2,.*?"val_acc": )[0-9.]+', rf"\g<1>{changed}", log.read_text()))
    for command in (["runs", both], ["best", "--experiments", both], ["report", both, "--out", tmp_path / "reports"]):
        warned = [line for line in ask(*command).stderr.splitlines() if line.startswith("conflict: ")]
        assert len(warned) == 1
        assert f"1 run with two results under one id, of which only one can count: {one.name}" in warned[0]
        assert "val_acc after epoch 2 is " in warned[0]
        assert f"{changed} in {both / 'theirs/tiny' / one.name}" in warned[0]
    assert "## Conflicts" in (tmp_path / "reports/tiny/README.md").read_text()
    document = json.loads(ask("runs", both, "--json").stdout)
    assert len(document["runs"]) == 2
    (conflict,) = document["conflicts"]
    assert (conflict["run"], conflict["epoch"], conflict["metric"]) == (one.name, 2, "val_acc")
    assert conflict["values"][1] == float(changed)
    assert conflict["folders"] == [str(one), str(both / "theirs/tiny" / one.name)]


def test_a_diverged_run_is_a_result_that_is_named_with_its_reason(ask, spec, tmp_path):
    path = spec(fixed='activation = "relu"\nepochs = 2\nlearning_rate = 1e30')
    done = ask("train", path, "--experiments", tmp_path)
    assert done.stdout == f"1 of 1 trials done in {tmp_path / 'tiny'}, 1 of them diverged\n"
    assert "is not finite after epoch 1" in done.stderr


def test_train_refuses_a_log_that_does_not_say_what_was_trained(ask, tmp_path):
    (tmp_path / "run.jsonl").write_text("junk\n")
    assert "no start event" in ask("train", tmp_path / "run.jsonl", code=2).stderr


def test_data_names_what_there_is(ask):
    assert "mnist" in ask("data").stdout
    assert json.loads(ask("data", "--json").stdout)["schema"] == "nnlite.data/1"


def test_a_gan_logs_the_fingerprint_of_its_judge(ask, spec, tmp_path):
    path = spec(name="draw", model="gan", fixed="epochs = 1\nlatent_dim = 4")
    ask("train", path, "--experiments", tmp_path)
    (log,) = tmp_path.rglob("run.jsonl")
    start = json.loads(log.read_text("utf-8").splitlines()[0])
    assert len(start["reference"]) == 16
