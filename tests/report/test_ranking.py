"""Which configuration is best, and which trial."""

import statistics
from collections import defaultdict

import numpy as np
import pytest

from nnlite.errors import InputError, NothingFoundError
from nnlite.report import best, collect, findings, group_runs, load_runs, rank
from nnlite.report.ranking import abreast
from nnlite.runs import METRICS


def curve(*values, metric="val_acc"):
    return [{metric: value} for value in values]


def only_ranking(root, metric=None, at="best"):
    (group,) = group_runs(collect(root).runs)
    return rank(group, METRICS[metric] if metric else None, at)


def rates(ranking):
    return [each.parameters["learning_rate"] for each in ranking.configurations]


@pytest.mark.parametrize(("metric", "at"), [("val_acc", "best"), ("val_loss", "best"), ("val_acc", "last")])
def test_the_ranking_is_that_of_a_naive_recomputation(experiments, metric, at):
    sweep = experiments / "quickstart"
    higher = metric == "val_acc"
    frame = load_runs(sweep)
    frame = frame[frame["status"] == "completed"].dropna(subset=metric)
    means = defaultdict(list)
    for _, rows in frame.sort_values("epoch").groupby("run"):
        values = rows[metric].tolist()
        value = values[-1] if at == "last" else max(values) if higher else min(values)
        means[rows["config.hidden"].iloc[0], rows["config.learning_rate"].iloc[0]].append(value)
    expected = sorted(means, key=lambda key: statistics.fmean(means[key]), reverse=higher)
    expected.remove(("64", 0.003))  # one of its seeds failed: it stands below all that lost none
    expected.append(("64", 0.003))
    ranking = only_ranking(sweep, metric, at)
    names = [
        ("-".join(map(str, each.parameters["hidden"])), each.parameters["learning_rate"]) for each in ranking.ranked
    ]
    assert names == expected
    for name, each in zip(names, ranking.ranked, strict=True):
        assert each.estimate.mean == pytest.approx(statistics.fmean(means[name]), rel=1e-12)
        assert each.estimate.n == len(means[name])


def test_the_winner_does_not_depend_on_the_order_of_the_runs(experiments):
    runs = collect(experiments).runs
    expected = [[each.label for each in rank(group).configurations] for group in group_runs(runs)]
    rng = np.random.default_rng(0)
    for _ in range(5):
        shuffled = [runs[i] for i in rng.permutation(len(runs))]
        assert [[each.label for each in rank(group).configurations] for group in group_runs(shuffled)] == expected


@pytest.mark.parametrize("lost", ["diverged", "failed"])
def test_a_run_that_was_lost_never_wins(logs, tmp_path, lost):
    logs.write_run(tmp_path / "s", "a", curve(0.5, 0.6), {"learning_rate": 0.1})
    logs.write_run(tmp_path / "s", "b", curve(0.99, float("nan")), {"learning_rate": 10.0}, end=lost)
    assert rates(only_ranking(tmp_path)) == [0.1, 10.0]
    assert [each.folder.name for each in best(tmp_path)] == ["a"]


@pytest.mark.parametrize("metric", ["val_acc", "val_loss"])
@pytest.mark.parametrize("first", [True, False])
def test_not_a_number_and_infinity_never_win(logs, tmp_path, metric, first):
    logs.write_run(tmp_path / "s", "a" if first else "z", curve(float("nan"), metric=metric), {"learning_rate": 1.0})
    for run, token in (("m", "1e999"), ("n", "-1e999")):
        endless = logs.write_run(tmp_path / "s", run, [], {"learning_rate": float(ord(run))}, end=None)
        with endless.log.open("a") as log:
            log.write(f'{{"event": "epoch", "epoch": 1, "{metric}": {token}}}\n')
            log.write('{"event": "end", "status": "completed"}\n')
    logs.write_run(tmp_path / "s", "y", curve(0.5, metric=metric), {"learning_rate": 0.1})
    ranking = only_ranking(tmp_path, metric)
    assert rates(ranking)[0] == 0.1
    assert len(ranking.ranked) == 1
    assert best(tmp_path, metric)[0].trial.value == 0.5


def test_lucky_survivors_of_an_unstable_configuration_do_not_win(logs, tmp_path):
    for seed in range(3):
        logs.write_run(tmp_path / "s", f"a{seed}", curve(0.6), {"learning_rate": 0.1}, seed=seed)
        end = "diverged" if seed == 2 else "completed"
        logs.write_run(tmp_path / "s", f"b{seed}", curve(0.9), {"learning_rate": 1.0}, seed=seed, end=end)
    ranking = only_ranking(tmp_path)
    assert rates(ranking) == [0.1, 1.0]
    assert (ranking.configurations[1].estimate.n, len(ranking.configurations[1].lost)) == (2, 1)


