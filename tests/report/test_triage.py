"""What did not come through, by cause, and the hyperparameter that explains it."""

import pytest

from nnlite.report import collect, group_runs, rank, write_report
from nnlite.report.triage import causes

CURVE = [{"val_acc": 0.9}]


def found(root):
    (group,) = group_runs(collect(root).runs)
    return causes(rank(group))


def write_grid(logs, root, ends, names=("learning_rate", "momentum"), seeds=2):
    """A run of each pair of three values of two hyperparameters; `ends` tells how one ends, None: well."""
    for first in (0.1, 0.3, 1.0):
        for second in (0.0, 0.5, 0.9):
            for seed in range(seeds):
                error = ends(first, second, seed)
                end = {"status": "diverged", "error": error, "metrics": {}} if error else "completed"
                config = dict(zip(names, (first, second), strict=True))
                logs.write_run(root / "s", f"{first}-{second}-{seed}", CURVE, config, seed=seed, end=end)


@pytest.mark.parametrize(
    ("happens", "name", "rule", "also", "count"),
    [
        (lambda rate, _momentum, _seed: rate > 0.3, "learning_rate", "> 0.3", 0, 6),
        (lambda rate, _momentum, _seed: rate < 0.3, "learning_rate", "< 0.3", 0, 6),
        (lambda _rate, momentum, _seed: momentum >= 0.5, "momentum", "> 0", 0, 12),
        (lambda _rate, momentum, _seed: momentum == 0.5, "momentum", "0.5", 0, 6),
        (lambda rate, momentum, _seed: rate > 0.3 and momentum, "learning_rate", ">= 1", 2, 4),
        (lambda _rate, _momentum, seed: seed == 1, "seed", "1", 0, 9),
    ],
)
def test_a_rule_about_one_hyperparameter_covers_all_and_as_few_others_as_possible(
    logs, tmp_path, happens, name, rule, also, count
):
    write_grid(logs, tmp_path, lambda *point: "not finite" if happens(*point) else "")
    (cause,) = found(tmp_path)
    assert (cause.rule.name, str(cause.rule), cause.rule.also) == (name, rule, also)
    assert (len(cause.members), len(cause.others)) == (count, 18 - count)


def test_what_no_single_hyperparameter_explains_is_said_to_be_so(logs, tmp_path):
    write_grid(logs, tmp_path, lambda rate, momentum, seed: "odd" if (rate, momentum, seed) == (0.3, 0.5, 1) else "")
    (cause,) = found(tmp_path)
    assert cause.rule is None
    assert (cause.shared, cause.sharing) == ({"learning_rate": 0.3, "momentum": 0.5}, 1)  # the other seed


def test_what_came_to_all_explains_nothing(logs, tmp_path):
    write_grid(logs, tmp_path, lambda *_point: "not finite")
    (cause,) = found(tmp_path)
    assert (cause.rule, cause.others) == (None, [])


def test_words_explain_too(logs, tmp_path):
    for number, optimizer in enumerate(["sgd", "adam", "rmsprop", "sgd", "adam"]):
        end = {"status": "failed", "error": "no", "metrics": {}} if optimizer != "sgd" else "completed"
        logs.write_run(tmp_path / "s", f"r{number}", CURVE, {"optimizer": optimizer, "epochs": number + 1}, end=end)
    (cause,) = found(tmp_path)
    assert (cause.rule.name, cause.rule.relation, str(cause.rule)) == ("optimizer", "=", "adam or rmsprop")


def test_a_computer_on_which_everything_fails_is_found(logs, tmp_path):
    for number in range(6):
        end = {"status": "failed", "error": "no memory", "metrics": {}} if number in (1, 4) else "completed"
        host = "bad" if number in (1, 4) else "good"
        logs.write_run(tmp_path / "s", f"r{number}", CURVE, {"epochs": number + 1}, end=end, host=host)
    (cause,) = found(tmp_path)
    assert (cause.rule.name, str(cause.rule)) == ("host", "bad")


def test_the_same_reason_with_other_numbers_is_one_cause_and_another_end_is_another(logs, tmp_path):
    def happens(rate, momentum, seed):
        if rate == 1.0:
            return f"val_loss is not finite after epoch {seed + 1}"
        return "out of memory" if momentum == 0.9 else ""

    write_grid(logs, tmp_path, happens)
    assert [(cause.error, len(cause.members)) for cause in found(tmp_path)] == [
        ("out of memory", 4),
        ("val_loss is not finite after epoch …", 6),
    ]


def test_pruned_trials_are_told_by_the_epoch_at_which_they_were_stopped(logs, tmp_path):
    for number, (epochs, bar) in enumerate([(1, 0.5), (1, 0.6), (3, 0.7)]):
        error = f"stopped after epoch {epochs} of 9: by epoch {epochs} it had not reached val_acc {bar}"
        end = {"status": "pruned", "error": error, "metrics": {}}
        logs.write_run(tmp_path / "s", f"p{number}", CURVE * epochs, {"momentum": 0.1 * number}, end=end)
    logs.write_run(tmp_path / "s", "w", CURVE * 9, {"momentum": 0.9})
    assert [(cause.error, len(cause.members), str(cause.rule)) for cause in found(tmp_path)] == [
        ("stopped after epoch 1 of 9: by epoch … it had not reached val_acc …", 2, "< 0.2"),
        ("stopped after epoch 3 of 9: by epoch 3 it had not reached val_acc 0.7", 1, "0.2"),
    ]


def test_the_page_says_so_in_words(logs, tmp_path):
    write_grid(logs, tmp_path, lambda rate, _momentum, _seed: "not finite" if rate > 0.3 else "")
    write_report(tmp_path / "s", tmp_path / "out")
    text = (tmp_path / "out/s/README.md").read_text("utf-8")
    assert "| diverged | not finite | 6 | all 6 have `learning_rate` &gt; 0.3, and none of the other 12 |" in text
