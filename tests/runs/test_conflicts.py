"""Conflicts: the same id with other numbers, in two places or in one log; copies are none."""

import json

import pytest

from nnlite.runs import RunFolder, conflict_warning, find_conflicts, read_run, read_runs

HASWELL = {"versions": {"blas": "openblas Haswell", "numpy": "2.4.6"}}
SKYLAKE = {"versions": {"blas": "openblas SkylakeX", "numpy": "2.4.6"}}


def start(**fields):
    return {"event": "start", "run": "abc", "config": {"epochs": 3}, "seed": 0, **fields}


def epoch(number, **metrics):
    return {"event": "epoch", "epoch": number, **metrics}


def end(**metrics):
    return {"event": "end", "status": "completed", "metrics": metrics}


@pytest.fixture
def write(tmp_path):
    """Write a log under a folder of sweeps and return its run."""

    def write_log(where, *events):
        folder = RunFolder(tmp_path / where)
        folder.path.mkdir(parents=True)
        folder.log.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
        return read_run(folder)

    return write_log


def test_the_same_numbers_in_two_places_are_a_copy_whatever_the_clock_said(write):
    one = write(
        "a", start(), epoch(1, val_acc=0.5, seconds=1.0, images_per_second=9), end(val_acc=0.5, total_seconds=1)
    )
    other = write("b", start(), epoch(1, val_acc=0.5, seconds=2.0, images_per_second=4), end(val_acc=0.5))
    assert find_conflicts([one, other]) == []


def test_other_numbers_are_a_conflict_that_says_where_they_part_and_what_else_differs(write):
    one = write("a", start(**HASWELL), epoch(1, val_acc=0.1), epoch(2, train_loss=1.5, val_acc=0.25))
    other = write("b", start(**SKYLAKE), epoch(1, val_acc=0.1), epoch(2, train_loss=1.5, val_acc=0.2500000000000001))
    (conflict,) = find_conflicts([one, other])
    assert (conflict.run, conflict.difference.epoch, conflict.difference.metric) == ("abc", 2, "val_acc")
    told = conflict_warning([conflict])
    assert "val_acc after epoch 2 is 0.25 in" in told
    assert "0.2500000000000001 in" in told
    assert str(one.folder.path) in told
    assert str(other.folder.path) in told
    assert "blas openblas Haswell and openblas SkylakeX" in told
    assert "numpy" not in told


def test_a_run_that_got_further_elsewhere_is_compared_as_far_as_both_got(write):
    one = write("a", start(), epoch(1, val_acc=0.1), end(val_acc=0.1, epochs=1))
    other = write("b", start(), epoch(1, val_acc=0.1), epoch(2, val_acc=0.2), end(val_acc=0.2, epochs=2))
    assert find_conflicts([one, other]) == []


def test_a_metric_that_one_version_did_not_log_is_no_conflict(write):
    one = write("a", start(), epoch(1, val_acc=0.1))
    other = write("b", start(), epoch(1, val_acc=0.1, grad_norm=2.0))
    assert find_conflicts([one, other]) == []
    assert find_conflicts([other, one]) == []


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (None, 0.5), (1.0, None), (3, 4)])
def test_a_zero_with_another_sign_and_a_value_that_is_not_finite_are_other_numbers(write, one, other):
    runs = [write("a", start(), epoch(1, val_loss=one)), write("b", start(), epoch(1, val_loss=other))]
    assert len(find_conflicts(runs)) == 1


def test_final_summaries_are_compared_too(write):
    runs = [
        write(where, start(), epoch(1, val_acc=0.1), end(test_acc=score)) for where, score in (("a", 0.5), ("b", 0.6))
    ]
    (conflict,) = find_conflicts(runs)
    assert "test_acc in the final summary is 0.5" in str(conflict)


def test_a_log_that_trained_an_epoch_again_with_other_numbers_contradicts_itself(write):
    """A run went on, or began anew, on a machine that rounds otherwise."""
    resumed = write(
        "a",
        start(),
        epoch(1, val_acc=0.1),
        epoch(2, val_acc=0.2),
        {"event": "resume", "epoch": 1},
        epoch(2, val_acc=0.3),
    )
    restarted = write(
        "b", start(run="def"), epoch(1, val_acc=0.1), end(), start(run="def"), epoch(1, val_acc=0.4), end()
    )
    conflicts = find_conflicts([resumed, restarted])
    assert [(each.run, each.difference.epoch, each.difference.other) for each in conflicts] == [
        ("abc", 2, 0.3),
        ("def", 1, 0.4),
    ]
    assert "likewise def" in conflict_warning(conflicts)
    assert "2 runs with two results" in conflict_warning(conflicts)


def test_a_log_that_repeats_its_numbers_does_not(write):
    run = write(
        "a",
        start(),
        epoch(1, val_acc=0.1),
        start(),
        epoch(1, val_acc=0.1),
        {"event": "resume", "epoch": 0},
        epoch(1, val_acc=0.1),
    )
    assert run.contradiction is None


def test_another_trial_in_the_same_log_is_not_compared(write):
    assert (
        write("a", start(run="x"), epoch(1, val_acc=0.1), start(run="y"), epoch(1, val_acc=0.2)).contradiction is None
    )


def test_the_folders_of_two_machines_side_by_side_are_read_together(write, tmp_path):
    write("both/mine/sweep/abc", start(), epoch(1, val_acc=0.1))
    write("both/theirs/sweep/abc", start(), epoch(1, val_acc=0.2))
    runs, _ = read_runs(tmp_path / "both")
    assert [conflict.run for conflict in find_conflicts(runs)] == ["abc"]
