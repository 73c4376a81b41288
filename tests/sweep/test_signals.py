"""Signals and lifetimes: what was inherited as ignored stays ignored, and no worker outlives its driver."""

import os
import shlex
import signal
import subprocess
import sys
import time

import psutil
import pytest

LONG = "epochs = 400"


def eventually(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)
    return result


def has_an_epoch(folder):
    return any('"epoch"' in log.read_text("utf-8") for log in folder.rglob("run.jsonl"))


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT", "SIGTERM"])
def test_a_signal_that_was_inherited_as_ignored_does_not_stop_a_sweep(spec, nnlite, tmp_path, name):
    """As under nohup, and in the background of a shell, whatever sends the signal, and to whomever."""
    number = getattr(signal, name)
    process = nnlite(
        *("sweep", spec(fixed="epochs = 40"), "--experiments", tmp_path / "e", "-j", 1),
        wait=False,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN),
    )
    eventually(lambda: has_an_epoch(tmp_path / "e"))
    os.kill(process.pid, number)
    if name != "SIGTERM":  # which ends a worker of its own; the driver then says so
        os.killpg(process.pid, number)
    output, news = process.communicate(timeout=300)
    assert process.returncode == 0, news
    assert "1 of 1 trials done" in output


@pytest.mark.parametrize(
    ("shell", "name", "code"),
    [
        ("nohup {} >/dev/null 2>&1", "SIGHUP", 0),
        ("{} >/dev/null 2>&1 & wait $!", "SIGINT", 0),
        ("{} >/dev/null 2>&1", "SIGHUP", 129),
    ],
    ids=["nohup", "background job", "neither"],
)
def test_a_sweep_under_nohup_or_in_the_background_of_a_shell_goes_on(spec, tmp_path, cache, shell, name, code):  # noqa: ARG001
    words = [sys.executable, "-m", "nnlite", "sweep", spec(fixed="epochs = 40"), "--experiments", tmp_path / "e"]
    command = shell.format(shlex.join(map(str, words)))
    # The shell itself heeds no signal, so that it can tell what became of its job.
    script = f'trap : HUP; trap "" TERM; {command}; echo $?'
    if name == "SIGINT":
        script = f"trap : INT; {command}; wait; echo $?"
    options = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(["/bin/sh", "-c", script], **options) as process:
        eventually(lambda: has_an_epoch(tmp_path / "e"))
        os.killpg(process.pid, getattr(signal, name))
        output, _ = process.communicate(timeout=300)
    if name == "SIGINT":  # `wait` itself is interrupted; the second one has nothing to tell
        assert any('"completed"' in log.read_text("utf-8") for log in (tmp_path / "e").rglob("run.jsonl"))
    else:
        assert output.split()[-1] == str(code)


def test_a_worker_whose_driver_is_killed_while_it_starts_ends_at_once(spec, nnlite, tmp_path):
    """From its first instruction: here a worker takes for ever to start, in a `sitecustomize` of the user's."""
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if any('popen_loky' in word for word in sys.orig_argv):\n"
        f"    open({str(tmp_path / 'starting')!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(1000)\n"
    )
    path = os.pathsep.join([str(slow), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    process = nnlite(*("sweep", spec(), "--experiments", tmp_path / "e", "-j", 1), wait=False, env={"PYTHONPATH": path})
    pid = int(eventually(lambda: (tmp_path / "starting").exists() and (tmp_path / "starting").read_text()))
    worker = psutil.Process(pid)
    assert worker.is_running()
    process.kill()
    process.communicate()
    eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, seconds=10)


def test_what_makes_a_process_a_worker_does_not_reach_what_the_worker_starts(spec, nnlite, tmp_path):
    """Its own environment and that of its children are the user's, whose `sitecustomize` runs in all of them."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"with open({str(tmp_path / 'seen')!r}, 'a') as seen:\n"
        "    is_worker = any('popen_loky' in word for word in sys.orig_argv)\n"
        "    print(is_worker, os.environ.get('PYTHONPATH'), os.environ.get('NNLITE_RUNNER'), file=seen)\n"
    )
    path = os.pathsep.join([str(mine), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    nnlite("sweep", spec(), "--experiments", tmp_path / "e", "-j", 1, code=0, env={"PYTHONPATH": path})
    seen = (tmp_path / "seen").read_text().splitlines()
    assert f"True {path} None" in seen, "the worker"
    assert set(seen) <= {f"True {path} None", f"False {path} None"}
