"""The judge of the harnesses finds what was lost, repeated, changed or left behind, and nothing in what is whole."""

import json
import shutil

import log_checker
import numpy as np
import pytest

RUN = "0123456789ab"
TIME = "2026-01-01T00:00:00.000Z"
START = {
    "event": "start", "time": TIME, "schema": 1, "run": RUN, "sweep": "s", "model": "classifier", "dataset": "d",
    "dataset_checksum": "0" * 64, "config": {"epochs": 4, "rate": 0.1}, "seed": 0,
    "objective": {"metric": "val_acc"}, "pid": 10,
}  # fmt: skip


def epoch(number):
    return {"event": "epoch", "time": TIME, "epoch": number, "val_acc": 1 / (number + 2), "seconds": 0.1}


END = {"event": "end", "time": TIME, "status": "completed", "metrics": {"epochs": 4, "test_acc": 0.75}}
INTERRUPTED = {"event": "end", "time": TIME, "status": "interrupted"}
RESUME = {"event": "resume", "time": TIME, "epoch": 2, "epochs": 4, "attempt": 2, "pid": 11}
WHOLE = [START, *map(epoch, (1, 2, 3, 4)), END]
DISTURBED = [START, epoch(1), START, *map(epoch, (1, 2, 3)), INTERRUPTED, RESUME, epoch(3), epoch(4), END]


def lines_of(events):
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def without(number):
    return lambda: lines_of(DISTURBED[:number] + DISTURBED[number + 1 :])


def changed(number, **fields):
    return lambda: lines_of([*DISTURBED[:number], DISTURBED[number] | fields, *DISTURBED[number + 1 :]])


def inserted(number, *events):
    return lambda: lines_of([*DISTURBED[:number], *events, *DISTURBED[number:]])


MUTILATED = {
    "an epoch is lost": without(9),
    "an epoch is lost in an earlier attempt": without(4),
    "the start is lost": lambda: lines_of(DISTURBED[1:2] + DISTURBED[3:]),
    "a resume is lost": without(7),
    "the end is lost": without(10),
    "an epoch comes twice": inserted(9, epoch(3)),
    "a second process writes": inserted(4, epoch(1), epoch(2)),
    "an epoch has another number": changed(9, val_acc=0.5),
    "a number differs in the last bit": changed(9, val_acc=np.nextafter(1 / 6, 1)),
    "a whole number stands for a real one": changed(10, metrics={"epochs": 4.0, "test_acc": 0.75}),
    "an epoch trained again has another number, both before the resume": changed(5, val_acc=0.5),
    "a metric is lost": lambda: lines_of([*DISTURBED[:9], {"event": "epoch", "time": TIME, "epoch": 4}, END]),
    "it resumes from where the log has not come": changed(7, epoch=4),
    "it ends as interrupted": changed(10, status="interrupted"),
    "it ends as pruned": changed(10, status="pruned"),
    "an unknown status": changed(10, status="done"),
    "it was trained after it had been completed": lambda: lines_of([*DISTURBED, RESUME, epoch(3), epoch(4), END]),
    "something follows the end": lambda: lines_of([*DISTURBED, epoch(5)]),
    "it is the log of another run": lambda: lines_of(DISTURBED).replace(RUN.encode(), b"ba9876543210"),
    "the seed is another": lambda: lines_of([START | {"seed": 1}, *WHOLE[1:]]),
    "an attempt does not say who trains": lambda: lines_of([{**START, "pid": None}, *WHOLE[1:]]),
    "the last line is torn": lambda: lines_of(DISTURBED)[:-1],
    "a line is torn in the middle": lambda: lines_of(DISTURBED).replace(b'"epoch": 3, "val', b'"epoch": 3, "va\n"l', 1),
    "not a number": lambda: lines_of([*DISTURBED[:9], epoch(4) | {"val_acc": float("nan")}, END]),
    "a key comes twice": lambda: lines_of(DISTURBED).replace(b'"epoch": 4,', b'"epoch": 3, "epoch": 4,', 1),
    "a block of zeros": lambda: lines_of(DISTURBED[:9]) + b"\0" * 512 + lines_of(DISTURBED[9:]),
    "no line at all": lambda: b"",
}  # fmt: skip


