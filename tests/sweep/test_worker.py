"""One trial's life: whatever happens to it, its log tells, and what was interrupted goes on to the same bits."""

import errno
import json
import os
import random
import signal
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nnlite.errors import InputError
from nnlite.files import aside
from nnlite.models import prepare_reference
from nnlite.nn import load_arrays, save_arrays
from nnlite.runs import LogWriter, RunFolder, read_log, read_run
from nnlite.sweep import worker
from nnlite.sweep.blame import OUT_OF_MEMORY, explain
from nnlite.sweep.environment import limit_threads
from nnlite.sweep.spec import Objective
from nnlite.sweep.strategy import Task
from nnlite.sweep.worker import Outcome, run_task, run_trial

INTERRUPTIBLE = {
    "sgd with momentum": {"momentum": 0.9},
    "adam": {"optimizer": "adam", "learning_rate": 0.003},
    "step": {"lr_schedule": "step", "lr_decay_epochs": 2},
    "exponential": {"lr_schedule": "exponential"},
    "linear": {"lr_schedule": "linear", "momentum": 0.5},
    "cosine": {"lr_schedule": "cosine", "optimizer": "adam", "learning_rate": 0.003},
    "gan with skip": {"model": "gan", "discriminator_skip": 2, "latent_dim": 8, "epochs": 4},
    "gan with steps": {"model": "gan", "discriminator_steps": 2, "latent_dim": 8, "optimizer": "sgd", "epochs": 4},
}
QUICK = ("adam",)


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)


def events_of(folder):
    return [event["event"] for event in read_log(folder.log)[0]]


def whole(trial):
    """The task to train all of it."""
    return Task(trial, trial.config.epochs)


def stop_after(monkeypatch, epochs):
    """Have the process end, as far as the trial can tell, when the log has so many epochs."""
    write = LogWriter.write

    def stopping(self, event, **fields):
        write(self, event, **fields)
        if event == "epoch" and fields["epoch"] == epochs:
            raise StoppedError

    monkeypatch.setattr(LogWriter, "write", stopping)


class StoppedError(Exception):
    """The test's own."""


def test_a_run_leaves_its_log_its_checkpoint_and_its_best_weights(trial, folder):
    """F25, F42: and no temporary file."""
    assert run_trial(trial(), folder, {"spec": "x.toml"}) == Outcome("completed")
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "best.npz",
        "checkpoint.npz",
        "mistakes.png",
        "run.jsonl",
    ]
    assert events_of(folder) == ["start", "epoch", "epoch", "epoch", "end"]
    run = read_run(folder)
    assert {"schema", "run", "sweep", "model", "dataset", "dataset_checksum", "config", "seed"} <= run.start.keys()
    assert {"versions", "git", "host", "pid", "threads", "spec", "objective", "swept"} <= run.start.keys()
    assert run.start["threads"] == 1
    assert {"test_acc", "test_loss", "best_epoch", "epochs", "val_acc"} <= run.summary().keys()
    confusion = np.array(run.end["test"]["confusion"])
    assert np.trace(confusion) / confusion.sum() == pytest.approx(run.summary()["test_acc"])
    assert {"index", "label", "predicted", "probability"} == run.end["test"]["mistakes"][0].keys()
    best = max(line["val_acc"] for line in run.epochs)
    assert run.summary()["val_acc"] == best
    assert run.epochs[int(run.summary()["best_epoch"]) - 1]["val_acc"] == best


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in INTERRUPTIBLE]
)
def test_a_trial_killed_at_any_moment_ends_with_the_numbers_of_an_undisturbed_one(
    trial, child, numbers, check_log, digits, tmp_path, name
):
    """F01, F05, F40, F41."""
    if "gan" in name:
        with limit_threads():
            prepare_reference(digits)
    chosen = trial(**{"epochs": 40} | INTERRUPTIBLE[name])
    undisturbed, killed = RunFolder(tmp_path / "undisturbed"), RunFolder(tmp_path / "killed")
    assert run_trial(chosen, undisturbed, {}) == Outcome("completed")
    moments = random.Random(name)  # noqa: S311 - the same moments each time, as far as the machine allows
    for _ in range(3):
        process = child(chosen, killed)
        lines = killed.log.read_bytes().count(b"\n") if killed.log.exists() else 0
        while process.poll() is None and (not killed.log.exists() or killed.log.read_bytes().count(b"\n") < lines + 3):
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.communicate()
    process = child(chosen, killed)
    assert process.communicate(timeout=300)[0] == "completed\n"
    assert "resume" in events_of(killed)
    check_log(killed.log, chosen.config.epochs)
    assert numbers(killed) == numbers(undisturbed)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_stop_between_log_and_checkpoint_repeats_that_epoch(trial, folder, numbers, monkeypatch, tmp_path, after):
    """F07, F40."""
    run_trial(trial(), RunFolder(tmp_path / "undisturbed"), {})
    with monkeypatch.context() as patch:
        stop_after(patch, after)
        assert run_trial(trial(), folder, {}).status == "failed"
    assert run_trial(trial(), folder, {}).status == "completed"
    assert read_log(folder.log)[0][after + 2]["event"] == ("resume" if after > 1 else "start")
    assert numbers(folder) == numbers(RunFolder(tmp_path / "undisturbed"))


