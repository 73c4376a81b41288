"""Which further seeds would tell the configurations of a tie set apart."""

import pytest

from nnlite.report import collect, further_seeds, group_runs, rank
from nnlite.report.ties import ties


def found_of(logs, root, values):
    """The tie set of configurations with these values by seed."""
    for number, seeds in enumerate(values):
        for seed, value in seeds.items():
            config = {"learning_rate": float(number + 1)}
            logs.write_run(root / "s", f"{number}-{seed}", [{"val_acc": value}], config, seed=seed)
    (group,) = group_runs(collect(root).runs)
    return ties(rank(group))


def listed(found, most=100):
    return [(each.parameters["learning_rate"], seed) for each, seed in further_seeds(found, most)]


ALIKE = {0: 0.91, 1: 0.90, 2: 0.92}
BESIDE = {0: 0.90, 1: 0.91, 2: 0.915}
WORSE = {0: 0.50, 1: 0.51, 2: 0.505}


def test_each_that_cannot_be_told_apart_gets_one_more_and_the_others_none(logs, tmp_path):
    assert listed(found_of(logs, tmp_path, [ALIKE, BESIDE, WORSE])) == [(1.0, 3), (2.0, 3)]


def test_those_with_fewer_seeds_are_brought_level_first(logs, tmp_path):
    assert listed(found_of(logs, tmp_path, [{**ALIKE, 3: 0.9, 4: 0.92}, BESIDE])) == [(2.0, 3), (2.0, 4)]


def test_with_one_seed_all_get_three_the_first_of_all_before_the_second_of_any(logs, tmp_path):
    found = found_of(logs, tmp_path, [{0: 0.8}, {0: 0.9}])
    assert listed(found) == [(2.0, 1), (1.0, 1), (2.0, 2), (1.0, 2)]
    assert listed(found, 3) == [(2.0, 1), (1.0, 1), (2.0, 2)]


def test_the_seeds_are_the_smallest_that_were_not_trained(logs, tmp_path):
    assert listed(found_of(logs, tmp_path, [{1: 0.91, 4: 0.92, 5: 0.9}, BESIDE])) == [(1.0, 0), (2.0, 3)]


@pytest.mark.parametrize("values", [[ALIKE, WORSE], [ALIKE]])
def test_a_winner_that_stands_alone_needs_none(logs, tmp_path, values):
    assert listed(found_of(logs, tmp_path, values)) == []


def test_an_older_log_that_lacks_a_hyperparameter_is_of_the_configuration_with_its_default(logs, tmp_path):
    """`max_norm` came later; its default does what was done before."""
    for seed, config in enumerate([{}, {"max_norm": 0.0}, {"max_norm": 2.0}]):
        logs.write_run(tmp_path / "s", f"r{seed}", [{"val_acc": 0.5 + seed / 10}], config, seed=seed, swept=[])
    (group,) = group_runs(collect(tmp_path).runs)
    assert group.varied == ["max_norm"]
    assert [(each.parameters, len(each.trials)) for each in rank(group).configurations] == [
        ({"max_norm": 2.0}, 1),
        ({"max_norm": 0.0}, 2),
    ]
