"""The runner, with real processes: the same numbers whatever happens, and nothing lost or left behind."""

import contextlib
import json
import os
import pickle
import random
import shutil
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from nnlite.errors import BusyError, InputError, NnliteError, Stopped
from nnlite.runs import LogWriter, RunFolder, read_log, read_run
from nnlite.sweep import LocalPlaces, claim, expand, load_sweep, make_plan, run_trials
from nnlite.sweep.claim import CLAIM_NAME
from nnlite.sweep.slot import Slot, close_log
from nnlite.sweep.worker import make_training

GRID = "[grid]\nlearning_rate = [0.1, 0.3]\nmomentum = [0.0, 0.9]\n"
LONG = "epochs = 20000"  # much longer than a test; it is stopped


class Silent:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def planned(self, tasks):
        """Hear nothing."""

    def started(self, trial, _folder):
        """Keep that."""
        self.heard.append(("started", trial.id))

    def ended(self, trial, _folder, outcome):
        """Keep that."""
        self.heard.append((outcome.status, trial.id))

    def refresh(self):
        """Hear nothing."""


def logs(folder):
    return sorted(Path(folder).rglob("run.jsonl"))


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
    return found


def training(folder, count):
    """The logs, once so many runs have trained an epoch."""
    return wait_for(
        lambda: (found := [log for log in logs(folder) if b'"epoch": 2' in log.read_bytes()])[count - 1 :] and found
    )


def pid_of(log):
    return [event for event in read_log(log)[0] if "pid" in event][-1]["pid"]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def first_on_path(folder):
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def children_of(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="module")
def reference_sweep(nnlite, digits_folder, tmp_path_factory):
    """A sweep of four trials that nothing disturbed."""
    folder = tmp_path_factory.mktemp("reference")
    path = folder / "tiny.toml"
    path.write_text(
        f'name = "tiny"\nmodel = "classifier"\ndataset = "{digits_folder}"\n'
        f"[fixed]\nvalidation = 300\nhidden = [16]\nepochs = 12\n{GRID}"
    )
    nnlite("sweep", path, "-j", 2, "--experiments", folder, code=0)
    return path, folder / "tiny"


@pytest.fixture
def sweep_of(tmp_path, digits, spec):
    """A plan to train a sweep file's trials."""

    def make(text="", experiments=tmp_path / "experiments", **options):
        retry_failed = options.pop("retry_failed", False)
        sweep = load_sweep(spec(text, **options))
        return make_plan(expand(sweep, digits), experiments / sweep.name, retry_failed=retry_failed)

    return make


def same_numbers(one, other, numbers):
    names = [log.parent.name for log in logs(one)]
    assert names == [log.parent.name for log in logs(other)]
    assert names
    return all(numbers(one / name) == numbers(other / name) for name in names)


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_number_of_workers_changes_no_bit(reference_sweep, ask, tmp_path, numbers, jobs):
    """F68."""
    path, reference = reference_sweep
    ask("sweep", path, "-j", jobs, "--experiments", tmp_path)
    assert same_numbers(tmp_path / "tiny", reference, numbers)