def test_a_finished_trial_is_not_touched(trial, folder):
    run_trial(trial(), folder, {})
    before = {path: path.stat().st_mtime_ns for path in folder.path.iterdir()}
    assert run_trial(trial(), folder, {}) == Outcome("completed")
    assert run_trial(trial(epochs=2), folder, {}) == Outcome("completed"), "a smaller budget was met already"
    assert {path: path.stat().st_mtime_ns for path in folder.path.iterdir()} == before


def test_more_epochs_go_on_from_the_checkpoint(trial, folder, numbers, tmp_path):
    run_trial(trial(epochs=5), RunFolder(tmp_path / "at once"), {})
    run_trial(trial(epochs=2), folder, {})
    run_trial(trial(epochs=5), folder, {})
    assert events_of(folder) == ["start", "epoch", "epoch", "end", "resume", "epoch", "epoch", "epoch", "end"]
    assert numbers(folder) == numbers(RunFolder(tmp_path / "at once"))
    assert read_run(folder).config["epochs"] == 5


def test_an_interrupted_trial_that_is_beyond_a_lowered_budget_counts_its_epochs(trial, folder, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        run_trial(trial(epochs=5), folder, {})
    run_trial(trial(epochs=1), folder, {})
    run = read_run(folder)
    assert (run.status, len(run.epochs), run.summary()["epochs"]) == ("completed", 2, 2)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def relabel(path):
    arrays = load_arrays(path)
    identity = json.loads(str(arrays["identity"])) | {"run": "0" * 12}
    save_arrays(path, arrays | {"identity": np.array(json.dumps(identity))})


def put_ahead(path):
    arrays = load_arrays(path)
    identity = json.loads(str(arrays["identity"])) | {"epoch": 9}
    save_arrays(path, arrays | {"identity": np.array(json.dumps(identity))})


def lose_a_part(path):
    arrays = load_arrays(path)
    save_arrays(path, {name: array for name, array in arrays.items() if "optimizer" not in name})


def pickled(path):
    np.savez(path, identity=np.array([{"run": 1}], dtype=object))


def claim_terabytes(path):
    with zipfile.ZipFile(path, "w") as archive, archive.open("identity.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})


def test_what_a_checkpoint_rests_on_reaches_the_disk_before_it_and_it_before_its_name(trial, folder, monkeypatch):
    """F24: after a power failure there is a whole checkpoint, this or the one before, and the log has its epochs."""
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(file):
        found = os.fstat(file)
        (path,) = [path for path in folder.path.iterdir() if path.stat().st_ino == found.st_ino]
        done.append(("synced", path.name.lstrip(".").split(".")[0]))
        fsync(file)

    def renamed(path, target):
        done.append(("renamed", Path(target).stem))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    run_trial(trial(), folder, {})
    last = [each for each in done if each[1] != "mistakes"][-3:]
    assert last == [("synced", "run"), ("synced", "checkpoint"), ("renamed", "checkpoint")]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(os.unlink, id="missing"),
        pytest.param(cut, id="F36: cut"),
        pytest.param(flip, id="F36: a flipped bit"),
        pytest.param(lambda path: path.write_bytes(b""), id="F36: empty"),
        pytest.param(lambda path: path.write_text("text"), id="F36: text"),
        pytest.param(pickled, id="F37: pickled"),
        pytest.param(claim_terabytes, id="F38: a header that claims terabytes"),
        pytest.param(relabel, id="F39: of another trial"),
        pytest.param(put_ahead, id="F40: ahead of the log"),
        pytest.param(lose_a_part, id="F36: without its optimizer"),
    ],
)
def test_a_checkpoint_that_does_not_fit_starts_the_trial_over_with_a_new_start(
    trial, folder, numbers, tmp_path, damage
):
    check_started_over(trial, folder, numbers, tmp_path, damage, folder.checkpoint)


