"""Several sweep files in one call, and a limit to the time of a call."""

import json
import os
import signal
import time

import pytest

from nnlite.runs import find_runs, read_run


@pytest.fixture
def two(spec):
    """Two sweep files."""
    return [spec("[grid]\nlearning_rate = [0.1, 0.2]\n", name=name, fixed="epochs = 1") for name in ("one", "two")]


def test_sweeps_are_trained_in_turn_and_done_at_the_second_call(ask, two, tmp_path):
    first = ask("sweep", *two, "--experiments", tmp_path / "e")
    assert [line.split(" in ")[0] for line in first.stdout.splitlines()] == ["2 of 2 trials done"] * 2
    logs = {each.log: each.log.read_bytes() for each in find_runs(tmp_path / "e")}
    assert len(logs) == 4
    document = json.loads(ask("sweep", *two, "--experiments", tmp_path / "e", "--json").stdout)
    assert document["schema"] == "nnlite.sweeps/1"
    assert [len(each["trials"]) for each in document["sweeps"]] == [2, 2]
    assert {each.log: each.log.read_bytes() for each in find_runs(tmp_path / "e")} == logs
    plans = json.loads(ask("sweep", *two, "--experiments", tmp_path / "e", "-n", "--json").stdout)
    assert [{trial["status"] for trial in plan["trials"]} for plan in plans["plans"]] == [{"done"}] * 2


def test_all_files_are_checked_before_anything_trains(ask, two, spec, tmp_path):
    wrong = spec("[grid]\nlearning_rat = [0.1]\n", name="three")
    assert "learning_rat" in ask("sweep", *two, wrong, "--experiments", tmp_path / "e", code=2).stderr
    twin = spec("", name="one", path=tmp_path / "twin.toml")
    said = ask("sweep", *two, twin, "--experiments", tmp_path / "e", code=2).stderr
    assert "both have the name 'one'" in said
    assert not (tmp_path / "e").exists()


def test_one_that_somebody_else_trains_does_not_keep_the_others_from_their_turn(ask, nnlite, two, spec, tmp_path):
    long = spec("", name="long", fixed="epochs = 2000")
    other = nnlite("sweep", long, "--experiments", tmp_path / "e", "-j", 1, wait=False)
    deadline = time.monotonic() + 120
    while not list(find_runs(tmp_path / "e")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    done = ask("sweep", long, *two, "--experiments", tmp_path / "e", "--json", code=1)
    assert "is being trained by" in done.stderr
    ends = [{trial["status"] for trial in each["trials"]} for each in json.loads(done.stdout)["sweeps"]]
    assert ends[1:] == [{"completed"}] * 2
    other.send_signal(signal.SIGINT)
    other.communicate(timeout=60)


def test_ctrl_c_ends_the_whole_call(nnlite, two, spec, tmp_path):
    long = spec("", name="long", fixed="epochs = 2000")
    process = nnlite("sweep", long, *two, "--experiments", tmp_path / "e", wait=False, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(find_runs(tmp_path / "e")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {each.path.parent.name for each in find_runs(tmp_path / "e")} == {"long"}


def test_when_the_time_of_a_call_is_up_nothing_new_starts_and_the_next_call_goes_on(ask, spec, tmp_path):
    file = spec("[grid]\nlearning_rate = [0.1, 0.2, 0.3]\n", fixed="epochs = 100")
    command = ("sweep", file, "--experiments", tmp_path / "e", "-j", 1)
    cut = ask(*command, "-S", "limits.total=0.1", "--json", code=1)
    trials = json.loads(cut.stdout)
    assert "the time of this call is up (limits.total: 0.1 s)" in trials["halted"]
    assert sorted(trial["status"] for trial in trials["trials"]) == ["completed", "pending", "pending"]
    assert "completed" in {read_run(each).status for each in find_runs(tmp_path / "e")}, "what ran came to its end"
    assert "the same command goes on" in ask(*command, "-S", "limits.total=0.1", code=1).stderr
    done = ask(*command, "-S", "limits.total=0.1")
    assert "3 of 3 trials done" in done.stdout
    assert "time of this call" not in done.stderr, "nothing is left that was kept from starting"