def test_neither_the_order_nor_the_threads_that_the_user_asked_for_change_a_bit(
    reference_sweep, nnlite, tmp_path, numbers
):
    """F59, F68."""
    path, reference = reference_sweep
    reversed_grid = ("-S", "grid.momentum=[0.9, 0.0]", "-S", "grid.learning_rate=[0.3, 0.1]")
    threads = {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
    nnlite("sweep", path, *reversed_grid, "-j", 2, "--experiments", tmp_path, code=0, env=threads)
    assert same_numbers(tmp_path / "tiny", reference, numbers)


def test_train_gives_the_numbers_of_the_sweep(reference_sweep, ask, tmp_path, numbers):
    """F68."""
    path, reference = reference_sweep
    ask("train", path, "-S", "learning_rate=0.3", "-S", "momentum=0.9", "--experiments", tmp_path)
    (log,) = logs(tmp_path)
    assert numbers(log.parent) == numbers(reference / log.parent.name)


@pytest.mark.parametrize("kills", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_a_sweep_whose_driver_is_killed_ends_with_every_trial_once(
    reference_sweep, nnlite, ask, tmp_path, numbers, check_log, kills
):
    """F04, F05."""
    path, reference = reference_sweep

    def written():
        return sum(log.stat().st_size for log in logs(tmp_path))

    for kill in range(kills):
        goal = written() + 3000
        process = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path, wait=False)
        while process.poll() is None and written() < goal:
            time.sleep(0.005)
        time.sleep(0.03 * kill)
        process.kill()
        process.communicate()
    ask("sweep", path, "-j", 2, "--experiments", tmp_path)
    assert same_numbers(tmp_path / "tiny", reference, numbers)
    for log in logs(tmp_path):
        check_log(log, 12)


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_whoever_is_killed_whenever_nothing_is_lost_and_nothing_left_behind(
    reference_sweep, nnlite, ask, tmp_path, numbers, check_log, kills
):
    """F01, F04, F05, F25, F60: drivers and workers, at moments that the seed chooses."""
    path, reference = reference_sweep
    moments = random.Random(kills)  # noqa: S311
    for _ in range(kills):
        process = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path, wait=False)
        wait_for(lambda: process.poll() is not None or children_of(process.pid))  # noqa: B023
        time.sleep(moments.uniform(0.0, 2.5))
        workers = [pid for pid in children_of(process.pid) if b"process-name" in command_of(pid)]
        victim = moments.choice([process.pid, *workers])
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        process.communicate(timeout=300)
        wait_for(lambda: not any(map(lives, workers)))  # noqa: B023
        wait_for(lambda: not list(Path("/dev/shm").glob(f"*loky-{process.pid}-*")))  # noqa: B023, S108
    ask("sweep", path, "-j", 2, "--experiments", tmp_path, "--retry-failed")
    assert same_numbers(tmp_path / "tiny", reference, numbers)
    for log in logs(tmp_path):
        check_log(log, 12)
        assert {file.name for file in log.parent.iterdir()} == {
            "best.npz",
            "checkpoint.npz",
            "mistakes.png",
            "run.jsonl",
        }


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_call_that_fails_fast_says_so_and_the_same_command_goes_on(spec, nnlite, ask, tmp_path, check_log):
    path = spec("[grid]\nlearning_rate = [0.1, 0.2, 0.3]", fixed="epochs = 150")
    arguments = ("sweep", path, "-j", 1, "--experiments", tmp_path)
    process = nnlite(*arguments, "--fail-fast", "--json", wait=False)
    (victim,) = training(tmp_path, 1)
    os.kill(pid_of(victim), signal.SIGKILL)
    output, news = process.communicate(timeout=300)
    assert process.returncode == 1
    assert [trial["status"] for trial in json.loads(output)["trials"]] == ["failed", "pending", "pending"]
    (halted,) = [line for line in news.splitlines() if line.startswith("the sweep stops early")]
    assert "SIGKILL" in halted
    assert halted.endswith("what is left stays to be done, and the same command goes on with it")
    done = ask(*arguments, "--retry-failed")
    assert "3 of 3 trials done" in done.stdout
    check_log(victim, 150)


def test_runs_that_a_changed_file_no_longer_names_are_told_and_stay(spec, ask, tmp_path):
    """F49."""
    ask("sweep", spec(GRID), "--experiments", tmp_path)
    before = {log: log.read_bytes() for log in logs(tmp_path)}
    path = spec("[grid]\nlearning_rate = [0.1, 0.5]\nmomentum = [0.0]")
    told = f"3 runs in {tmp_path / 'tiny'} are not in {path} any more; they stay"
    assert told in ask("sweep", path, "--experiments", tmp_path).stderr
    planned = ask("sweep", path, "--experiments", tmp_path, "--dry-run").stdout
    assert f"3 runs in {tmp_path / 'tiny'} that the file does not name" in planned
    assert len(logs(tmp_path)) == 5
    assert {log: log.read_bytes() for log in before} == before
    assert "any more" not in ask("train", path, "-S", "epochs=1", "--experiments", tmp_path).stderr


def test_a_second_call_trains_nothing_and_touches_nothing(reference_sweep, ask):
    path, reference = reference_sweep
    before = {file: file.stat().st_mtime_ns for file in reference.rglob("*")}
    called = ask("sweep", path, "--experiments", reference.parent)
    assert called.stdout == f"4 of 4 trials done in {reference}\n"
    assert {file: file.stat().st_mtime_ns for file in reference.rglob("*")} == before


