"""`--dry-run`: what it prints about every trial, the folder and what training will take; it trains nothing."""

import contextlib
import json
import os
import re
import signal
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from nnlite.runs import RunFolder

SUMMARY = re.compile(r"2 trials, 2 to train, \d+ ± \d+ s with 1 worker, [\d.]+ kB of files, \d+ MB of memory a worker$")


def members_of(group):
    """The living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, number, *_ = stat.read_text().rsplit(")", 1)[1].split()
            if int(number) == group and state != "Z":
                found.append(stat.parent.name)
    return found


def test_a_dry_run_lists_the_trials_with_an_estimate_and_trains_nothing(ask, spec, tmp_path):
    """And writes nothing."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]")
    plan = ask("sweep", path, "-n", "-j", 1, "--experiments", tmp_path / "none")
    lines = plan.stdout.splitlines()
    assert lines[0].split() == ["run", "trial", "epochs", "state"]
    assert [line.split()[1:] for line in lines[1:3]] == [
        [f"learning_rate={rate}", "seed=0", "3", "to", "train"] for rate in (0.1, 0.3)
    ]
    assert SUMMARY.match(lines[3])
    assert plan.stderr == "measuring 1 configuration, to estimate time and memory\n"
    assert not (tmp_path / "none").exists()


def test_the_document_has_the_trials_and_the_estimate(ask, spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]")
    document = json.loads(ask("sweep", path, "-n", "-j", 2, "--json", "--experiments", tmp_path / "none").stdout)
    assert document["schema"] == "nnlite.plan/1"
    assert [trial["config"]["learning_rate"] for trial in document["trials"]] == [0.1, 0.3]
    assert [(trial["status"], trial["epochs_done"]) for trial in document["trials"]] == [("to train", 0)] * 2
    expected = document["estimate"]
    assert expected["seconds"] > expected["margin_seconds"] > 0
    assert expected["workers"] == 2
    assert expected["kinds"] == {"measured": 1}
    assert expected["disk_bytes"] > 100_000
    assert expected["memory_bytes_a_worker"] > 50_000_000


def test_what_is_done_is_not_estimated(ask, spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]")
    ask("sweep", path, "--experiments", tmp_path)
    plan = ask("sweep", path, "-n", "--experiments", tmp_path)
    assert plan.stdout.splitlines()[-1] == "2 trials, 2 done already"
    assert plan.stderr == ""
    assert json.loads(ask("sweep", path, "-n", "--json", "--experiments", tmp_path).stdout)["estimate"] is None


def test_trials_to_go_on_are_timed_by_their_own_logs(ask, spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]")
    ask("sweep", path, "--experiments", tmp_path)
    plan = ask("sweep", path, "-n", "-S", "epochs=9", "--experiments", tmp_path)
    assert plan.stdout.count("to go on from epoch 3\n") == 2
    document = json.loads(ask("sweep", path, "-n", "--json", "-S", "epochs=9", "--experiments", tmp_path).stdout)
    assert [(trial["status"], trial["epochs_done"]) for trial in document["trials"]] == [("to go on", 3)] * 2
    assert document["estimate"]["kinds"] == {"logged": 1}


def test_trials_that_failed_or_diverged_are_shown_with_their_error_and_not_estimated(ask, spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 1e30]", fixed='activation = "relu"\nepochs = 2')
    ask("sweep", path, "--experiments", tmp_path)
    (log,) = [log for log in tmp_path.rglob("run.jsonl") if '"diverged"' not in log.read_text()]
    lines = log.read_text().splitlines()
    lines[-1] = json.dumps({"event": "end", "status": "failed", "error": "MemoryError: too much"})
    log.write_text("\n".join(lines) + "\n")
    plan = ask("sweep", path, "-n", "--experiments", tmp_path).stdout
    assert "failed before, --retry-failed trains it again: MemoryError: too much\n" in plan
    assert re.search(r"diverged before: train_loss is not finite after epoch 1\n", plan)
    assert plan.splitlines()[-1] == "2 trials, 1 failed before, 1 diverged before"
    retried = ask("sweep", path, "-n", "--retry-failed", "--experiments", tmp_path).stdout
    assert "to go on from epoch 2: failed before: MemoryError: too much\n" in retried


