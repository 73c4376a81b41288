"""`nnlite replay`: what it answers."""

import json
import shutil
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).parents[2] / "experiments"


def test_it_says_what_a_rule_would_have_saved_and_whether_it_keeps_the_winner(ask):
    answer = ask("replay", PUBLISHED / "gan_lr", "--pruning", "halving")
    assert answer.stderr == ""
    assert [" ".join(line.split()) for line in answer.stdout.splitlines()] == [
        "gan_lr (gan on mnist): 9 configurations by fid, 27 runs of 20 epochs",
        "trained 168 of 540 epochs, 69 % saved",
        "winner kept: learning_rate 0.001, discriminator_skip 0 (fid 6.193)",
        "epoch 3 9 configurations, the winner is number 2",
        "epoch 9 3 configurations, the winner is number 1",
        "epoch 20 1 configuration, the winner is number 1",
        "",
    ]


def test_it_says_which_one_would_have_won_instead_and_how_much_worse_it_is(ask):
    answer = ask("replay", PUBLISHED / "gan_lr", "--pruning", "halving", "--min-epochs", "1").stdout
    assert "stopped after epoch 3: learning_rate 0.001, discriminator_skip 0 (fid 6.193)" in answer
    assert "learning_rate 0.005, discriminator_skip 0 (fid 29.92), 23.7 worse" in answer
    assert "1 configuration, without the winner" in answer


def test_every_sweep_below_the_folder_is_replayed(ask):
    document = json.loads(ask("replay", PUBLISHED, "--factor", "4", "--json").stdout)
    assert document["schema"] == "nnlite.replay/1"
    assert document["pruning"] == {"strategy": "halving", "factor": 4, "min_epochs": None}
    replays = {each["sweep"]: each for each in document["replays"]}
    assert list(replays) == sorted(folder.name for folder in PUBLISHED.iterdir() if folder.is_dir())
    assert len(replays["classifier_search"]["winner"]["runs"]) == 1
    for each in (replays[name] for name in ("classifier_hidden", "gan_lr", "quickstart")):
        assert each["saved"] == 1 - each["trained"] / each["of"]
        assert each["keeps_winner"]
        assert each["winner"] == each["named"]
        assert len(each["winner"]["runs"]) == 3


def test_a_median_rule_with_a_single_generation_says_that_it_compares_nothing(ask):
    answer = ask("replay", PUBLISHED / "quickstart", "--pruning", "median").stdout
    assert "0 % saved: all configurations are of the first generation" in answer
    answer = ask("replay", PUBLISHED / "quickstart", "--pruning", "median", "--generation", "3").stdout
    assert "35 % saved\n" in answer


@pytest.mark.parametrize("options", [("--pruning", "median", "--factor", "2"), ("--generation", "4")])
def test_an_option_of_another_rule_is_refused(ask, options):
    refused = ask("replay", PUBLISHED / "quickstart", *options, code=2).stderr
    assert (
        refused == f"nnlite: {options[-2]} is no option of --pruning {'median' if 'median' in options else 'halving'}\n"
    )


def test_another_metric_may_decide(ask):
    (found,) = json.loads(ask("replay", PUBLISHED / "quickstart", "--metric", "val_loss", "--json").stdout)["replays"]
    assert (found["metric"], found["direction"]) == ("val_loss", "minimize")
    assert found["winner"]["mean"] < 1


def test_runs_that_were_not_trained_to_the_end_are_named(ask, tmp_path):
    sweep = tmp_path / "quickstart"
    shutil.copytree(PUBLISHED / "quickstart", sweep)
    log = min(sweep.iterdir()) / "run.jsonl"
    log.write_text("".join(log.read_text("utf-8").splitlines(keepends=True)[:3]), "utf-8")
    answer = ask("replay", tmp_path)
    assert "7 configurations by val_acc, 21 runs" in answer.stdout
    assert answer.stderr.startswith("quickstart: 3 runs left out")


@pytest.mark.parametrize("arguments", [["--metric", "val_loss"], ["--metric", "val_acc", "--json"]])
def test_without_curves_to_prune_by_nothing_is_found(ask, arguments):
    answer = ask("replay", PUBLISHED / "gan_lr", *arguments, code=1)
    assert answer.stdout == ""
    assert "no configuration with whole curves of val_" in answer.stderr