def test_more_epochs_reopen_completed_runs(reference_sweep, ask, tmp_path, numbers):
    path, reference = reference_sweep
    ask("sweep", path, "-S", "epochs=5", "--experiments", tmp_path)
    ask("sweep", path, "--experiments", tmp_path)
    assert same_numbers(tmp_path / "tiny", reference, numbers)
    for log in logs(tmp_path):
        assert [event["event"] for event in read_log(log)[0]].count("resume") == 1


def test_another_objective_is_another_sweep(reference_sweep, ask, tmp_path):
    path, _ = reference_sweep
    ask("sweep", path, "--experiments", tmp_path)
    asked = ask("sweep", path, "-S", "objective.metric=val_loss", "--experiments", tmp_path, code=2)
    assert "was chosen by val_acc, maximize, not by val_loss, minimize" in asked.stderr


def test_a_log_says_what_to_type_to_train_the_same_again(spec, ask, tmp_path):
    path = spec()
    ask("sweep", path, "-S", "learning_rate=0.5", "-S", "epochs=2", "--experiments", tmp_path)
    (log,) = tmp_path.rglob("run.jsonl")
    assert read_run(RunFolder(log.parent)).start["command"] == (f"nnlite sweep {path} -S learning_rate=0.5 -S epochs=2")


def test_workers_do_not_outlive_a_killed_driver_and_start_nothing_more(spec, nnlite, tmp_path):
    """F04, F46."""
    process = nnlite("sweep", spec(GRID, fixed=LONG), "-j", 2, "--experiments", tmp_path, wait=False)
    running = training(tmp_path, 2)
    pids = [pid_of(log) for log in running]
    process.kill()
    wait_for(lambda: not any(map(lives, pids)), 10.0)  # in a fraction of a second, on a machine that is not busy
    written = {log: log.read_bytes() for log in logs(tmp_path)}
    time.sleep(0.5)
    assert {log: log.read_bytes() for log in logs(tmp_path)} == written
    assert list(written) == running
    assert {read_run(RunFolder(log.parent)).status for log in running} == {"interrupted"}
    process.communicate()