def test_what_pruning_will_save_is_not_foreseen_and_what_it_has_stopped_is_told(ask, spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]\n[pruning]\nstrategy = 'halving'\nfactor = 2\nmin_epochs = 1")
    plan = ask("sweep", path, "-n", "--experiments", tmp_path).stdout
    assert re.search(r"^2 trials, 2 to train, at most .* s with \d workers?, at most .* of files", plan, re.MULTILINE)
    document = json.loads(ask("sweep", path, "-n", "--json", "--experiments", tmp_path).stdout)
    assert document["estimate"]["at_most"] is True
    done = ask("sweep", path, "--experiments", tmp_path)
    assert done.stdout == f"2 of 2 trials done in {tmp_path / 'tiny'}, 1 of them pruned\n"
    plan = ask("sweep", path, "-n", "--experiments", tmp_path).stdout
    assert "pruned: stopped after epoch 1 of 3" in plan
    assert plan.splitlines()[-1] == "2 trials, 1 done already, 1 pruned before"


def test_trials_that_results_have_yet_to_name_are_counted(ask, spec, tmp_path):
    rate = "learning_rate = { low = 1e-3, high = 1.0, log = true }"
    path = spec(f"seeds = 2\n[search]\nstrategy = 'tpe'\ntrials = 3\ngeneration = 2\n{rate}", fixed="epochs = 1")
    plan = ask("sweep", path, "-n", "--experiments", tmp_path).stdout
    assert "\n4 trials, up to 2 more that depend on their results, 4 to train, " in plan
    document = json.loads(ask("sweep", path, "-n", "--json", "--experiments", tmp_path).stdout)
    assert (len(document["trials"]), document["further_trials"]) == (4, 2)
    document = json.loads(ask("sweep", path, "--json", "--experiments", tmp_path).stdout)
    assert [trial["status"] for trial in document["trials"]] == ["completed"] * 6
    assert document["halted"] is None
    assert ask("sweep", path, "-n", "--experiments", tmp_path).stdout.splitlines()[-1] == "6 trials, 6 done already"
    starts = [json.loads(log.read_text().split("\n", 1)[0]) for log in tmp_path.rglob("run.jsonl")]
    assert [start["search"] for start in starts] == [{"strategy": "tpe", "optuna": version("optuna")}] * 6


@pytest.mark.parametrize("change", [{"momentum": 0.9}, {"momentum": 0.9, "beta1": 0.8}], ids=["one", "two"])
def test_a_default_that_has_changed_is_said_with_the_runs_that_it_leaves_behind(ask, spec, tmp_path, change):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", name="tiny")
    ask("sweep", path, "--experiments", tmp_path)
    earlier = []
    for number, folder in enumerate(sorted((tmp_path / "tiny").glob("*/"))):
        log = RunFolder(folder.rename(folder.with_name(f"{number:012x}"))).log
        start, rest = log.read_text().split("\n", 1)
        event = json.loads(start)
        event["config"] |= change
        log.write_text(json.dumps(event | {"run": log.parent.name}) + "\n" + rest)
        earlier.append(log.parent.name)
    said = ask("sweep", path, "-n", "--experiments", tmp_path).stdout
    assert "2 trials new by what the file does not name: momentum is 0.0 by default and was 0.9" in said
    assert f"2 runs in {tmp_path / 'tiny'} that the file does not name: {', '.join(sorted(earlier))}" in said
    document = json.loads(ask("sweep", path, "-n", "--json", "--experiments", tmp_path).stdout)
    assert [sorted(each["changes"]) for each in document["changed_defaults"]] == [sorted(change)] * 2
    assert sorted(each["run"] for each in document["others"]) == sorted(earlier)


def test_train_plans_its_one_run(ask, spec, tmp_path):
    assert "1 trial, 1 to train, " in ask("train", spec(), "-n", "--experiments", tmp_path).stdout


def test_train_takes_a_run_by_its_log_or_its_folder(ask, spec, tmp_path):
    ask("train", spec(), "--experiments", tmp_path)
    (log,) = tmp_path.rglob("run.jsonl")
    for run in (log, log.parent):
        assert "1 trial, 1 done already" in ask("train", run, "-n", "--experiments", tmp_path).stdout


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_the_measuring_in_order(nnlite, spec, tmp_path, name, code):
    """No worker, no temporary folder and no traceback is left."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = spec("[grid]\nhidden = [[2000, 2000], [3000, 3000], [4000, 4000]]", fixed="batch_size = 1200")
    path.write_text(path.read_text().replace("hidden = [16]\n", "", 1))
    process = nnlite(
        *("sweep", path, "-n", "-j", 1, "--experiments", tmp_path / "none"),
        wait=False,
        start_new_session=True,
        env={"TMPDIR": str(scratch)},
    )
    deadline = time.monotonic() + 240
    while not list(scratch.rglob("best.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, getattr(signal, name))
    _, news = process.communicate(timeout=120)
    assert process.returncode == code
    assert "Traceback" not in news
    assert not [path for path in scratch.iterdir() if path.name.startswith("nnlite")]
    while left := members_of(process.pid):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