@pytest.mark.parametrize("damage", [os.unlink, cut, flip, pickled])
def test_best_weights_that_are_damaged_come_back_with_the_checkpoint(trial, folder, numbers, tmp_path, damage):
    """F36."""
    run_trial(trial(epochs=2), folder, {})
    damage(folder.best)
    assert run_trial(trial(epochs=3), folder, {}) == Outcome("completed")
    assert events_of(folder) == ["start", "epoch", "epoch", "end", "resume", "epoch", "end"]
    run_trial(trial(), RunFolder(tmp_path / "undisturbed"), {})
    assert numbers(folder) == numbers(RunFolder(tmp_path / "undisturbed"))


def test_best_weights_of_an_epoch_that_was_gone_back_on_are_not_scored(trial, folder, numbers, tmp_path):
    run_trial(trial(epochs=2), folder, {})
    better = RunFolder(tmp_path / "better")
    run_trial(trial(epochs=20), better, {})
    better.best.replace(folder.best)  # as an extension leaves it that is killed before its first checkpoint
    assert run_trial(trial(epochs=3), folder, {}) == Outcome("completed")
    run_trial(trial(), RunFolder(tmp_path / "undisturbed"), {})
    assert numbers(folder) == numbers(RunFolder(tmp_path / "undisturbed"))


def test_an_epoch_that_lacks_the_objective_is_not_the_best_of_those_that_have_it(trial, folder):
    metric = Objective("discriminator_loss", "minimize")
    # One batch an epoch, and the discriminator sits out every other one.
    job = trial("gan", objective=metric, batch_size=10_000, discriminator_skip=2, epochs=4)
    prepare_reference(job.dataset)
    run_trial(job, folder, {})
    run = read_run(folder)
    measured = {line["epoch"]: line["discriminator_loss"] for line in run.epochs if "discriminator_loss" in line}
    assert list(measured) == [1, 3]
    assert run.summary()["best_epoch"] == min(measured, key=measured.get)
    assert run.summary()["discriminator_loss"] == min(measured.values())


def check_started_over(trial, folder, numbers, tmp_path, damage, path):
    run_trial(trial(epochs=2), folder, {})
    damage(path)
    assert run_trial(trial(epochs=3), folder, {}) == Outcome("completed")
    assert events_of(folder) == ["start", "epoch", "epoch", "end", "start", "epoch", "epoch", "epoch", "end"]
    run_trial(trial(), RunFolder(tmp_path / "undisturbed"), {})
    assert numbers(folder) == numbers(RunFolder(tmp_path / "undisturbed"))


def test_divergence_is_an_end_of_its_own(trial, folder):
    """F32, F66."""
    outcome = run_trial(trial(learning_rate=1e30, activation="relu", epochs=5), folder, {})
    assert outcome.status == "diverged"
    assert "is not finite after epoch" in outcome.error
    run = read_run(folder)
    assert (run.status, run.finished) == ("diverged", True)
    assert b"NaN" not in folder.log.read_bytes()


@pytest.mark.parametrize(
    "error",
    [RuntimeError("broken\nin two \x1b[2J"), MemoryError(), SystemExit(3), KeyboardInterrupt(), RecursionError("deep")],
    ids=lambda error: type(error).__name__,
)
def test_a_trial_that_raises_has_failed_and_says_why(trial, folder, error):
    """F02, F03, F70: and its log still says what it was to train."""

    def fail(_trial):
        raise error

    outcome = run_task(whole(trial()), folder, {}, make=fail)
    assert outcome.status == "failed"
    assert outcome.error.startswith(type(error).__name__)
    assert outcome.error.isprintable()
    run = read_run(folder)
    assert (run.status, run.error, run.id) == ("failed", outcome.error, trial().id)
    assert "Traceback" in run.end["traceback"]


def test_a_trial_that_is_out_of_memory_says_what_to_do(trial, folder):
    """F03."""

    def fail(_trial):
        np.empty(1 << 60, np.uint8)

    outcome = run_task(whole(trial()), folder, {}, make=fail)
    assert "Unable to allocate 1.00 EiB" in outcome.error
    assert outcome.error.endswith(OUT_OF_MEMORY)
    assert read_run(folder).error == outcome.error


