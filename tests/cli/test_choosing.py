"""`nnlite best`: the winner of each sweep, and how sure that is."""

import json
import statistics
from pathlib import Path

import pytest

from nnlite.report import load_runs

PUBLISHED = Path(__file__).parents[2] / "experiments"


def chosen(ask, *arguments):
    return json.loads(ask("best", *arguments, "--json").stdout)["best"]


@pytest.mark.parametrize("sweep", ["quickstart", "classifier_hidden", "gan_lr"])
def test_the_winner_is_the_best_mean_over_the_seeds(ask, sweep):
    """By a recomputation from the frame of all epochs."""
    (found,) = chosen(ask, "--experiments", PUBLISHED / sweep)
    frame = load_runs(PUBLISHED / sweep)
    swept = [name for name in frame if name.startswith("config.") and frame[name].nunique() > 1]
    sign = 1 if found["metric"] == "fid" else -1
    values = (sign * frame[found["metric"]]).groupby([frame[name] for name in [*swept, "run"]]).min()
    means = sorted(statistics.fmean(group) for _, group in values.groupby(swept))
    assert found["configuration"]["mean"] == pytest.approx(sign * means[0])
    assert found["configurations"] == len(means)
    assert found["run"] in found["configuration"]["runs"]


def test_the_tie_set_names_its_members_with_their_runs_and_its_test(ask):
    (found,) = chosen(ask, "--experiments", PUBLISHED / "classifier_hidden")
    tie = found["tie"]
    assert (tie["test"], tie["level"], tie["tests"]) == ("Welch's one-sided t-test, Holm's correction", 0.05, 5)
    assert [each["parameters"] for each in tie["members"]] == [
        {"hidden": [196]},
        {"hidden": [392]},
        {"hidden": [392, 196]},
    ]
    assert [each["p"] is None for each in tie["members"]] == [True, False, False]
    assert all(len(each["runs"]) == len(each["seeds"]) == 3 for each in tie["members"])
    assert 0 < found["luck"] < 0.001


def test_the_text_says_the_same(ask):
    told = ask("best", "--experiments", PUBLISHED / "classifier_hidden").stdout
    assert "hidden 196 has val_acc 97.92 ± 0.19 % (3 seeds, 95 % interval), the best of 6 configurations" in told
    assert "A tie: 2 of the 5 other configurations cannot be told apart from it" in told
    assert "n = 3 seeds each): hidden 392; hidden 392-196." in told
    assert "Picking the best of 6 means is worth about 0.03 percentage points of luck" in told


def test_with_one_seed_it_says_that_nothing_can_be_told(ask):
    asked = ask("best", "--experiments", PUBLISHED / "classifier_search", "--simplest")
    assert "cannot be told from one seed each" in asked.stdout
    assert "with one seed nothing ties" in asked.stderr
    (found,) = chosen(ask, "--experiments", PUBLISHED / "classifier_search")
    assert (found["tie"], found["luck"], found["configurations"]) == (None, None, 32)


def test_the_simplest_of_the_tied_ones_is_the_cheapest(ask):
    folder = PUBLISHED / "classifier_hidden"
    (found,) = chosen(ask, "--experiments", folder, "--simplest")
    members = found["tie"]["members"]
    assert found["configuration"]["seconds"] == min(each["seconds"] for each in members)


def test_a_winner_says_how_to_refit_it_and_then_what_came_of_that(ask, tmp_path, spec, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ask("sweep", spec("[grid]\nlearning_rate = [0.1, 0.3]\n", fixed="epochs = 1"), "-j", 1, "--experiments", "e")
    (found,) = chosen(ask, "--experiments", "e")
    assert found["refits"] == []
    (line,) = [each for each in ask("best", "--experiments", "e").stdout.splitlines() if "refit" in each]
    program, *arguments = line.removeprefix("refit it on all training images: ").split()
    assert program == "nnlite"
    ask(*arguments, "--experiments", "e")
    (found,) = chosen(ask, "--experiments", "e")
    (refit,) = found["refits"]
    assert found["configurations"] == 2
    score = f"test_acc {100 * refit['metrics']['test_acc']:.2f} %"
    (line,) = [each for each in ask("best", "--experiments", "e").stdout.splitlines() if "refit" in each]
    assert line.startswith(f"refitted on all training images: run {refit['run']}, seed {found['parameters']['seed']}:")
    assert score in line
