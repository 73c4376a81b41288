"""Which configurations cannot be told apart from the winner, and what picking the best of many is worth."""

import math

import numpy as np
import pytest
from scipy import stats

from nnlite.report import collect, group_runs, rank
from nnlite.report.intervals import estimate, worse
from nnlite.report.scales import scale_of
from nnlite.report.ties import LEVEL, cheapest, luck_of_the_best, ties
from nnlite.runs import METRICS


def ranking_of(logs, root, values, metric="val_acc"):
    """A ranking of configurations with these values, one list a configuration, one seed a value."""
    for number, seeds in enumerate(values):
        for seed, value in enumerate(seeds):
            config = {"learning_rate": float(number + 1)}
            model = "gan" if metric == "fid" else "classifier"
            logs.write_run(root / "s", f"{number}-{seed}", [{metric: value}], config, seed=seed, model=model)
    (group,) = group_runs(collect(root).runs)
    return rank(group)


def rates(configurations):
    return [each.parameters["learning_rate"] for each in configurations]


def test_each_p_is_that_of_scipys_welch_test_on_the_logarithm_of_the_error(experiments):
    (group,) = group_runs(collect(experiments / "quickstart").runs)
    found = ties(rank(group))
    errors = [math.log(1 - each.value) for each in found.winner.counted]
    assert len(found.tested) > 5
    for rival in found.tested:
        others = [math.log(1 - each.value) for each in rival.configuration.counted]
        expected = stats.ttest_ind(others, errors, equal_var=False, alternative="greater").pvalue
        assert rival.p == pytest.approx(expected, rel=1e-9)


def test_what_is_clearly_worse_is_not_tied_and_what_overlaps_is(logs, tmp_path):
    values = [(0.97, 0.975, 0.972), (0.969, 0.974, 0.973), (0.90, 0.905, 0.903), (0.50, 0.51, 0.49)]
    found = ties(ranking_of(logs, tmp_path, values))
    assert rates([each.configuration for each in found.tied]) == [2.0]
    assert rates(found.unresolved) == [1.0, 2.0]


def test_the_tests_are_corrected_for_their_number_by_holm(logs, tmp_path):
    """What is rejected alone is tied among many that are."""
    pair = [(0.980, 0.981, 0.979), (0.9772, 0.9765, 0.9785)]
    alone = ties(ranking_of(logs, tmp_path / "alone", pair))
    assert alone.tested[0].p < LEVEL
    assert not alone.tied
    near = [(0.9790 + step, 0.9800 + step, 0.9785 + step) for step in np.linspace(0, 0.0004, 6)]
    many = ties(ranking_of(logs, tmp_path / "many", [*pair, *near]))
    assert 2.0 in rates([each.configuration for each in many.tied])


def test_a_configuration_that_is_worse_with_each_seed_is_not_tied_for_being_erratic(logs, tmp_path):
    ranking = ranking_of(logs, tmp_path, [(5.0, 5.1, 4.9), (20.0, 60.0, 130.0)], "fid")
    first, second = (
        [math.log(each.value) for each in configuration.counted] for configuration in ranking.configurations
    )
    assert stats.ttest_ind(second, first, equal_var=False, alternative="greater").pvalue < LEVEL
    assert not ties(ranking).tied


def test_with_one_seed_nothing_is_told(logs, tmp_path):
    found = ties(ranking_of(logs, tmp_path, [(0.9,), (0.1,)]))
    assert (found.tested, found.tied, found.optimism) == ([], [], None)
    assert rates(found.unresolved) == [1.0, 2.0]


def test_what_lost_a_seed_or_was_pruned_is_no_rival(logs, tmp_path):
    logs.write_run(tmp_path / "s", "lost", [], {"learning_rate": 2.0}, seed=2, end="diverged")
    logs.write_run(tmp_path / "s", "cut", [{"val_acc": 0.97}], {"learning_rate": 3.0}, end="pruned")
    ranking = ranking_of(logs, tmp_path, [(0.97, 0.975), (0.969, 0.974)])
    assert ties(ranking).rivals == []


def test_the_truly_best_configuration_is_in_the_set_as_often_as_it_says():
    """Nine configurations, the first a little better than the others: by a simulation of the whole procedure."""
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(1500):
        known = [estimate(rng.normal(mean, 1.0, 3).tolist()) for mean in (0.0, *[0.3] * 8)]
        best = min(known, key=lambda each: each.mean)
        left = sorted(worse(best, each) for each in known if each is not best)
        while left and left[0] <= LEVEL / len(left):
            left = left[1:]
        kept += known[0] is best or worse(best, known[0]) in left
    assert kept / 1500 >= 1 - LEVEL


# Expected largest of n standard normals: H. Harter, Expected values of normal order statistics, 1961.
@pytest.mark.parametrize(("count", "expected"), [(2, 0.56419), (3, 0.84628), (5, 1.16296), (10, 1.53875)])
def test_the_luck_of_equal_ones_is_that_of_the_tables(count, expected):
    assert luck_of_the_best([0.0] * count, [2.0] * count) == pytest.approx(2 * expected, abs=1e-4)


def test_the_luck_of_unequal_ones_is_that_of_a_simulation():
    gaps, errors = np.array([0.0, 0.5, 0.4, 9.0]), np.array([0.3, 1.0, 0.2, 3.0])
    noise = np.random.default_rng(0).normal(size=(400_000, 4)) * errors
    won = np.argmin(gaps - noise, axis=1)
    expected = noise[np.arange(len(noise)), won].mean()
    assert luck_of_the_best(gaps.tolist(), errors.tolist()) == pytest.approx(expected, abs=0.005)


def test_one_that_is_far_ahead_owes_nothing_to_luck():
    assert luck_of_the_best([0.0, 50.0], [1.0, 1.0]) == pytest.approx(0, abs=1e-12)
    assert luck_of_the_best([0.0, 1.0], [0.0, 0.0]) == 0


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("val_acc", [0.5, 1.0], [math.log(0.5), math.log(0.5e-4)]),
        ("fid", [1.0, 10.0], [0.0, math.log(10)]),
        ("val_loss", [-1.0, 2.0], [-1.0, 2.0]),
        ("label_entropy", [3.0, 2.0], [-3.0, -2.0]),
    ],
)
def test_less_is_better_on_every_scale(metric, values, expected):
    scale = scale_of(METRICS[metric], values)
    assert [scale.of(value) for value in values] == pytest.approx(expected)


def test_the_cheapest_is_that_of_the_shortest_training(logs, tmp_path):
    for run, rate, seconds in (("a", 1.0, 9.0), ("b", 2.0, 3.0)):
        logs.write_run(tmp_path / "s", run, [{"val_acc": 0.5, "seconds": seconds}], {"learning_rate": rate})
    (group,) = group_runs(collect(tmp_path).runs)
    assert rates([cheapest(rank(group).configurations)]) == [2.0]
