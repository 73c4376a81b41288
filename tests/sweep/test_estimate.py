"""The estimate: from logs or from measuring, against what training then takes; and nothing is left behind."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nnlite.models.cost import cost_of
from nnlite.models.reference import is_prepared, reference_path
from nnlite.runs import RunFolder
from nnlite.sweep import timings
from nnlite.sweep.environment import describe_environment
from nnlite.sweep.estimate import Remainder, estimate
from nnlite.sweep.timings import kind_of, logged_timings
from nnlite.sweep.worker import make_training, run_trial


def bytes_below(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder of temporary files, this test's own."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def write_log(folder, trial, seconds, *, epochs=4, host=None, **start):
    """A log of `trial` whose epochs took so many seconds."""
    folder.mkdir(parents=True)
    fields = {**describe_environment(), "host": host or describe_environment()["host"], **start}
    lines = [
        {
            "event": "start",
            "time": "2026-01-01T00:00:00.000Z",
            "run": trial.id,
            "model": trial.model,
            "dataset_checksum": trial.dataset.checksum,
            "config": trial.config.model_dump(mode="json"),
            **fields,
        },
        *({"event": "epoch", "epoch": number, "seconds": seconds} for number in range(1, epochs + 1)),
        {"event": "end", "time": f"2026-01-01T00:00:{int(epochs * seconds + 2):02}.000Z", "status": "completed"},
    ]
    (folder / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_trials_that_differ_in_what_costs_nothing_are_of_one_kind(trial):
    first = trial(learning_rate=0.1, momentum=0.5)
    for other in (trial(learning_rate=0.3, momentum=0.9, seed=4), trial(momentum=0.5, epochs=9, lr_schedule="cosine")):
        assert kind_of(first.config) == kind_of(other.config)
    for change in ({"hidden": [17]}, {"momentum": 0.0}, {"batch_size": 51}, {"optimizer": "adam"}):
        assert kind_of(trial(**{"momentum": 0.5, **change}).config) != kind_of(first.config)


def test_of_a_gradient_penalty_it_costs_how_often_it_is_taken_and_not_how_much_it_weighs(trial, digits):
    plain = trial("gan", discriminator_lr_milestones=[3])
    weak, strong, rare = (
        trial("gan", gradient_penalty=weight, gradient_penalty_every=every)
        for weight, every in ((1, 1), (9, 1), (1, 4))
    )
    assert kind_of(plain.config) == kind_of(trial("gan").config)
    assert kind_of(weak.config) == kind_of(strong.config) != kind_of(rare.config) != kind_of(plain.config)
    of_plain, of_weak, of_rare = (cost_of(each.config, digits).multiply_adds for each in (plain, weak, rare))
    assert of_weak - of_plain == pytest.approx(4 * (of_rare - of_plain))


def test_logs_of_this_machine_tell_what_an_epoch_takes(trial, tmp_path, scratch):
    """Two workers share 4 trials of 10 epochs of 3 s, each with 2 s of its own."""
    known = trial(learning_rate=0.7)
    write_log(tmp_path / "experiments" / "earlier" / known.id, known, 3.0)
    tasks = [Remainder(trial(seed=seed), 10) for seed in range(4)]
    found = estimate(tasks, 2, tmp_path / "experiments")
    together = min(2, len(os.sched_getaffinity(0)))
    expected = (10 * 3.0 + 2.0) * 4 / together
    assert found.kinds == {"logged": 1}
    assert expected <= found.seconds <= expected + 10, "the start of the workers comes on top"
    assert found.margin == pytest.approx(0.05 * expected)
    assert found.workers == 2
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        {"host": "elsewhere"},
        {"simd": "X86_V2"},
        {"dataset_checksum": "another"},
        {"config": {"hidden": [3]}},
        {"config": {"x": 1}},
    ],
    ids=str,
)
def test_logs_of_another_machine_dataset_or_configuration_tell_nothing(trial, tmp_path, other):
    write_log(tmp_path / "e" / "run", trial(), 3.0, **other)
    assert kind_of(trial().config) not in logged_timings(tmp_path, trial().dataset)


def test_the_multiply_adds_are_those_of_the_products(trial):
    """By hand: 784-16-10, three products a layer, but two for the first, whose inputs need no derivative."""
    cost = cost_of(trial().config, trial().dataset)
    assert cost.multiply_adds == 1200 * (2 * 784 * 16 + 3 * 16 * 10)
    assert cost.updates == 1200 / 50


@pytest.mark.parametrize("change", [{}, {"optimizer": "adam", "hidden": [20, 30]}, {"momentum": 0.5}], ids=str)
def test_the_bytes_are_those_that_training_keeps(trial, change):
    training = make_training(trial(**change))
    cost = cost_of(trial(**change).config, trial().dataset)
    assert cost.weights == sum(array.nbytes for array in training.weights().values())
    state = sum(array.nbytes for name, array in training.state().items() if array.dtype == "float32")
    assert cost.state == state


def test_an_estimate_is_near_what_training_takes(trial, tmp_path, scratch):
    """As near as a busy machine lets two measurements be."""
    trials = [trial(hidden=[size], epochs=12, batch_size=batch) for size in (64, 512) for batch in (10, 40)]
    found = estimate([Remainder(each, 12) for each in trials], 1, tmp_path)
    started = time.perf_counter()
    for each in trials:
        assert run_trial(each, RunFolder(tmp_path / each.id), {}).status == "completed"
    taken = time.perf_counter() - started
    assert found.kinds == {"measured": 4}
    assert 1 / 5 < found.seconds / taken < 5
    assert found.disk == pytest.approx(bytes_below(tmp_path), rel=0.1)
    assert 50e6 < found.memory < 1e9
    assert 0 < found.margin < found.seconds
    assert list(scratch.iterdir()) == []


def test_kinds_that_are_not_measured_are_read_off_the_line_through_the_others(trial, tmp_path, monkeypatch):
    """Nothing is measured here: the logs lie on a line, and so does the answer."""
    line = lambda cost: 0.001 * cost.updates + 1e-9 * cost.multiply_adds  # noqa: E731
    for size, batch in ((8, 10), (64, 50), (512, 10)):
        known = trial(hidden=[size], batch_size=batch)
        write_log(tmp_path / "e" / known.id, known, line(cost_of(known.config, known.dataset)))
    monkeypatch.setattr(timings, "MEASURING_SECONDS", 0.0)
    unknown = trial(hidden=[1000], batch_size=20)
    found = estimate([Remainder(unknown, 100)], 1, tmp_path)
    assert found.kinds == {"fitted": 1}
    assert found.memory is None
    once = 2.9  # of a log: its seconds are whole
    assert found.seconds == pytest.approx(100 * line(cost_of(unknown.config, unknown.dataset)), abs=once)
    assert found.margin == pytest.approx(0.2 * found.seconds)


def test_what_cannot_be_measured_is_not_made_up(trial, tmp_path, monkeypatch):
    monkeypatch.setattr(timings, "MEASURING_SECONDS", 0.0)
    found = estimate([Remainder(trial(), 3)], 1, tmp_path)
    assert (found.seconds, found.margin, found.memory) == (None, None, None)
    assert found.disk > 0


def test_a_gan_is_measured_before_its_judge_is_there_and_the_judge_is_counted(trial, tmp_path, monkeypatch, scratch):
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "cache"))
    gan = trial("gan", latent_dim=4, epochs=2)
    assert not is_prepared(gan.dataset)
    found = estimate([Remainder(gan, 2)], 1, tmp_path)
    assert found.kinds == {"measured": 1}
    assert found.seconds > 0
    assert not reference_path(gan.dataset).exists()
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "cache").exists()


def test_the_files_of_a_gan_are_foreseen(trial, tmp_path, nnlite, spec, monkeypatch):
    """Samples included: early ones are noise, which packs worse than digits."""
    monkeypatch.setattr(timings, "MEASURING_SECONDS", 0.0)
    path = spec(name="draw", model="gan", fixed="epochs = 4\nlatent_dim = 4")
    nnlite("train", path, "--experiments", tmp_path / "e", code=0)
    gan = replace(trial("gan", latent_dim=4, epochs=4))
    assert estimate([Remainder(gan, 4)], 1, tmp_path / "none").disk == pytest.approx(
        bytes_below(tmp_path / "e"), rel=0.4
    )