@pytest.mark.parametrize(
    ("name", "code", "group"),
    [
        pytest.param("SIGINT", 130, True, id="Ctrl-C"),
        pytest.param("SIGTERM", 143, False, id="kill"),
        pytest.param("SIGHUP", 129, True, id="terminal closed"),
        pytest.param("SIGINT", 130, False, id="SIGINT to the driver alone", marks=pytest.mark.slow),
        pytest.param("SIGTERM", 143, True, id="SIGTERM to all", marks=pytest.mark.slow),
        pytest.param("SIGHUP", 129, False, id="SIGHUP to the driver alone", marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_every_running_trial_as_interrupted(spec, nnlite, tmp_path, name, code, group):
    """F10 to F14."""
    process = nnlite(
        "sweep", spec(GRID, fixed=LONG), "-j", 2, "--experiments", tmp_path, wait=False, start_new_session=True
    )
    running = training(tmp_path, 2)
    (os.killpg if group else os.kill)(process.pid, getattr(signal, name))
    sent = datetime.now(UTC)
    output, news = process.communicate(timeout=120)
    assert process.returncode == code
    assert output == ""
    assert "Traceback" not in news
    assert "goes on from here" in news
    assert logs(tmp_path) == running
    for log in running:
        (end,) = [event for event in read_log(log)[0] if event["event"] == "end"]
        assert end["status"] == "interrupted"
        assert datetime.fromisoformat(end["time"]) - sent < timedelta(seconds=2)
        assert not lives(pid_of(log))


def test_ctrl_c_while_the_workers_start_is_as_quiet(spec, nnlite, tmp_path):
    """F10, F12: the signal may reach a worker before it has learned to ignore it."""
    for wait in (0.0, 0.1, 0.25):
        process = nnlite(
            "sweep", spec(GRID, fixed=LONG), "-j", 2, "--experiments", tmp_path, wait=False, start_new_session=True
        )
        wait_for(lambda: children_of(process.pid))  # noqa: B023
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        _, news = process.communicate(timeout=120)
        assert process.returncode == 130
        assert "Traceback" not in news


def test_a_killed_worker_fails_its_trial_alone(spec, nnlite, ask, tmp_path, check_log):
    """F01, F15: the second call leaves it alone, and `--retry-failed` trains exactly it."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.2, 0.3]", fixed="epochs = 150")
    arguments = ("sweep", path, "-j", 2, "--experiments", tmp_path)
    process = nnlite(*arguments, wait=False)
    victim, sibling = training(tmp_path, 2)
    os.kill(pid_of(sibling), signal.SIGINT)  # which a worker leaves to its driver
    os.kill(pid_of(victim), signal.SIGKILL)
    _, news = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "SIGKILL" in read_run(RunFolder(victim.parent)).error
    assert victim.parent.name in news
    assert "Traceback" not in news
    others = [log for log in logs(tmp_path) if log != victim]
    assert len(others) == 2
    for log in others:
        check_log(log, 150)
        assert [event["event"] for event in read_log(log)[0]].count("start") == 1
    before = victim.read_bytes()
    ask(*arguments, code=1)
    assert victim.read_bytes() == before
    untouched = [log.stat().st_mtime_ns for log in others]
    news = ask(*arguments, "--retry-failed").stderr
    (told,) = [line for line in news.splitlines() if "is tried again" in line]
    assert told.startswith(victim.parent.name)
    assert "SIGKILL" in told
    check_log(victim, 150)
    assert [log.stat().st_mtime_ns for log in others] == untouched


def test_a_sweep_asks_nothing_of_the_network(spec, nnlite, tmp_path):
    """Every process refuses, by the hook that Python itself runs first in any, and leaves a note of what was asked."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def audit(event, arguments):\n"
        "    inet = event == 'socket.connect' and isinstance(arguments[1], tuple)\n"
        "    if inet or event in ('socket.getaddrinfo', 'socket.gethostbyname'):\n"
        f"        open({str(hook)!r} + f'/asked-{{os.getpid()}}', 'w').write(f'{{event}} {{arguments}}')\n"
        "        raise OSError('the network is unplugged')\n"
        "sys.addaudithook(audit)\n"
        f"open({str(hook)!r} + f'/process-{{os.getpid()}}', 'w')\n"
    )
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]")
    nnlite("sweep", path, "-j", 2, "--experiments", tmp_path, env=first_on_path(hook), code=0)
    assert len(list(hook.glob("process-*"))) >= 3
    assert not list(hook.glob("asked-*"))


@pytest.mark.parametrize(
    ("call", "said"),
    [("os._exit(3)", "EXIT(3)"), pytest.param("os.kill(os.getpid(), 11)", "SIGSEGV", marks=pytest.mark.slow)],
)
def test_a_trial_that_ends_its_process_has_failed_with_the_reason(spec, nnlite, ask, tmp_path, call, said):
    """F02: every worker has the fault built in, by the hook that Python itself runs first in any process."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'loky' in ' '.join(sys.orig_argv) and '--process-name' in sys.orig_argv:\n"
        "    import nnlite.sweep.worker as worker\n"
        f"    worker.make_training = lambda trial: {call}\n"
    )
    path = spec("[grid]\nlearning_rate = [0.1, 0.2]")
    done = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path, code=1, env=first_on_path(hook))
    assert "Traceback" not in done.stderr
    assert len(logs(tmp_path)) == 2
    for log in logs(tmp_path):
        run = read_run(RunFolder(log.parent))
        assert run.status == "failed"
        assert said in run.error
    ask("sweep", path, "--retry-failed", "--experiments", tmp_path)


def test_a_worker_that_dies_before_its_trial_has_a_log_fails_it(spec, nnlite, ask, tmp_path):
    """F08."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text("import os, sys\nif '--process-name' in sys.orig_argv:\n    os._exit(7)\n")
    done = nnlite("sweep", spec(), "-j", 1, "--experiments", tmp_path / "e", code=1, env=first_on_path(hook))
    assert "its worker process died" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1 of 1 trials done" in ask("sweep", spec(), "--experiments", tmp_path / "e").stdout


def test_a_worker_that_died_while_idle_is_replaced(sweep_of, monkeypatch):
    plan = sweep_of("[grid]\nlearning_rate = [0.1, 0.2]")
    listener, places = Silent(), LocalPlaces()
    place, slots = places.place, []

    def kill_idle(_trial, folder, _outcome):
        executor = slots[0]._executor
        os.kill(pid_of(folder.log), signal.SIGKILL)
        wait_for(lambda: executor._flags.broken)

    monkeypatch.setattr(places, "place", lambda *about: slots.append(place(*about)) or slots[-1])
    monkeypatch.setattr(listener, "ended", kill_idle)
    outcomes = run_trials(plan, 1, {}, listener, places=places).outcomes
    assert [outcome.status for outcome in outcomes.values()] == ["completed", "completed"]


def test_a_diverged_trial_is_an_end_that_is_not_repeated(spec, ask, tmp_path):
    """It is a result, exit code 0, and it ranks last."""
    path = spec("[grid]\nlearning_rate = [0.1, 1e30]", fixed='activation = "relu"\nepochs = 3')
    done = ask("sweep", path, "--experiments", tmp_path)
    assert "diverged" in done.stderr
    assert "2 of 2 trials done" in done.stdout
    before = [log.stat().st_mtime_ns for log in logs(tmp_path)]
    ask("sweep", path, "--experiments", tmp_path)
    assert [log.stat().st_mtime_ns for log in logs(tmp_path)] == before
    listed = json.loads(ask("runs", tmp_path, "--json").stdout)["runs"]
    assert [run["status"] for run in listed] == ["completed", "diverged"]
    (best,) = json.loads(ask("best", "--experiments", tmp_path, "--json").stdout)["best"]
    assert best["run"] == listed[0]["run"]


def test_a_second_driver_is_told_who_holds_the_folder(spec, nnlite, ask, tmp_path):
    """F43."""
    path = spec(GRID, fixed=LONG)
    process = nnlite("sweep", path, "-j", 1, "--experiments", tmp_path, wait=False)
    (log,) = training(tmp_path, 1)
    for command in ("sweep", "train"):
        second = ask(command, path, "--experiments", tmp_path, code=1)
        assert f"process {process.pid} on" in second.stderr
        assert second.stdout == ""
    ask("sweep", path, "--dry-run", "--experiments", tmp_path)
    process.kill()
    process.communicate()
    assert [event["event"] for event in read_log(log)[0]].count("start") == 1
    ask("train", path, "-S", "epochs=2", "--experiments", tmp_path)


def test_drivers_that_start_at_once_double_no_trial(spec, nnlite, tmp_path, check_log):
    """F43."""
    path = spec(GRID)
    drivers = [nnlite("sweep", path, "-j", 1, "--experiments", tmp_path, wait=False) for _ in range(3)]
    for driver in drivers:
        driver.communicate(timeout=300)
    assert sorted({driver.returncode for driver in drivers} | {0, 1}) == [0, 1]
    assert 0 in [driver.returncode for driver in drivers]
    assert len(logs(tmp_path)) == 4
    for log in logs(tmp_path):
        check_log(log, 3)
        assert [event["event"] for event in read_log(log)[0]].count("start") == 1


def test_a_claim_is_given_back_and_its_file_stays(tmp_path):
    """F45."""
    with claim(tmp_path), pytest.raises(BusyError, match=f"process {os.getpid()} on"), claim(tmp_path):
        pass
    assert (tmp_path / CLAIM_NAME).exists()
    with claim(tmp_path):
        pass


@pytest.mark.parametrize(
    "fate",
    ["removed", pytest.param("moved", marks=pytest.mark.slow), pytest.param("replaced", marks=pytest.mark.slow)],
)
def test_a_sweep_whose_folder_is_taken_away_ends_and_makes_no_new_one(spec, nnlite, ask, tmp_path, fate):
    """F21, F45: the claim goes with the folder, so whoever drove on could be one of two drivers."""
    path = spec(GRID, fixed=LONG)
    process = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path, wait=False)
    pids = [pid_of(log) for log in training(tmp_path, 2)]
    folder, aside = tmp_path / "tiny", tmp_path / "aside"
    folder.rename(aside)
    if fate == "removed":
        shutil.rmtree(aside)
    if fate == "replaced":
        shutil.copytree(aside, folder)
    there = logs(folder)
    output, news = process.communicate(timeout=300)
    assert process.returncode == 1
    assert output == ""
    (told,) = [line for line in news.splitlines() if line.startswith("nnlite: ")]
    assert told.startswith(f"nnlite: {folder} was removed, moved or replaced while its trials were training")
    assert "Traceback" not in news
    assert not any(map(lives, pids))
    assert logs(folder) == there
    ask("sweep", path, "-S", "epochs=3", "--experiments", tmp_path, "--retry-failed")


