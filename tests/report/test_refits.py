"""Refits: runs that learned from all training images, so that there is nothing to compare them by."""

import numpy as np
import pytest

from nnlite.report import best, entries, group_runs, rank
from nnlite.report.provenance import commands
from nnlite.report.results import final_score, verdict
from nnlite.runs import read_runs

TEST = {"good": 0.97, "bad": 0.96, "refit": 0.98, "other refit": 0.55}


@pytest.fixture
def write(logs, tmp_path):
    """Write a run; without held-out images, its epochs have no validation metrics."""

    def write_one(run, rate, *, top=0.95, validation=1000, seed=0, status="completed", **config):
        curve = logs.classifier_curve(np.random.default_rng(seed), top)
        if not validation:
            curve = [{name: value for name, value in line.items() if not name.startswith("val_")} for line in curve]
        end = {"status": status, "metrics": {"test_acc": TEST[run]} if run in TEST else {}}
        config = {"learning_rate": rate, "validation": validation, **config}
        logs.write_run(tmp_path / "s", run, curve, config, seed=seed, end=end, swept=["learning_rate"])

    return write_one


def sections(folder):
    """Those of the page that speak of refits."""
    ranking = rank(group_in(folder))
    return "\n".join(each(ranking).render(2) for each in (verdict, final_score, commands))


def group_in(folder):
    (group,) = group_runs(read_runs(folder)[0])
    return group


def test_a_refit_neither_competes_nor_makes_what_is_held_out_a_hyperparameter(write, tmp_path):
    write("good", 0.1)
    write("bad", 0.2, top=0.9)
    write("refit", 0.1, validation=0)
    group = group_in(tmp_path / "s")
    assert group.varied == ["learning_rate"]
    assert [run.id for run in group.refits] == ["refit"]
    assert [each.parameters["learning_rate"] for each in rank(group).configurations] == [0.1, 0.2]


def test_a_sweep_of_which_nothing_is_held_out_competes_as_ever(write, tmp_path):
    write("refit", 0.1, validation=0)
    write("other refit", 0.2, validation=0)
    group = group_in(tmp_path / "s")
    assert group.refits == []
    assert len(rank(group).configurations) == 2


def test_what_has_the_objective_all_the_same_competes(logs, write, tmp_path):
    """A metric that is measured on the training images is there without any held out."""
    write("good", 0.1)
    curve = logs.classifier_curve(np.random.default_rng(0), 0.9)
    objective = {"metric": "train_acc", "direction": "maximize"}
    logs.write_run(tmp_path / "s", "all", curve, {"learning_rate": 0.1, "validation": 0}, objective=objective)
    assert group_in(tmp_path / "s").refits == []


def test_only_refits_of_the_same_configuration_count_as_its_own(write, tmp_path):
    write("good", 0.1)
    for run, seed, config in (("refit", 1, {}), ("again", 0, {}), ("wider", 0, {"hidden": [99]})):
        write(run, 0.1, validation=0, seed=seed, **config)
    group = group_in(tmp_path / "s")
    assert [(run.id, run.seed) for run in group.refits_of(group.runs[0])] == [("again", 0), ("refit", 1)]


def test_the_page_shows_the_test_score_of_the_winners_refit_beside_its_own(write, tmp_path):
    write("good", 0.1)
    write("bad", 0.2, top=0.9)
    write("refit", 0.1, validation=0)
    write("lost", 0.1, validation=0, seed=1, status="interrupted")
    text = sections(tmp_path / "s")
    assert "won among 2 configurations" in text
    own, refitted = text.split("Refitted: the winner")
    assert "**97.00 %**" in own
    assert "by `refit` (seed 0)" in refitted
    assert "**98.00 %**" in refitted


def test_the_test_score_of_another_configurations_refit_is_not_looked_at(write, tmp_path):
    write("good", 0.1)
    write("bad", 0.2, top=0.9)
    write("other refit", 0.2, validation=0)
    text = sections(tmp_path / "s")
    assert "55.00" not in text
    assert "1 run of other configurations learned from all training images, too" in text


def test_without_a_refit_the_page_says_how_to_make_one(write, tmp_path):
    write("good", 0.1)
    assert "good/run.jsonl -S validation=0" in sections(tmp_path / "s")
    write("refit", 0.1, validation=0)
    text = sections(tmp_path / "s")
    assert "good/run.jsonl -S validation=0" not in text
    assert "Its refits:" in text


def test_what_was_not_chosen_by_held_out_images_need_not_be_refitted(logs, tmp_path):
    curve = logs.gan_curve(np.random.default_rng(0), 9.0)
    logs.write_run(tmp_path / "s", "gan", curve, model="gan")
    assert "validation=0" not in sections(tmp_path / "s")


def test_refits_are_listed_last_and_say_what_they_are(write, tmp_path):
    write("refit", 0.1, validation=0)
    write("good", 0.1)
    listed = entries(read_runs(tmp_path / "s")[0])
    assert [(each.run.id, each.trial) for each in listed] == [
        ("good", "learning_rate 0.1"),
        ("refit", "learning_rate 0.1, validation 0"),
    ]


@pytest.mark.parametrize(("status", "expected"), [("completed", ["refit"]), ("failed", [])])
def test_best_names_the_refits_that_were_completed(write, tmp_path, status, expected):
    write("good", 0.1)
    write("refit", 0.1, validation=0, status=status)
    (found,) = best(tmp_path / "s")
    assert found.trial.run.id == "good"
    assert [run.id for run in found.refits] == expected
