"""References: by which words a person names one run."""

import json

import pytest

from nnlite.errors import InputError, NothingFoundError
from nnlite.runs import RunFolder, find_run


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    """Four runs in two sweeps; the third was written to last."""
    monkeypatch.chdir(tmp_path)
    times = {"one/abc111": "10:00", "one/abc222": "11:00", "one/def333": "12:00", "two/abc111": "09:00"}
    for place, time in times.items():
        folder = tmp_path / "experiments" / place
        folder.mkdir(parents=True)
        (folder / "run.jsonl").write_text(
            json.dumps({"event": "start", "time": "2026-01-01T08:00:00.000Z", "run": folder.name, "config": {}})
            + "\n"
            + json.dumps({"event": "end", "time": f"2026-01-01T{time}:00.000Z", "status": "completed"})
            + "\n"
        )
    return tmp_path / "experiments"


@pytest.mark.parametrize(
    "text", ["experiments/one/abc222", "experiments/one/abc222/", "experiments/one/abc222/run.jsonl"]
)
def test_a_path_names_the_run_that_lies_there(experiments, text):
    assert find_run(text, experiments.parent / "elsewhere").name == "abc222"


@pytest.mark.parametrize("text", ["def333", "def", "d", "abc2"])
def test_an_id_or_its_unique_beginning_names_a_run(experiments, text):
    assert find_run(text, experiments).name in ("def333", "abc222")


def test_the_whole_id_is_preferred_to_a_longer_one_that_begins_with_it(experiments):
    longer = experiments / "one" / "def3334"
    longer.mkdir()
    (longer / "run.jsonl").touch()
    assert find_run("def333", experiments).name == "def333"


def test_last_is_the_run_that_was_written_to_last_by_its_own_log(experiments):
    (experiments / "two/abc111/run.jsonl").touch()  # copying changes what the file system says
    assert find_run("@last", experiments) == RunFolder(experiments / "one/def333")


def test_a_sweeps_folder_can_be_searched_alone(experiments):
    assert find_run("abc1", experiments / "two").path == experiments / "two/abc111"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("abc", "'abc' is not one run but 3 runs: .*one/abc111, .*one/abc222, .*two/abc111"),
        ("abc111", "'abc111' is not one run but 2 runs: .*one/abc111, .*two/abc111"),
        ("dex333", "the id of none of the 4 runs in .*experiments begins with 'dex333'; did you mean 'def333'?"),
        ("zzz", "begins with 'zzz'; `nnlite runs` lists them"),
        ("@first", "'@first' is no run: give a path, an id or its beginning, @best or @last"),
        ("", "'' is no run"),
        ("experiments/one", r"experiments/one is a folder of 3 runs: experiments/one/abc111"),
        ("experiments/one/nothing", "experiments/one/nothing: no such run"),
    ],
)
def test_what_names_no_run_or_several_is_said_with_what_might_be_meant(experiments, text, sentence):
    with pytest.raises(InputError, match=sentence):
        find_run(text, experiments)


@pytest.mark.parametrize("text", ["abc", "@last"])
def test_a_folder_without_runs_is_nothing_found(tmp_path, text):
    with pytest.raises(NothingFoundError, match="holds no run"):
        find_run(text, tmp_path)


def test_a_folder_that_does_not_exist_is_a_mistake(tmp_path):
    with pytest.raises(InputError, match="does not exist, so there is no run 'abc'"):
        find_run("abc", tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["9" * 5000, "x/" * 3000, "x\0y", "\ud800/x"])
def test_what_can_be_no_path_is_a_mistake_in_a_sentence(experiments, text):
    with pytest.raises(InputError):
        find_run(text, experiments)
