"""Questions about runs: names, conditions, order; and how runs differ. Logs are made up."""

import json

import pytest

from nnlite.errors import InputError
from nnlite.queries import Entry, Query, Vocabulary, changes, differences, moments, select
from nnlite.runs import RunFolder, read_run, skim_run

DEFAULTS = {"epochs": 10, "hidden": [392], "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.0}


@pytest.fixture
def entry(tmp_path):
    """Write a log, and give the run as a list of runs would hold it; `accuracies` are those of its epochs."""

    def make(name, accuracies=(0.5,), *, status="completed", model="classifier", seed=0, read=skim_run, **config):
        folder = RunFolder(tmp_path / "experiments" / "some" / name)
        folder.path.mkdir(parents=True)
        metric, direction = ("val_acc", "maximize") if model == "classifier" else ("fid", "minimize")
        start = {
            "event": "start",
            "time": "2026-01-02T03:04:05.678Z",
            "run": name,
            "sweep": "some",
            "model": model,
            "dataset": "mnist",
            "seed": seed,
            "config": DEFAULTS | config,
            "objective": {"metric": metric, "direction": direction},
            "versions": {"numpy": f"2.{seed}"},
            "threads": 1,
        }
        epochs = [
            {"event": "epoch", "epoch": number, metric: value, "val_loss": 1 - (value or 0), "seconds": 2.0}
            for number, value in enumerate(accuracies, 1)
        ]
        end = {
            "event": "end",
            "time": "2026-01-02T04:04:05.678Z",
            "status": status,
            "metrics": {"test_acc": 0.4, "epochs": len(epochs)},
        }
        lines = [start, *epochs, *([end] if status != "interrupted" else [])]
        folder.log.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        run = read(folder)
        return Entry(run, run.objective, name)

    return make


@pytest.fixture
def three(entry):
    return [
        entry("a", (0.8, 0.95, 0.9), hidden=[64], seed=0),
        entry("b", (0.7, 0.97), hidden=[128], seed=1, optimizer="adam"),
        entry("c", (None, 0.2), status="diverged", seed=2, learning_rate=30),
    ]


def ids(entries, **query):
    return "".join(each.run.id for each in select(entries, Query(**query)).entries)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("val_acc > 0.9", "ab"),
        ("val_acc > 0.9 and optimizer == 'sgd'", "a"),
        ("hidden == [128] or learning_rate > 1", "bc"),
        ("status != 'completed'", "c"),
        ("id == 'a' and run == 'a' and sweep == 'some' and dataset == 'mnist' and model == 'classifier'", "a"),
        ("epochs == 2 and config.epochs == 10", "bc"),
        ("seconds == 6", "a"),
        ("metrics.seconds == 2", "abc"),
        ("started < '2026-01-03'", "abc"),
        ("test_acc == 0.4", "abc"),
        ("objective > 0.96", "b"),
        ("epoch == 2 and seed in [0, 1]", "ab"),
        ("error == none", "abc"),
        ("fid < 3", ""),
        ("batch_norm == false and activation == 'sigmoid'", "abc"),  # which these logs leave to the defaults
    ],
)
def test_a_condition_is_about_facts_hyperparameters_and_metrics(three, where, found):
    assert ids(three, where=where) == found


def test_a_metric_is_of_the_best_epoch_or_of_the_last(three):
    assert ids(three, where="val_acc > 0.92") == "ab"
    assert ids(three, where="val_acc > 0.92", at="last") == "b"


def test_the_second_networks_learning_rate_is_what_it_was_trained_with(entry):
    gan = entry("g", (9.0,), model="gan", hidden=[200], learning_rate=0.01, generator_lr=None)
    assert ids([gan], where="generator_lr == 0.01 and discriminator_lr == learning_rate") == "g"


def test_hyperparameters_that_no_version_knows_are_taken_as_they_are(entry):
    assert ids([entry("x", hidden="wide", flavour=[1, 2])], where="hidden == 'wide' and flavour[1] == 2") == "x"


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("val_acc", "bac"),
        ("-val_acc", "cab"),
        ("objective", "bac"),
        ("val_loss", "bac"),
        ("seconds", "bca"),
        ("-id", "cba"),
        ("epochs,-seed", "cba"),
        ("optimizer,learning_rate", "bac"),
        ("hidden", "abc"),
    ],
)
def test_sorting_puts_the_best_or_the_least_first_and_a_minus_turns_it_round(three, sort, found):
    assert ids(three, sort=sort) == found


def test_equals_keep_their_order_and_what_has_no_value_comes_last(entry):
    entries = [entry("n", (None,)), entry("y", (0.5,)), entry("z", (0.5,)), entry("w", (0.4,))]
    assert ids(entries, sort="val_acc") == "yzwn"
    assert ids(entries, sort="-val_acc") == "wyzn"


def test_values_of_different_kinds_can_be_sorted(entry):
    entries = [entry(str(n), extra=value) for n, value in enumerate([[2], "x", 1, True, None, [1, "a"], {"k": 1}])]
    assert ids(entries, sort="extra") == "2315064"  # numbers, texts, lists, tables, and the one without


