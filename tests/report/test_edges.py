"""Where the winner stands at an edge of what was tried, and the line that looks beyond it."""

import numpy as np
import pytest

from nnlite.queries import Range, default_of, range_of
from nnlite.report import collect, edges, group_runs, rank
from nnlite.report.effects import comparison
from nnlite.report.findings import together
from nnlite.sweep import load_sweep


def ranking_of(logs, root, values, best, name="learning_rate", **other):
    """A ranking of configurations with these values of one hyperparameter, of which `best` wins."""
    for number, value in enumerate(values):
        score = 0.9 if value == best else 0.5
        logs.write_run(root / "s", f"r{number}", [{"val_acc": score}], {name: value, **other}, swept=[name, *other])
    return only_ranking(root)


def only_ranking(root):
    (group,) = group_runs(collect(root).runs)
    return rank(group)


@pytest.mark.parametrize(
    ("name", "values", "best", "line"),
    [
        ("learning_rate", [0.01, 0.1, 1.0], 1.0, "learning_rate = [0.01, 0.1, 1, 10]"),
        ("learning_rate", [0.01, 0.1, 1.0], 0.01, "learning_rate = [0.001, 0.01, 0.1, 1]"),
        ("learning_rate", [0.03, 0.3], 0.3, "learning_rate = [0.03, 0.3, 3]"),
        ("learning_rate", [0.1, 0.2, 0.3], 0.1, "learning_rate = [0.05, 0.1, 0.2, 0.3]"),
        ("momentum", [0.0, 0.5, 0.9], 0.9, "momentum = [0, 0.5, 0.9, 0.95]"),
        ("dropout", [0.1, 0.3], 0.1, "dropout = [0, 0.1, 0.3]"),
        ("batch_size", [50, 100, 200], 200, "batch_size = [50, 100, 200, 400]"),
        ("batch_size", [1, 2], 2, "batch_size = [1, 2, 3]"),
        ("batch_size", [25, 50], 25, "batch_size = [12, 25, 50]"),
        ("hidden", [[16], [128]], [128], "hidden = [[16], [128], [1024]]"),
    ],
)
def test_a_winner_at_an_edge_is_named_with_a_line_that_a_sweep_file_takes(logs, tmp_path, name, values, best, line):
    (edge,) = edges(ranking_of(logs, tmp_path, values, best, name))
    assert (edge.name, edge.value, edge.tried, edge.line) == (name, best, len(values), line)
    assert edge.end == ("largest" if best == max(values) else "smallest")
    path = tmp_path / "wider.toml"
    path.write_text(f'name = "wider"\nmodel = "classifier"\n[grid]\n{edge.line}\n')
    assert len(load_sweep(path).spaces) == 1


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("learning_rate", [0.01, 0.1, 1.0], 0.1),
        ("momentum", [0.0, 0.5, 0.9], 0.0),
        ("batch_size", [1, 2, 3], 1),
        ("optimizer", ["adam", "sgd"], "sgd"),
        ("nesterov", [True, False], True),
        ("hidden", [[16], [64, 32], [128]], [128]),
    ],
)
def test_inside_at_a_natural_end_and_among_words_there_is_no_edge(logs, tmp_path, name, values, best):
    assert edges(ranking_of(logs, tmp_path, values, best, name)) == []


def test_values_that_only_another_optimizer_had_do_not_count(logs, tmp_path):
    ranking_of(logs, tmp_path, [0.1, 1.0], None, optimizer="sgd")
    for number, value in enumerate([0.001, 0.01]):
        config = {"learning_rate": value, "optimizer": "adam"}
        logs.write_run(tmp_path / "s", f"a{number}", [{"val_acc": value + 0.9}], config, swept=[*config])
    (edge,) = edges(only_ranking(tmp_path))
    assert (edge.value, edge.line) == (0.01, "learning_rate = [0.001, 0.01, 0.1]")


def test_a_kind_that_met_few_of_the_drawn_values_is_no_kind_of_its_own(logs, tmp_path):
    for number, rate in enumerate(np.linspace(0.1, 0.9, 20).round(3).tolist()):
        config = {"learning_rate": rate, "optimizer": "sgd" if number in (9, 10) else "adam"}
        logs.write_run(tmp_path / "s", f"r{number}", [{"val_acc": 0.9 if number == 10 else 0.5}], config)
    assert edges(only_ranking(tmp_path)) == []


