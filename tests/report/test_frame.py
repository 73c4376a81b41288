"""The tidy frame of all runs."""

import json
import os
import re
from pathlib import Path

import pandas as pd
import pytest

from nnlite.errors import InputError, NothingFoundError
from nnlite.report import load_runs
from nnlite.runs import METRICS, LogWriter


def losses(*values):
    return [{"val_acc": value, "seconds": 1.0} for value in values]


def test_there_is_a_row_for_each_epoch_of_each_run(experiments):
    frame = load_runs(experiments)
    expected = []
    for log in experiments.glob("*/*/run.jsonl"):
        for line in log.read_bytes().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event["event"] == "epoch":
                expected.append((log.parent.name, event["epoch"], event.get("val_acc"), event.get("fid")))
    rows = frame.dropna(subset="epoch")[["run", "epoch", "val_acc", "fid"]]
    found = [tuple(None if pd.isna(cell) else cell for cell in row) for row in rows.itertuples(index=False)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_columns_stand_in_the_documented_order(experiments):
    columns = list(load_runs(experiments).columns)
    assert columns[:6] == ["sweep", "run", "model", "dataset", "seed", "status"]
    settings = [column for column in columns if column.startswith("config.")]
    assert columns[6 : 6 + len(settings)] == sorted(settings)
    assert columns[6 + len(settings) : 8 + len(settings)] == ["epoch", "train_loss"]


def test_lists_can_be_grouped_by(logs, tmp_path):
    for run, hidden in (("a", [200, 400]), ("b", [64]), ("c", [])):
        logs.write_run(tmp_path / "s", run, losses(0.5), {"hidden": hidden})
    frame = load_runs(tmp_path)
    assert dict(zip(frame["run"], frame["config.hidden"], strict=True)) == {"a": "200-400", "b": "64", "c": "none"}
    assert frame.groupby("config.hidden")["val_acc"].count().to_dict() == {"200-400": 1, "64": 1, "none": 1}


def test_a_run_without_epochs_keeps_one_row(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a", [], end="failed")
    logs.write_run(tmp_path / "s", "b", losses(0.5, 0.6))
    frame = load_runs(tmp_path)
    assert frame["run"].tolist() == ["a", "b", "b"]
    assert frame["epoch"].isna().tolist() == [True, False, False]
    assert frame["status"].tolist() == ["failed", "completed", "completed"]


def test_numbers_that_are_not_finite_are_missing(logs, tmp_path):
    folder = logs.write_run(tmp_path / "s", "a", losses(0.5, float("nan")))
    with folder.log.open("a") as log:
        log.write('{"event": "epoch", "epoch": 3, "val_acc": 1e999}\n')
        log.write(f'{{"event": "epoch", "epoch": 4, "val_acc": 1{"0" * 400}}}\n')
    column = load_runs(tmp_path)["val_acc"]
    assert column.dtype == "float64"
    assert column.isna().tolist() == [False, True, True, True]


def test_a_metric_cannot_take_the_place_of_a_column(logs, tmp_path):
    logs.write_run(tmp_path / "s", "a", [{"seed": 7, "run": 8, "config.hidden": 9, "val_acc": 0.5}], seed=1)
    row = load_runs(tmp_path).iloc[0]
    assert (row["seed"], row["run"], row["config.hidden"]) == (1, "a", "64")


def test_a_log_can_be_read_while_it_is_written(logs, tmp_path):
    folder = logs.write_run(tmp_path / "s", "a", losses(0.5), end=None)
    assert load_runs(folder.path)["status"].tolist() == ["interrupted"]
    with LogWriter(folder.log) as log:
        log.write("epoch", epoch=2, val_acc=0.6)
        os.write(log._file, b'{"event": "epoch", "ep')
        frame = load_runs(folder.path)
    assert frame["epoch"].tolist() == [1, 2]
    assert frame["status"].tolist() == ["running", "running"]


def test_a_copy_of_a_run_is_not_counted_twice(logs, tmp_path):
    logs.write_run(tmp_path / "here", "a", losses(0.5, 0.6), sweep="s")
    logs.write_run(tmp_path / "there", "a", losses(0.5), sweep="s", end=None)
    assert load_runs(tmp_path)["epoch"].tolist() == [1, 2]


def test_a_path_that_does_not_exist_is_a_mistake_of_the_caller(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_runs(tmp_path / "nowhere")


def test_a_folder_without_runs_holds_nothing(tmp_path):
    with pytest.raises(NothingFoundError, match="holds no run"):
        load_runs(str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "[" * 100_000 + "\n",
        "not JSON\n",
        '{"event": "start"}\n',
        '{"event": "start", "config": {}, "seed": "x"}\n',
        '{"event": "start", "config": [1], "seed": 1}\n',
    ],
)
def test_a_foreign_log_costs_itself_alone(logs, tmp_path, content):
    logs.write_run(tmp_path / "s", "a", losses(0.5))
    foreign = tmp_path / "s" / "b"
    foreign.mkdir()
    (foreign / "run.jsonl").write_text(content)
    assert load_runs(tmp_path)["run"].tolist() == ["a"]
    with pytest.raises(NothingFoundError, match=r"b/run\.jsonl"):
        load_runs(foreign)


def test_the_readme_has_the_type_of_every_column_of_the_published_runs():
    root = Path(__file__).parents[2]
    readme = (root / "README.md").read_text("utf-8")
    table = readme[readme.index("| column | type |") : readme.index("### Watching")]
    rows = re.findall(r"^\| (`[^|]+`) \| `(\w+)` \| ", table, re.MULTILINE)
    documented = {name: kind for names, kind in rows for name in re.findall(r"`([^`]+)`", names)}
    found = {name: str(kind) for name, kind in load_runs(root / "experiments").dtypes.items()}
    assert documented == {name: kind for name, kind in found.items() if not name.startswith("config.")}
    assert {metric.name for metric in METRICS.values() if not metric.on_test} <= documented.keys()
