"""A search that learns from other sweeps: what they found is known before its first generation."""

import json

import pytest

from nnlite.errors import InputError
from nnlite.runs import find_runs, read_run

RATES = "learning_rate = { low = 0.001, high = 10.0, log = true }\n"
FIRST = f'[search]\nstrategy = "random"\ntrials = 12\n{RATES}'
SECOND = f'[search]\nstrategy = "tpe"\ntrials = 6\ngeneration = 3\nseed = 1\n{RATES}'


@pytest.fixture
def experiments(ask, spec, tmp_path):
    """A sweep to learn from, beside one whose runs differ in what is not searched."""
    ask("sweep", spec(FIRST, name="first"), "--experiments", tmp_path / "e")
    odd = spec(FIRST, name="odd", fixed="epochs = 3\nmomentum = 0.5")
    ask("sweep", odd, "--experiments", tmp_path / "e", "--trials", 2)
    return tmp_path / "e"


def rates(folder):
    return sorted(read_run(each).config["learning_rate"] for each in find_runs(folder))


def test_a_search_proposes_from_what_others_found_and_trains_none_of_it_again(ask, spec, experiments, tmp_path):
    before = {each.log: each.log.read_bytes() for each in find_runs(experiments)}
    file = spec(SECOND + 'learn_from = ["first", "odd"]\n', name="second")
    done = ask("sweep", file, "--experiments", experiments, "-j", 2)
    assert "6 of 6 trials done" in done.stdout
    assert "12 runs of first known from the start" in done.stderr
    assert "0 runs of odd known from the start; not used: 2 with other fixed values" in done.stderr
    assert {log: log.read_bytes() for log in before} == before
    assert not set(rates(experiments / "second")) & set(rates(experiments / "first"))
    starts = [read_run(each).start for each in find_runs(experiments / "second")]
    assert all(start["search"]["learn_from"] == ["first", "odd"] for start in starts)
    ask("sweep", spec(SECOND, name="alone"), "--experiments", experiments)
    assert rates(experiments / "alone") != rates(experiments / "second"), "without it draws come first"
    again = ask("sweep", file, "--experiments", experiments, "--json")
    assert {trial["status"] for trial in json.loads(again.stdout)["trials"]} == {"completed"}
    before = rates((experiments / "second").rename(tmp_path / "second"))
    ask("sweep", file, "--experiments", experiments, "-j", 1)
    assert rates(experiments / "second") == before, "the same, whatever the workers"


def test_a_sweep_learns_from_one_that_the_same_call_trains_before(ask, spec, tmp_path):
    first, second = spec(FIRST, name="first"), spec(SECOND + 'learn_from = ["first"]\n', name="second")
    done = ask("sweep", first, second, "--experiments", tmp_path / "together")
    assert "12 runs of first known from the start" in done.stderr
    ask("sweep", first, "--experiments", tmp_path / "apart")
    ask("sweep", second, "--experiments", tmp_path / "apart")
    assert rates(tmp_path / "together" / "second") == rates(tmp_path / "apart" / "second")
    said = ask("sweep", second, first, "--experiments", tmp_path / "wrong", code=2).stderr
    assert "no runs of another sweep 'first'" in said


def test_a_sweep_that_is_not_there_is_an_error_that_names_the_nearest(ask, spec, experiments):
    for name, said in (("frist", "did you mean 'first'?"), ("second", "no runs of another sweep 'second'")):
        file = spec(SECOND + f'learn_from = ["{name}"]\n', name="second")
        assert said in ask("sweep", file, "--experiments", experiments, code=2).stderr
    assert not (experiments / "second").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FIRST + 'learn_from = ["x"]\n', 'learn_from is an option of strategy = "tpe"'),
        (SECOND + 'learn_from = ["../x"]\n', "search.learn_from"),
        (SECOND + 'learn_from = "x"\n', "should be a list"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(sweep_of, text, said):
    with pytest.raises(InputError) as refused:
        sweep_of(text)
    assert said in str(refused.value)