def test_a_claim_with_unreadable_contents_still_holds(tmp_path):
    with claim(tmp_path):
        (tmp_path / CLAIM_NAME).write_bytes(b"\xff[")
        with pytest.raises(BusyError, match="another process"), claim(tmp_path):
            pass


def test_a_claim_on_what_is_no_folder_is_refused(tmp_path):
    """F22."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="no folder"), claim(path):
            pass


def test_a_claim_that_cannot_be_written_is_an_error_of_the_place():
    """F20: root may write anywhere but into /proc."""
    with pytest.raises(NnliteError, match="cannot be written") as caught, claim(Path("/proc/nnlite")):
        pass
    assert not isinstance(caught.value, InputError)


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "log is a link", "log is a folder"])
def test_a_run_folder_that_is_none_is_refused_before_anything_trains(sweep_of, tmp_path, kind):
    """F22."""
    path = tmp_path / "experiments" / "tiny" / sweep_of().trials[0].id
    path.parent.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    match kind:
        case "file":
            path.touch()
        case "link":
            elsewhere.mkdir()
            path.symlink_to(elsewhere)
        case "dangling link":
            path.symlink_to(elsewhere)
        case "log is a link":
            path.mkdir()
            (path / "run.jsonl").symlink_to(elsewhere)
        case "log is a folder":
            (path / "run.jsonl").mkdir(parents=True)
    with pytest.raises(InputError, match="no ordinary"):
        sweep_of()
    assert not elsewhere.exists() or not list(elsewhere.iterdir())


def test_an_unreadable_earlier_log_does_not_keep_the_trial_from_being_trained(sweep_of, check_log):
    """F08, F34."""
    plan = sweep_of()
    log = plan.run_folder(plan.trials[0]).log
    log.parent.mkdir(parents=True)
    log.write_bytes(b"\0" * 100)
    outcomes = run_trials(sweep_of(), 1, {}, Silent()).outcomes
    assert [outcome.status for outcome in outcomes.values()] == ["completed"]
    check_log(log, 3)


def test_a_stop_requested_by_a_signal_is_no_ordinary_exception(sweep_of):
    plan = sweep_of(fixed=LONG)
    listener = Silent()
    listener.started = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped) as caught:
        run_trials(plan, 1, {}, listener)
    assert caught.value.exit_code == 143
    assert not isinstance(caught.value, Exception)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_listener_that_fails_leaves_no_worker(sweep_of):
    plan = sweep_of(fixed=LONG)

    class Failing(Silent):
        def refresh(self):
            if training_now():
                raise RuntimeError("oh")

    def training_now():
        return [log for log in logs(plan.folder) if b'"epoch": 2' in log.read_bytes()]

    with pytest.raises(RuntimeError, match="oh"):
        run_trials(plan, 1, {}, Failing())
    (log,) = logs(plan.folder)
    assert read_run(RunFolder(log.parent)).status == "interrupted"
    assert not lives(pid_of(log))


def test_workers_have_one_blas_thread_and_no_plotting(monkeypatch):
    """F59: with one job as well."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    slot = Slot(make_training)
    try:
        slot._executor = slot._new_executor()
        threads, modules = slot._executor.submit(_threads_and_modules).result()
    finally:
        slot.close(kill=True)
    assert set(threads) == {1}
    assert not modules & {"pandas", "matplotlib"}


def _threads_and_modules():
    return [library["num_threads"] for library in threadpool_info()], set(sys.modules)


def test_a_worker_maps_the_images_instead_of_receiving_them(digits):
    assert len(pickle.dumps(digits)) < 4000
    images = digits.split(300).train.images
    assert isinstance(images.base, np.memmap) or isinstance(images.base.base, np.memmap)
    assert not images.flags.writeable


def test_no_end_is_written_for_a_run_that_has_one_or_that_never_began(tmp_path):
    for name, begin in (("ended", ["start", "end"]), ("empty", []), ("open", ["start"])):
        folder = RunFolder(tmp_path / name)
        with LogWriter(folder.log) as log:
            for event in begin:
                log.write(event, **({"status": "failed"} if event == "end" else {}))
        close_log(folder, "interrupted")
    close_log(RunFolder(tmp_path / "none"), "interrupted")
    sizes = {name: len(read_log(tmp_path / name / "run.jsonl")[0]) for name in ("ended", "empty", "open")}
    assert sizes == {"ended": 2, "empty": 0, "open": 2}
    assert not (tmp_path / "none").exists()