def test_a_run_on_its_way_counts_only_where_none_is_finished(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a", curve(0.6), {"learning_rate": 0.1}, seed=0)
    logs.write_run(tmp_path / "s", "b", curve(0.2), {"learning_rate": 0.1}, seed=1, end=None)
    logs.write_run(tmp_path / "s", "c", curve(0.9), {"learning_rate": 1.0}, end=None)
    ranking = only_ranking(tmp_path)
    assert [(each.estimate.mean, each.finished) for each in ranking.configurations] == [(0.6, True), (0.9, False)]


def test_configurations_differ_in_anything_but_the_seed(logs, tmp_path):
    for seed in range(3):
        logs.write_run(tmp_path / "s", f"a{seed}", curve(0.6), {"epochs": 5}, seed=seed)
        logs.write_run(tmp_path / "s", f"b{seed}", curve(0.7), {"epochs": 9}, seed=seed)
    ranking = only_ranking(tmp_path)
    assert [(each.parameters, len(each.trials)) for each in ranking.configurations] == [
        ({"epochs": 9}, 3),
        ({"epochs": 5}, 3),
    ]


@pytest.mark.parametrize(
    ("given", "shown"),
    [([None, 0.004], [0.001, 0.004]), ([None, 0.001], [None, 0.001])],
    ids=["another", "the same"],
)
def test_what_is_not_given_stands_at_what_it_falls_back_to_unless_two_would_be_one(logs, tmp_path, given, shown):
    for place, rate in enumerate(given):
        config = {"learning_rate": 0.001, "discriminator_lr": rate}
        logs.write_run(tmp_path / "s", f"r{place}", curve(1.0 + place, metric="fid"), config, model="gan")
    configurations = only_ranking(tmp_path).configurations
    assert [each.parameters for each in configurations] == [{"discriminator_lr": rate} for rate in shown]


def test_runs_compete_within_their_sweep_dataset_and_model_alone(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a", curve(0.6))
    logs.write_run(tmp_path / "s", "b", curve(0.9), dataset="fashion-mnist")
    logs.write_run(tmp_path / "s", "c", curve(3.0, metric="fid"), model="gan")
    logs.write_run(tmp_path / "t", "d", curve(0.7))
    assert [(each.ranking.group.sweep, each.folder.name, each.trial.value) for each in best(tmp_path)] == [
        ("s", "b", 0.9),
        ("s", "a", 0.6),
        ("s", "c", 3.0),
        ("t", "d", 0.7),
    ]


def test_the_objective_of_the_sweep_decides(logs, tmp_path):
    epochs = [{"val_acc": 0.9, "val_loss": 2.0}]
    logs.write_run(tmp_path / "s", "a", epochs, objective={"metric": "val_loss", "direction": "minimize"})
    (found,) = best(tmp_path)
    assert (found.ranking.metric.name, found.trial.value) == ("val_loss", 2.0)
    assert best(tmp_path, "val_acc")[0].trial.value == 0.9


def test_an_objective_may_be_anything_that_is_logged(logs, tmp_path):
    objective = {"metric": "sharpness", "direction": "maximize"}
    for run, value in (("a", 1.0), ("b", 2.0)):
        logs.write_run(tmp_path / "s", run, curve(value, metric="sharpness"), {"epochs": value}, objective=objective)
    assert best(tmp_path)[0].folder.name == "b"


def test_the_best_epoch_is_named_and_its_metrics_given(logs, tmp_path):
    epochs = [{"val_acc": 0.5, "val_loss": 3.0}, {"val_acc": 0.7, "val_loss": 2.0}, {"val_acc": 0.6, "val_loss": 1.0}]
    end = {"status": "completed", "metrics": {"test_acc": 0.65}}
    logs.write_run(tmp_path / "s", "a", epochs, {"learning_rate": 0.3}, seed=4, end=end)
    (found,) = best(tmp_path)
    assert (found.trial.epoch, found.metrics) == (2, {"val_acc": 0.7, "val_loss": 2.0, "test_acc": 0.65})
    assert (found.parameters["learning_rate"], found.parameters["seed"]) == (0.3, 4)
    (last,) = best(tmp_path, at="last")
    assert (last.trial.epoch, last.trial.value) == (3, 0.6)


def test_a_test_metric_is_marked_as_such(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a", curve(0.5), end={"status": "completed", "metrics": {"test_acc": 0.65}})
    (found,) = best(tmp_path, "test_acc")
    assert found.ranking.metric.on_test
    assert (found.trial.value, found.trial.epoch) == (0.65, 0)


def test_the_best_trial_is_of_the_best_mean_however_lucky_a_run_of_another_configuration_was(logs, tmp_path):
    for seed, (steady, wild) in enumerate([(0.80, 0.99), (0.81, 0.1), (0.82, 0.1)]):
        logs.write_run(tmp_path / "s", f"a{seed}", curve(steady), {"learning_rate": 0.1}, seed=seed)
        logs.write_run(tmp_path / "s", f"b{seed}", curve(wild), {"learning_rate": 1.0}, seed=seed)
    (found,) = best(tmp_path)
    assert (found.folder.name, found.trial.value) == ("a2", 0.82)
    assert found.configuration is found.ranking.winner
    told = findings.lucky_run(found.ties, found.ranking, lambda each: each.label)
    assert told.startswith("The best single run, b0 with 99.00 %, is of another configuration, learning_rate 1")
    first, second = best(tmp_path, top=2)
    assert [first.folder.name, second.folder.name] == ["a2", "b0"]


def test_the_simplest_is_the_cheapest_of_those_that_cannot_be_told_apart(logs, tmp_path):
    for rate, values, seconds in ((1.0, (0.90, 0.92), 9.0), (2.0, (0.91, 0.90), 5.0), (3.0, (0.20, 0.21), 1.0)):
        for seed, value in enumerate(values):
            epochs = [{"val_acc": value, "seconds": seconds}]
            logs.write_run(tmp_path / "s", f"{rate}-{seed}", epochs, {"learning_rate": rate}, seed=seed)
    assert best(tmp_path)[0].parameters["learning_rate"] == 1.0
    (found,) = best(tmp_path, simplest=True)
    assert (found.parameters["learning_rate"], found.trial.value) == (2.0, 0.91)


def test_an_unknown_metric_is_answered_with_the_nearest(experiments):
    with pytest.raises(InputError, match="did you mean 'val_acc'"):
        best(experiments, "val_accuracy")


def test_a_metric_that_nobody_logged_finds_nothing(experiments):
    with pytest.raises(NothingFoundError, match="has logged test_fid"):
        best(experiments / "quickstart", "test_fid")


def write_halved(logs, root):
    """Three configurations of two seeds and four epochs: one completed, one pruned after 2 epochs, one after 1."""
    pruned = {"status": "pruned", "error": "stopped", "metrics": {}}
    for seed in range(2):
        logs.write_run(root, f"a{seed}", curve(0.5, 0.6, 0.6, 0.7), {"learning_rate": 0.1}, seed=seed)
        logs.write_run(root, f"b{seed}", curve(0.4, 0.5), {"learning_rate": 1.0}, seed=seed, end=pruned)
        logs.write_run(root, f"c{seed}", curve(0.9), {"learning_rate": 3.0}, seed=seed, end=pruned)


def test_a_pruned_configuration_stands_behind_the_others_by_how_far_it_got_however_lucky_it_was(logs, tmp_path):
    write_halved(logs, tmp_path / "s")
    logs.write_run(tmp_path / "s", "d0", curve(0.1), {"learning_rate": 9.0}, end=None)
    ranking = only_ranking(tmp_path)
    assert rates(ranking) == [0.1, 9.0, 1.0, 3.0]
    assert [each.pruned_after for each in ranking.configurations] == [None, None, 2, 1]
    assert ranking.winner is ranking.configurations[0]
    assert best(tmp_path)[0].folder.name == "a0"


def test_a_pruned_run_is_never_averaged_with_a_completed_one(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a0", curve(0.5, 0.6), seed=0)
    logs.write_run(tmp_path / "s", "a1", curve(0.9), seed=1, end="pruned")
    (configuration,) = only_ranking(tmp_path).configurations
    assert [each.run.id for each in configuration.counted] == ["a0"]
    assert configuration.pruned_after == 1


def test_where_all_were_pruned_nobody_has_won(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a", curve(0.5), {"learning_rate": 0.1}, end="pruned")
    logs.write_run(tmp_path / "s", "b", curve(0.6), {"learning_rate": 1.0}, end="pruned")
    assert only_ranking(tmp_path).winner is None
    assert best(tmp_path)[0].folder.name == "b"


def test_pruned_configurations_are_compared_where_they_were_abreast(logs, tmp_path):
    write_halved(logs, tmp_path / "s")
    ranking, epoch = abreast(only_ranking(tmp_path))
    assert epoch == 1
    assert [(each.parameters["learning_rate"], each.estimate.mean) for each in ranking.configurations] == [
        (3.0, 0.9),
        (0.1, 0.5),
        (1.0, 0.4),
    ]


def test_without_pruned_runs_there_is_no_such_epoch(experiments):
    ranking = only_ranking(experiments / "quickstart")
    assert abreast(ranking) == (ranking, None)
