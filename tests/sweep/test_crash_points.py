"""A trial that is stopped at every single step of its way to the disk, one after the other, as SQLite tests itself."""

import errno
import itertools
import os
import pickle
import subprocess
import sys

import pytest

from nnlite.runs import RunFolder, read_log, read_run
from nnlite.sweep import worker
from nnlite.sweep.worker import run_trial

STEPS = ("write", "fsync", "replace", "ftruncate", "unlink")
EPOCHS = 3
# A process that was forked has all modules already: killing so many of them takes seconds, not minutes.
KILLS = f"""
import itertools, os, pickle, signal, sys
import nnlite.sweep.worker as worker
from nnlite.runs import RunFolder
worker.CHECKPOINT_SECONDS = 0.0
with open(sys.argv[1], "rb") as file:
    trial, root = pickle.load(file)

def die_before(number):
    steps = itertools.count(1)
    def patched(step, real):
        def call(*arguments, **options):
            if next(steps) == number:
                if step == "write":
                    real(arguments[0], arguments[1][:len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        return call
    for step in {STEPS}:
        setattr(os, step, patched(step, getattr(os, step)))

for number in itertools.count(1):
    folder = RunFolder(root / str(number))
    child = os.fork()
    if not child:
        die_before(number)
        os._exit(worker.run_trial(trial, folder, {{}}).status != "completed")
    _, status = os.waitpid(child, 0)
    print(number, status, worker.run_trial(trial, folder, {{}}).status, flush=True)
    if status == 0:
        break
"""


@pytest.fixture
def chosen(trial):
    return trial(epochs=EPOCHS)


@pytest.fixture
def undisturbed(chosen, tmp_path, numbers):
    """What a trial logs that nothing stopped."""
    folder = RunFolder(tmp_path / "undisturbed")
    assert run_trial(chosen, folder, {}).status == "completed"
    return numbers(folder)


@pytest.mark.slow
def test_a_trial_that_is_killed_before_any_step_ends_with_the_same_numbers(
    chosen, undisturbed, numbers, check_log, tmp_path
):
    """F07, F08, F25, F28: before each write, which is torn in the middle, each sync, each replacing of a file."""
    job = tmp_path / "job.pickle"
    job.write_bytes(pickle.dumps((chosen, tmp_path / "runs")))
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(job)], capture_output=True, text=True, check=False, timeout=600
    )
    tries = [line.split() for line in done.stdout.splitlines()]
    assert [status for _, _, status in tries] == ["completed"] * len(tries), done.stderr
    assert [signal for _, signal, _ in tries] == ["9"] * (len(tries) - 1) + ["0"]
    assert len(tries) > 6 * EPOCHS
    for number, _, _ in tries:
        folder = RunFolder(tmp_path / "runs" / number)
        assert numbers(folder) == undisturbed, f"step {number}"
        check_log(folder.log, EPOCHS)
        assert not folder.leftovers(), f"step {number}"


@pytest.mark.parametrize(
    ("number", "lasts", "status"),
    [(errno.ENOSPC, True, "interrupted"), (errno.EIO, False, "failed")],
    ids=["a full disk", "one error of the disk"],
)
def test_a_trial_that_any_step_fails_ends_with_the_same_numbers_when_it_is_tried_again(
    chosen, undisturbed, numbers, check_log, tmp_path, monkeypatch, number, lasts, status
):
    """F18, F19: what was there before is not lost; a disk that is full stays full until somebody makes room."""
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)
    for first in itertools.count(1):
        folder = RunFolder(tmp_path / "runs" / str(first))
        with pytest.MonkeyPatch.context() as patch:
            counted = fail(patch, first, number, lasts=lasts)
            outcome = run_trial(chosen, folder, {})
        if next(counted) <= first:  # there is no such step any more
            assert outcome.status == "completed"
            break
        assert outcome.status == status, f"step {first}"
        assert os.strerror(number) in outcome.error
        events, bad = read_log(folder.log)
        assert not bad, f"step {first}"
        assert lasts or not events or events[-1]["status"] == "failed"
        assert run_trial(chosen, folder, {}).status == "completed"
        assert numbers(folder) == undisturbed, f"step {first}"
        check_log(folder.log, EPOCHS)
        assert not folder.leftovers(), f"step {first}"
    assert first > 5 * EPOCHS
    assert read_run(folder).status == "completed"


def fail(patch, first, number, *, lasts):
    """Have the step `first` fail, and all that follow if it `lasts`; counts the steps."""
    counted = itertools.count(1)

    def patched(step, real):
        def call(*arguments, **options):
            now = next(counted)
            if now == first or (lasts and now > first):
                if lasts and step == "write" and now == first:  # what is left of the room is used
                    return real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        return call

    for step in ("write", "fsync", "replace"):  # room is made by the others
        patch.setattr(os, step, patched(step, getattr(os, step)))
    return counted