def test_a_full_disk_is_not_the_trials_fault(trial, folder):
    """F18: it is to go on when there is room again."""

    def fail(_trial):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    outcome = run_task(whole(trial()), folder, {}, make=fail)
    assert (outcome.status, read_run(folder).status) == ("interrupted", "interrupted")
    assert "No space left" in read_run(folder).error
    assert run_trial(trial(), folder, {}).status == "completed"


def test_every_attempt_has_its_number_in_the_log(trial, folder):
    def fail(_trial):
        raise RuntimeError("oh")

    for _ in range(2):
        run_task(whole(trial()), folder, {}, make=fail)
    assert read_run(folder).failures == 2
    assert run_trial(trial(), folder, {}).status == "completed"
    assert [event["attempt"] for event in read_log(folder.log)[0] if event["event"] == "start"] == [1, 2, 3]
    assert read_run(folder).failures == 0


STAGED = {
    "classifier": {"epochs": 5, "lr_schedule": "cosine", "momentum": 0.9},
    "gan": {"model": "gan", "epochs": 5, "latent_dim": 8, "discriminator_skip": 2},
}


@pytest.mark.parametrize("seconds", [0.0, 100.0], ids=["a checkpoint every epoch", "none but where it stops"])
@pytest.mark.parametrize("name", STAGED)
def test_a_trial_that_is_pruned_twice_and_taken_up_again_ends_like_one_that_never_stopped(
    trial, folder, numbers, check_log, digits, tmp_path, monkeypatch, name, seconds
):
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", seconds)
    if name == "gan":
        with limit_threads():
            prepare_reference(digits)
    chosen, at_once = trial(**STAGED[name]), RunFolder(tmp_path / "at once")
    assert run_trial(chosen, at_once, {}) == Outcome("completed")
    for until in (1, 3):
        outcome = run_task(Task(chosen, until), folder, {})
        assert outcome == Outcome("pruned", f"stopped after epoch {until} of 5, as far as it was to be trained")
        run = read_run(folder)
        assert (run.status, run.finished, len(run.epochs), run.error) == ("pruned", True, until, outcome.error)
        assert not run.summary().keys() & {"test_acc", "test_fid"}
        assert run.summary()["epochs"] == until
        assert json.loads(str(load_arrays(folder.checkpoint)["identity"]))["epoch"] == until
    assert run_task(Task(chosen, 5), folder, {}) == Outcome("completed")
    check_log(folder.log, 5)
    assert numbers(folder) == numbers(at_once)
    assert [event.get("epoch") for event in read_log(folder.log)[0] if event["event"] == "resume"] == [1, 3]
    same = load_arrays(folder.checkpoint), load_arrays(at_once.checkpoint)
    assert {name: array.tobytes() for name, array in same[0].items()} == {
        name: array.tobytes() for name, array in same[1].items()
    }


def test_a_bar_that_is_missed_prunes_and_one_that_is_reached_does_not(trial, folder, tmp_path):
    run_trial(trial(), RunFolder(tmp_path / "all"), {})
    reached = [line["val_acc"] for line in read_run(RunFolder(tmp_path / "all")).epochs]
    best = max(reached[:2])
    outcome = run_task(Task(trial(), 3, {1: reached[0], 2: best + 1e-9}), folder, {})
    assert outcome.status == "pruned"
    assert outcome.error.startswith("stopped after epoch 2 of 3: by epoch 2 it had not reached val_acc 0.")
    before = folder.log.read_bytes()
    assert run_task(Task(trial(), 3, {2: best + 1e-9}), folder, {}) == outcome, "the same bar stops it again"
    assert folder.log.read_bytes() == before
    assert run_task(Task(trial(), 3, {2: best}), folder, {}) == Outcome("completed")


