"""Many runs at the command line: the index changes no answer, and no question waits for what it does not need."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from nnlite.runs import index

write_runs = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "many_runs.py"))["write_runs"]
QUESTIONS = [
    ("best",),
    ("best", "--metric", "val_loss", "--at", "last", "--json"),
    ("best", "--where", "hidden == [64]", "--top", "2"),
    ("runs", "--where", "val_loss < 0.5", "--sort", "-seconds", "--columns", "run,error,val_acc,config"),
    ("show", "@best"),
    ("show", "@last"),
]


@pytest.fixture
def many(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "SETTLED", -1)
    write_runs(tmp_path / "experiments", 120, 6)
    return tmp_path / "experiments"


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_the_answer_is_the_same_without_an_index_with_one_and_with_a_damaged_one(ask, many, question):
    where = [many] if question[0] == "runs" else ["--experiments", many]
    answers = [ask(*question, *where)]
    file = many / "many" / index.INDEX_NAME
    assert file.exists()
    answers.append(ask(*question, *where))
    file.write_bytes(file.read_bytes()[:-100])
    answers.append(ask(*question, *where))
    assert len({(answer.stdout, answer.stderr) for answer in answers}) == 1


def test_a_report_is_the_same_bytes_with_and_without_an_index(ask, many, tmp_path):
    """It names the logs that are torn, foreign or empty, too."""
    contents = []
    for out in ("one", "two"):
        ask("report", many, "--out", tmp_path / out)
        files = sorted(path for path in (tmp_path / out).rglob("*") if path.is_file())
        contents.append({path.relative_to(tmp_path / out): path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    page = contents[0][Path("many/README.md")].decode()
    assert [page.count(f"many/{name}") for name in ("0" * 12, "1" * 12, "2" * 12)] == [1, 1, 1]


@pytest.mark.parametrize("heavy", ["pandas", "matplotlib", "joblib", "nnlite.sweep"])
def test_the_best_is_told_without_loading_what_takes_longer_than_to_find_it(many, heavy):
    code = f"""
import sys
from nnlite.cli.app import run
assert run(["best", "--experiments", {str(many)!r}]) == 0
assert {heavy!r} not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
