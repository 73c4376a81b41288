"""A sweep that is done says so at every further call, whatever its strategy: it trains nothing, and exits with 0."""

import json

import pytest

from nnlite.runs import find_runs, read_run

GRID = "[grid]\nlearning_rate = [0.01, 0.1, 1.0]\n"
RATES = "learning_rate = { low = 0.01, high = 1.0, log = true }\n"
TPE = f'[search]\nstrategy = "tpe"\ntrials = 5\ngeneration = 2\n{RATES}'
SWEEPS = {
    "one trial": "",
    "grid": GRID,
    "seeds": f"seeds = 2\n{GRID}",
    "random": f'[search]\nstrategy = "random"\ntrials = 4\n{RATES}',
    "tpe": TPE,
    "tpe of seeds": f"seeds = 2\n{TPE}",
    "halving": f'seeds = 2\n{GRID}[pruning]\nstrategy = "halving"\nmin_epochs = 1\n',
    "asha": f'{GRID}[pruning]\nstrategy = "asha"\nmin_epochs = 1\n',
    "median": f'seeds = 2\n{GRID}[pruning]\nstrategy = "median"\ngeneration = 1\n',
    "tpe and halving": f'{TPE}[pruning]\nstrategy = "halving"\nmin_epochs = 1\n',
    "tpe and median": f'{TPE}[pruning]\nstrategy = "median"\ngeneration = 2\n',
    "zip, when": '[zip]\noptimizer = ["sgd", "adam"]\nlearning_rate = [0.1, 0.01]\n'
    "[when]\nmomentum = \"optimizer == 'sgd'\"\n[grid]\nmomentum = [0.0, 0.9]\n",
    "require": GRID,
    "spaces": "[[space]]\n[space.grid]\nlearning_rate = [0.1, 0.2]\n[[space]]\n[space.grid]\nmomentum = [0.5]\n",
    "diverging": "[grid]\nlearning_rate = [0.1, 1e30]\n",
    "diverging and pruned": 'seeds = 2\n[grid]\nlearning_rate = [0.1, 0.2, 1e30]\n[pruning]\nstrategy = "halving"\n'
    "min_epochs = 1\n",
}

QUICK = {"grid", "tpe of seeds", "asha", "median", "diverging and pruned"}


def told(ask, file, folder, *more, code=0):
    document = json.loads(ask("sweep", file, "--experiments", folder, "--json", "-j", 2, *more, code=code).stdout)
    return {trial["run"]: trial["status"] for trial in document["trials"]}


def logs(folder):
    return {each.log: each.log.read_bytes() for each in find_runs(folder)}


@pytest.mark.parametrize(
    "name", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in SWEEPS]
)
def test_a_second_call_trains_nothing_and_says_that_all_is_done(ask, spec, tmp_path, name):
    file = spec(SWEEPS[name], fixed='activation = "relu"\nepochs = 3')
    if name == "require":
        file.write_text(f'require = ["learning_rate < 1"]\n{file.read_text()}')
    first = told(ask, file, tmp_path / "e")
    before = logs(tmp_path / "e")
    assert told(ask, file, tmp_path / "e") == first
    assert "pending" not in first.values()
    again = ask("sweep", file, "--experiments", tmp_path / "e")
    assert f"{len(first)} of {len(first)} trials done" in again.stdout
    assert "not in" not in again.stderr, "no run of it is a stranger"
    assert logs(tmp_path / "e") == before
    trained = {each.name: read_run(each).status for each in find_runs(tmp_path / "e")}
    assert {run: status for run, status in first.items() if status != "skipped"} == trained
    plan = json.loads(ask("sweep", file, "--experiments", tmp_path / "e", "-n", "--json").stdout)
    assert not [trial for trial in plan["trials"] if trial["status"].startswith("to ")], "the plan says the same"


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [["epochs=2"], ["epochs=5"], ["seeds=3"], ["seeds=1"], ["epochs=5", "seeds=3"]],
    ids=" ".join,
)
@pytest.mark.parametrize("name", ["grid", "tpe", "halving", "median"])
def test_a_sweep_that_was_extended_or_cut_is_done_after_one_call(ask, spec, tmp_path, name, change):
    file = spec(SWEEPS[name], fixed="epochs = 3")
    settings = [word for each in change for word in ("-S", each)]
    told(ask, file, tmp_path / "e")
    first = told(ask, file, tmp_path / "e", *settings)
    before = logs(tmp_path / "e")
    assert told(ask, file, tmp_path / "e", *settings) == first
    assert "pending" not in first.values()
    assert logs(tmp_path / "e") == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grid", "tpe", "median"])
def test_what_has_failed_is_told_at_every_call_until_it_is_tried_again(ask, spec, tmp_path, name):
    file = spec(SWEEPS[name], fixed="epochs = 3")
    told(ask, file, tmp_path / "e")
    log = next(iter(sorted(find_runs(tmp_path / "e")))).log
    lines = log.read_text().splitlines()
    end = {"event": "end", "time": json.loads(lines[-1])["time"], "status": "failed", "error": "its worker died"}
    log.write_text("\n".join([*lines[:2], json.dumps(end)]) + "\n")
    log.with_name("checkpoint.npz").unlink()
    first = told(ask, file, tmp_path / "e", code=1)
    assert first[log.parent.name] == "failed"
    assert told(ask, file, tmp_path / "e", code=1) == first
    mended = told(ask, file, tmp_path / "e", "--retry-failed")
    assert "failed" not in mended.values()
    assert told(ask, file, tmp_path / "e") == mended
    again = ask("sweep", file, "--experiments", tmp_path / "e")
    assert "not in" not in again.stderr