def test_a_bar_holds_for_what_an_interrupted_trial_had_trained(trial, folder, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        run_trial(trial(epochs=5), folder, {})
    outcome = run_task(Task(trial(epochs=5), 5, {1: 2.0}), folder, {})
    assert outcome == Outcome("pruned", "stopped after epoch 2 of 5: by epoch 1 it had not reached val_acc 2")


def test_a_stop_at_the_very_end_of_a_task_is_made_good_by_the_next_call(trial, folder, monkeypatch):
    """Between the last epoch's line and its checkpoint."""
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        run_task(Task(trial(), 2), folder, {})
    assert run_task(Task(trial(), 2), folder, {}).status == "pruned"
    assert events_of(folder) == ["start", "epoch", "epoch", "end", "resume", "epoch", "end"]


def test_a_budget_lowered_to_where_a_trial_was_pruned_completes_it(trial, folder):
    run_task(Task(trial(epochs=5), 2), folder, {})
    assert run_trial(trial(epochs=2), folder, {}) == Outcome("completed")
    assert "test_acc" in read_run(folder).summary()


def test_what_a_killed_attempt_left_half_written_is_swept_away(trial, folder):
    run_trial(trial(epochs=2), folder, {})
    folder.samples.mkdir()
    for path in (aside(folder.checkpoint), aside(folder.sample(1))):
        path.touch()
    run_trial(trial(epochs=3), folder, {})
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "best.npz",
        "checkpoint.npz",
        "mistakes.png",
        "run.jsonl",
        "samples",
    ]
    assert not list(folder.samples.iterdir())


def test_a_failed_trial_goes_on_from_its_checkpoint(trial, folder, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        run_trial(trial(epochs=4), folder, {})
    assert read_run(folder).status == "failed"
    assert run_trial(trial(epochs=4), folder, {}).status == "completed"
    assert events_of(folder)[-4:] == ["resume", "epoch", "epoch", "end"]


def test_a_dataset_that_vanished_fails_the_trial(trial, folder, monkeypatch):
    gone = trial()
    monkeypatch.setattr(type(gone.dataset), "split", lambda *_: (_ for _ in ()).throw(InputError("no such file")))
    assert run_trial(gone, folder, {}) == Outcome("failed", "InputError: no such file")


def test_a_trial_that_is_being_trained_elsewhere_is_busy(trial, folder, monkeypatch):
    """F43, F46."""
    monkeypatch.setattr("nnlite.runs.log.PATIENCE", 0.0)
    monkeypatch.setattr(LogWriter.__init__, "__kwdefaults__", {"patience": 0.05})
    with LogWriter(folder.log):
        assert run_trial(trial(), folder, {}).status == "busy"


def test_a_folder_that_cannot_be_written_fails_the_trial(trial, tmp_path):
    (tmp_path / "file").touch()
    assert run_trial(trial(), RunFolder(tmp_path / "file" / "run"), {}).status == "failed"


def test_without_the_objective_the_last_weights_are_kept(trial, folder):
    run_trial(trial(validation=0), folder, {})
    run = read_run(folder)
    assert run.summary()["best_epoch"] == 3
    assert "val_acc" not in run.summary()
    assert "test_acc" in run.summary()


def test_the_best_weights_follow_the_direction_of_the_objective(trial, folder):
    run_trial(trial(objective=Objective("val_acc", "minimize")), folder, {})
    assert read_run(folder).summary()["val_acc"] == min(line["val_acc"] for line in read_run(folder).epochs)


def test_a_trial_leaves_no_state_behind_for_the_next(trial, tmp_path, numbers):
    """F67."""
    for name, seeds in (("alone", [1]), ("after others", [0, 2, 1])):
        for seed in seeds:
            run_trial(trial(seed=seed), RunFolder(tmp_path / name / str(seed)), {})
    assert numbers(tmp_path / "alone/1") == numbers(tmp_path / "after others/1")


def test_a_gan_leaves_samples_and_their_animation(trial, folder, digits):
    with limit_threads():
        prepare_reference(digits)
    run_trial(trial("gan", latent_dim=8, epochs=2), folder, {})
    assert [path.name for path in sorted(folder.samples.iterdir())] == ["epoch_0001.png", "epoch_0002.png"]
    assert folder.animation.read_bytes().startswith(b"GIF8")


def test_an_error_without_text_is_its_type():
    assert explain(MemoryError()) == "MemoryError"


def test_a_folder_deleted_while_training_fails_the_trial_and_makes_no_half_new_one(trial, folder, child):
    """F21."""
    process = child(trial(epochs=2000), folder)
    while not folder.checkpoint.exists():
        time.sleep(0.01)
        assert process.poll() is None
    aside = folder.path.rename(folder.path.with_name("moved"))
    assert process.communicate(timeout=120)[0] == "failed\n"
    assert not folder.path.exists()
    assert read_run(RunFolder(aside)).status == "failed"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_killed_trial_frees_its_log(trial, folder, child, name):
    """F44."""
    process = child(trial(epochs=2000), folder)
    while not folder.checkpoint.exists():
        time.sleep(0.01)
    process.send_signal(getattr(signal, name))
    process.communicate()
    LogWriter(folder.log).close()