def test_the_first_so_many_are_taken_after_sorting(three):
    assert ids(three, sort="val_acc", top=2) == "ba"
    assert ids(three, top=9) == "abc"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"where": "val_ac > 1"}, "--where: there is no 'val_ac'; did you mean 'val_acc'?"),
        ({"where": "lerning_rate > 1"}, "did you mean 'learning_rate'?"),
        ({"where": "config.val_acc > 1"}, "there is no 'config.val_acc'"),
        ({"where": "metrics.val_lss > 1"}, "did you mean 'metrics.val_loss'?"),
        ({"where": "optimizer == sgd"}, "there is no 'sgd'.*a text stands in quotes"),
        ({"where": "val_acc > 'high'"}, "have no order"),
        ({"where": "val_acc >"}, "cannot be read as a condition"),
        ({"sort": "sed"}, "--sort: there is no 'sed'; did you mean 'seed'?"),
        ({"sort": ","}, "',' names nothing"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_one(three, query, sentence):
    with pytest.raises(InputError, match=sentence):
        select(three, Query(**query))


@pytest.mark.parametrize(
    "where", ["run.__class__ == 1", "config.__class__ == 1", "run.to_csv('canary')", "__import__('os')", "a.b.c == 1"]
)
def test_a_condition_reaches_nothing_but_values(three, where, tmp_path, monkeypatch):
    """F69."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        select(three, Query(where=where))
    assert not (tmp_path / "canary").exists()


def test_where_nothing_is_found_it_is_said_what_may_be_the_matter(three):
    assert select(three, Query(where="optimizer == 'adm'")).hint == "none has optimizer 'adm'; did you mean 'adam'?"
    assert select(three, Query(where="fid < 3")).hint == "none has any fid"
    assert select(three, Query(where="val_acc > 2")).hint == ""


def test_columns_are_named_with_commas_between_or_by_their_kind(three):
    vocabulary = Vocabulary(three)
    assert [each.flat for each in vocabulary.columns("run, val_acc,learning_rate,metrics.seconds,run")] == [
        *("run", "val_acc", "config.learning_rate", "metrics.seconds")
    ]
    assert {each.flat for each in vocabulary.columns("metrics")} == {
        "val_acc",
        "val_loss",
        "metrics.seconds",
        "test_acc",
    }
    assert {"config.hidden", "config.epochs"} <= {each.flat for each in vocabulary.columns("config")}
    with pytest.raises(InputError, match="names nothing"):
        vocabulary.columns(" ,")


def test_a_flat_name_means_the_same_column_again(three):
    vocabulary = Vocabulary(three)
    for column in vocabulary.columns("run,config,metrics,metrics.learning_rate,epochs"):
        again = vocabulary.column(column.flat)
        assert (again.kind, again.key, again.flat) == (column.kind, column.key, column.flat)


def test_what_the_epochs_are_not_asked_for_is_not_read(entry, monkeypatch):
    entries = [entry(name, status="completed") for name in "ab"]
    monkeypatch.setattr("nnlite.runs.skim.read_run", lambda _: pytest.fail("a whole log was read"))
    assert ids(entries, where="seed == 0 and learning_rate == 0.1 and id == 'a'", sort="started,status") == "a"


def test_changes_are_what_is_not_the_default(three):
    assert [(each.name, each.value, each.default) for each in changes(three[1].run)] == [
        ("optimizer", "adam", "sgd"),
        ("hidden", [128], (392,)),
    ]
    assert changes(three[0].run)[0].name == "hidden"


def test_every_attempt_is_a_part_of_the_story(tmp_path):
    events = [
        {"event": "start", "time": "t1", "run": "r"},
        {"event": "epoch", "epoch": 1},
        {"event": "resume", "time": "t2", "epoch": 1},
        {"event": "end", "time": "t3", "status": "failed", "error": "oh"},
        {"event": "start", "time": "t4", "run": "r"},
        {"event": "end", "time": "t5", "status": "completed"},
    ]
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    story = moments(read_run(RunFolder(tmp_path)))
    assert [(each.time, each.event, each.epochs, each.error) for each in story] == [
        ("t1", "start", 0, ""),
        ("t2", "resume", 1, ""),
        ("t3", "failed", 1, "oh"),
        ("t4", "start", 0, ""),
        ("t5", "completed", 0, ""),
    ]


def test_differences_name_only_what_is_not_the_same(three):
    found = differences(three[:2])
    assert {row.name: row.values for row in found.config} == {"hidden": [[64], [128]], "optimizer": ["sgd", "adam"]}
    assert {row.name: row.values for row in found.facts} == {"seed": [0, 1], "epochs": [3, 2], "seconds": [6.0, 4.0]}
    assert {row.name: row.values for row in found.environment} == {"numpy": ["2.0", "2.1"]}
    assert [each.column.key for each in found.metrics] == ["val_acc", "val_loss"]  # test_acc is the same
    assert [value.epoch for value in found.metrics[0].best] == [2, 2]
    assert [value.value for value in found.metrics[0].last] == [0.9, 0.97]


def test_differences_name_the_first_epoch_that_is_not_the_same(entry):
    runs = [entry("a", (0.1, 0.2, 0.3)), entry("b", (0.1, 0.2)), entry("c", (0.1, 0.25, 0.3)), entry("d", ())]
    found = differences(runs)
    assert [parting and (parting.epoch, parting.metric) for parting in found.partings] == [None, (2, "val_acc"), None]
    assert found.common == [2, 3, 0]


def test_only_the_columns_asked_for_are_compared_whether_they_differ_or_not(three):
    found = differences(three, Vocabulary(three).columns("dataset,momentum,val_acc"))
    assert [row.name for row in (*found.facts, *found.config)] == ["dataset", "momentum"]
    assert not found.environment
    assert [each.column.key for each in found.metrics] == ["val_acc"]
