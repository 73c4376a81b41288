"""Replay: what pruning would have made of a sweep, and above all of the published ones."""

from dataclasses import replace
from pathlib import Path

import pytest

from nnlite.runs import Run, RunFolder, read_runs
from nnlite.sweep.pruning import AsynchronousHalving, Halving, Median
from nnlite.sweep.replay import Rung, replay
from nnlite.sweep.spec import Objective

PUBLISHED = Path(__file__).parents[2] / "experiments"
LOWER = Objective("val_loss", "minimize")


def published(sweep):
    runs, _ = read_runs(PUBLISHED / sweep)
    return runs, Objective(**runs[0].start["objective"])


def run(name, values, *, seed=0, budget=None, status="completed", started=0):
    start = {"run": f"{name}{seed}", "config": {"name": name, "epochs": budget or len(values)}, "seed": seed}
    epochs = [{"epoch": epoch, "val_loss": value} for epoch, value in enumerate(values, start=1)]
    return Run(RunFolder(Path(name)), {**start, "time": f"{started:04d}"}, epochs, status)


def names(configurations):
    return [seeds[0].config["name"] for seeds in configurations]


@pytest.mark.parametrize("sweep", ["quickstart", "classifier_hidden", "gan_lr"])
def test_halving_finds_the_winner_of_each_published_sweep_for_at_most_40_percent_of_the_epochs(sweep):
    runs, objective = published(sweep)
    ((found,), left_out) = replay(runs, objective, Halving())
    assert not left_out
    assert found.of == sum(len(each.epochs) for each in runs)
    assert found.keeps_winner
    assert found.trained <= 0.4 * found.of


@pytest.mark.parametrize("rule", [Halving(2), Halving(4), AsynchronousHalving(), Median(3)], ids=str)
@pytest.mark.parametrize("sweep", ["quickstart", "classifier_hidden", "gan_lr"])
def test_so_do_the_other_rules_if_not_as_soon(sweep, rule):
    ((found,), _) = replay(*published(sweep), rule)
    assert found.keeps_winner
    assert 0.3 < found.saved < 0.8


def test_a_first_rung_after_one_epoch_is_too_early_for_the_published_gans():
    ((found,), _) = replay(*published("gan_lr"), Halving(3, min_epochs=1))
    assert found.trained < 0.2 * found.of
    assert not found.keeps_winner
    assert (found.means[found.winner], found.means[found.named]) == pytest.approx((6.19, 29.92), abs=0.01)
    assert found.rungs == [Rung(1, 9, 2), Rung(3, 3, 2), Rung(9, 1, None), Rung(20, 1, None)]


def test_it_says_who_would_have_won_and_how_much_worse_that_is():
    late, early = run("late", [9, 1, 1, 1]), run("early", [3, 3, 3, 3], started=1)
    ((found,), _) = replay([late, early], LOWER, Halving(2, 1))
    assert names(found.configurations) == ["late", "early"]
    assert (found.winner, found.named, found.loss) == (0, 1, 2)
    assert (found.trained, found.of, found.saved, found.stopped) == (5, 8, 3 / 8, [1, 4])
    assert found.rungs == [Rung(1, 2, 2), Rung(2, 1, None), Rung(4, 1, None)]


def test_higher_may_be_better():
    ((found,), _) = replay([run("a", [1, 9]), run("b", [2, 2])], Objective("val_loss", "maximize"), Halving(2, 1))
    assert (found.winner, found.named, found.means) == (0, 1, [9, 2])


def test_the_order_of_the_file_is_that_of_the_starts():
    ((found,), _) = replay([run("b", [1], started=2), run("a", [1], started=3)], LOWER, Halving())
    assert names(found.configurations) == ["b", "a"]
    assert found.named == 0


def test_a_configuration_with_a_seed_whose_curve_is_not_whole_is_left_out():
    whole = [run("a", [1, 1], seed=seed) for seed in range(2)]
    for status, values in (("pruned", [0]), ("interrupted", [0]), ("running", [0]), ("completed", [0])):
        short = [run("b", [0, 0]), run("b", values, seed=1, budget=2, status=status)]
        ((found,), left_out) = replay(whole + short, LOWER, Halving())
        assert names(found.configurations) == ["a"]
        assert left_out == short


def test_lost_runs_are_whole_as_nothing_more_would_have_come_of_them():
    runs = [run("a", [0, None], budget=4, status="diverged"), run("b", [1] * 4)]
    ((found,), left_out) = replay(runs, LOWER, Halving(2, 1))
    assert not left_out
    assert (found.winner, found.named, found.trained, found.of) == (1, 0, 3, 6)


def test_budgets_are_replayed_apart():
    runs = [run("a", [2] * 3), run("b", [1] * 3), run("a", [1] * 9), run("b", [2] * 9)]
    found, _ = replay(runs, LOWER, Halving(2, 1))
    assert [(each.budget, each.winner) for each in found] == [(3, 1), (9, 0)]


def test_what_was_trained_beyond_the_budget_is_not_counted():
    extended = run("a", [2, 2, 0], budget=2)
    ((found,), _) = replay([extended, run("b", [1, 1])], LOWER, Halving(2, 1))
    assert (found.of, found.winner) == (4, 1)


def test_without_a_curve_of_the_objective_there_is_nothing_to_replay():
    assert replay([run("a", [1])], replace(LOWER, metric="val_acc"), Halving()) == ([], [])