@pytest.fixture
def sweeps(tmp_path):
    """A disturbed sweep of one trial and its undisturbed twin."""
    for name, events in (("disturbed", DISTURBED), ("undisturbed", WHOLE)):
        folder = tmp_path / name / RUN
        folder.mkdir(parents=True)
        (folder / "run.jsonl").write_bytes(lines_of(events))
        for file in log_checker.ARRAY_FILES:
            np.savez(folder / file, weights=np.arange(6.0).reshape(2, 3))
    return tmp_path / "disturbed", tmp_path / "undisturbed"


def test_a_sweep_that_was_disturbed_and_lost_nothing_is_whole(sweeps):
    verdict = log_checker.check_sweep(*sweeps)
    assert not verdict.findings
    assert (verdict.trials, verdict.attempts, verdict.resumes, verdict.numbers) == (1, 3, 1, 8)


@pytest.mark.parametrize("mutilated", MUTILATED.values(), ids=MUTILATED.keys())
def test_a_mutilated_log_is_found(sweeps, mutilated):
    (sweeps[0] / RUN / "run.jsonl").write_bytes(mutilated())
    assert log_checker.check_sweep(*sweeps).findings


def test_a_log_that_is_cut_off_anywhere_is_found(sweeps):
    text = lines_of(DISTURBED)
    for size in range(len(text)):
        (sweeps[0] / RUN / "run.jsonl").write_bytes(text[:size])
        assert log_checker.check_sweep(*sweeps).findings, size


def test_timings_may_differ(sweeps):
    text = lines_of(DISTURBED).replace(b'"seconds": 0.1', b'"seconds": 0.2').replace(b"2026", b"2025")
    (sweeps[0] / RUN / "run.jsonl").write_bytes(text)
    assert not log_checker.check_sweep(*sweeps).findings


@pytest.mark.parametrize("name", log_checker.ARRAY_FILES)
@pytest.mark.parametrize(
    "arrays",
    [
        {"weights": np.nextafter(np.arange(6.0).reshape(2, 3), 9)},
        {"weights": np.arange(6.0)},
        {"weights": np.arange(6, dtype=np.float32).reshape(2, 3)},
        {"weights": np.arange(6.0).reshape(2, 3), "more": np.zeros(1)},
        {},
    ],
    ids=["last bit", "shape", "precision", "one more", "none"],
)
def test_other_arrays_are_found(sweeps, name, arrays):
    np.savez(sweeps[0] / RUN / name, **arrays)
    assert log_checker.check_sweep(*sweeps).findings


def test_missing_and_additional_files_and_trials_are_found(sweeps):
    disturbed, undisturbed = sweeps
    aside = disturbed / RUN / ".best.npz.7.tmp"
    aside.touch()
    assert "left behind" in log_checker.check_sweep(*sweeps).findings[0]
    aside.unlink()
    (disturbed / RUN / "best.npz").unlink()
    assert "missing" in log_checker.check_sweep(*sweeps).findings[0]
    shutil.rmtree(disturbed / RUN)
    assert "the trial is missing" in log_checker.check_sweep(*sweeps).findings[0]
    assert "no trial of the undisturbed" in log_checker.check_sweep(undisturbed, disturbed).findings[0]


def test_what_depends_on_the_order_of_arrival_is_the_beginning_of_its_whole_twin(sweeps):
    log = sweeps[0] / RUN / "run.jsonl"
    pruned = END | {"status": "pruned"}
    log.write_bytes(lines_of([*WHOLE[:3], pruned]))
    assert log_checker.check_sweep(*sweeps).findings
    assert not log_checker.check_sweep(*sweeps, order_matters=False).findings
    log.write_bytes(lines_of([*WHOLE[:2], epoch(2) | {"val_acc": 0.5}, pruned]))
    assert log_checker.check_sweep(*sweeps, order_matters=False).findings
    log.write_bytes(lines_of([*WHOLE[:3], END]))
    assert log_checker.check_sweep(*sweeps, order_matters=False).findings