def test_a_larger_value_that_diverged_was_tried(logs, tmp_path):
    logs.write_run(tmp_path / "s", "lost", [], {"learning_rate": 10.0}, end="diverged")
    assert edges(ranking_of(logs, tmp_path, [0.01, 0.1, 1.0], 1.0)) == []


def test_a_sampled_winner_near_an_end_gets_a_wider_distribution(logs, tmp_path):
    rates = [float(f"{rate:.4g}") for rate in np.geomspace(1e-4, 0.8, 20)]
    (edge,) = edges(ranking_of(logs, tmp_path / "end", rates, rates[-1]))
    assert edge.line == "learning_rate = { low = 0.0001, high = 8, log = true }"
    path = tmp_path / "wider.toml"
    path.write_text(f'name = "wider"\nmodel = "classifier"\n[search]\ntrials = 4\n{edge.line}\n')
    load_sweep(path)
    assert edges(ranking_of(logs, tmp_path / "inside", rates, rates[10])) == []


def test_a_few_values_that_nobody_types_were_drawn_too(logs, tmp_path):
    rates = np.random.default_rng(0).uniform(0.1, 0.2, 6).round(4).tolist()
    best = rates.index(max(rates))
    configs = [{"learning_rate": rate, "hidden": [16] if place % 2 else [32]} for place, rate in enumerate(rates)]
    ranking = configurations(logs, tmp_path, *configs[best:], *configs[:best])
    (edge,) = [each for each in edges(ranking) if each.name == "learning_rate"]
    assert (edge.tried, edge.end) == (6, "largest"), "not those alone that had the same width"
    assert edge.line.startswith("learning_rate = { low = 0.1")


def test_the_range_is_that_of_the_model():
    assert range_of("classifier", "momentum") == Range(0.0, 1.0, low_open=False, high_open=True)
    assert range_of("classifier", "lr_decay") == Range(0.0, 1.0, low_open=True, high_open=False)
    assert range_of("gan", "generator_lr").low == 0
    assert range_of("classifier", "no such") == Range()
    assert default_of("classifier", "hidden") == [392]
    assert default_of("no such", "hidden") is None


def configurations(logs, root, *configs):
    """A ranking of these configurations, the first of which wins."""
    for number, config in enumerate(configs):
        logs.write_run(root / "s", f"r{number}", [{"val_acc": 0.9 - number / 100}], config, swept=[*config])
    return only_ranking(root)


def test_what_never_changed_without_another_is_said_to_and_is_at_no_edge(logs, tmp_path):
    pairs = [(100, 0.2), (50, 0.1)]
    configs = [
        {"batch_size": size, "learning_rate": rate, "momentum": momentum}
        for momentum in (0.9, 0.5, 0.0)
        for size, rate in pairs
    ]
    ranking = configurations(logs, tmp_path, *configs)
    assert ranking.group.together == [["batch_size", "learning_rate"]]
    assert [edge.name for edge in edges(ranking)] == ["momentum"]
    (sentence,) = together(ranking)
    assert sentence.startswith("batch_size and learning_rate never changed without one another")
    assert comparison(ranking, "").blocks


def test_of_two_configurations_that_differ_in_several_things_nothing_is_attributed(logs, tmp_path):
    two = [{"batch_size": 25, "learning_rate": 0.1}, {"batch_size": 50, "learning_rate": 0.2}]
    ranking = configurations(logs, tmp_path, *two)
    assert ranking.group.together == [["batch_size", "learning_rate"]]
    assert edges(ranking) == []
    assert comparison(ranking, "").blocks == []


@pytest.mark.parametrize("count", [3, 8])
def test_drawn_values_of_which_none_came_twice_are_not_taken_to_go_together(logs, tmp_path, count):
    rng = np.random.default_rng(0)
    drawn = [{"learning_rate": rng.random(), "momentum": rng.random()} for _ in range(count)]
    assert configurations(logs, tmp_path, *drawn).group.together == []
