"""Exports, each read back by the tool that it is for, and compared with the logs."""

import csv
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState
from sqlalchemy.engine import URL
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from nnlite import load_runs
from nnlite.export import FORMATS
from nnlite.runs import LogWriter, read_runs

PUBLISHED = Path(__file__).parents[2] / "experiments"
QUICKSTART = PUBLISHED / "quickstart"
GAN = PUBLISHED / "gan_lr"
EVIL = '=cmd|" /C calc"!A0\x1b]0;owned\x07 <b>|\n# x\u202e'


@pytest.fixture
def export(ask, tmp_path):
    def call(*arguments, form, code=0, name="out"):
        folder = tmp_path / "a b'é?#%41"  # F53
        folder.mkdir(exist_ok=True)
        ask("export", *arguments, "--to", form, "--out", folder / name, code=code)
        return folder / name

    return call


@pytest.fixture
def strange(tmp_path):
    """Runs whose logs hold what harms tables: formulas, control characters, other types, no epoch, no numbers."""
    root = tmp_path / "strange"
    configs = [
        {"note": EVIL, "mixed": 0.5, EVIL: 1},
        {"note": "-1+1", "mixed": "text"},
        {"note": "\ud800", "mixed": None},
    ]
    for number, config in enumerate(configs):
        with LogWriter(root / f"{number}" / "run.jsonl") as log:
            log.write("start", run=f"@{number}", sweep=EVIL, model="classifier", dataset="+1", config=config, seed=-1)
            for epoch in range(1, number + 1):
                log.write("epoch", epoch=epoch, val_acc=epoch / 3, val_loss=float("nan") if epoch == 2 else -epoch)
            log.write("end", status=("failed", "diverged", "completed")[number], error=EVIL, metrics={})
    return root


def address(path):
    return URL.create("sqlite", database=str(path)).render_as_string()


@pytest.mark.parametrize("experiments", [QUICKSTART, GAN, PUBLISHED], ids=lambda path: path.name)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_holds_what_load_runs_gives(export, form, experiments):
    found = getattr(pd, f"read_{form}")(export(experiments, "--sort", "folder", form=form))
    wanted = load_runs(experiments)
    assert list(found.columns) == list(wanted.columns)
    assert len(found) == len(wanted)
    for name in wanted.columns:
        one, other = found[name], wanted[name]
        if other.dtype.kind == "f":
            np.testing.assert_array_equal(one.astype("float64"), other)  # bit for bit
        else:
            assert one.astype(str).fillna("").tolist() == other.astype(str).fillna("").tolist()


def test_parquet_keeps_the_types(export):
    found = pd.read_parquet(export(QUICKSTART, form="parquet"))
    assert found.dtypes.to_dict() == load_runs(QUICKSTART).dtypes.to_dict()


def test_a_table_is_harmless_to_a_spreadsheet_and_a_terminal(export, strange):
    """F70."""
    text = export(strange, form="csv").read_text("utf-8")
    rows = list(csv.reader(text.splitlines()))
    for cell in (cell for row in rows for cell in row):
        assert cell.isprintable()
        assert not cell.startswith(("=", "+", "@", "\t", "\r")), cell
        assert not cell.startswith("-") or float(cell) < 0
    assert rows[1][0].startswith("'=cmd|")
    assert len(rows) == 1 + 1 + 1 + 2
    assert all(len(row) == len(rows[0]) for row in rows)


def test_a_column_of_mixed_types_is_text_in_parquet(export, strange):
    found = pd.read_parquet(export(strange, form="parquet")).sort_values("run")
    assert found["config.mixed"].tolist()[:2] == ["0.5", "text"]
    assert found["val_acc"].isna().tolist() == [True, False, False, False]
    assert found["sweep"].iloc[0] == EVIL


def test_tensorboard_reads_each_metric_by_epoch_and_the_hyperparameters(export):
    folder = export(GAN, "--where", "seed == 0", form="tensorboard")
    runs = [run for run in read_runs(GAN)[0] if run.seed == 0]
    assert sorted(path.name for path in (folder / "gan_lr").iterdir()) == sorted(run.id for run in runs)
    for run in runs[:3]:
        read = EventAccumulator(str(folder / "gan_lr" / run.id)).Reload()
        for name in run.digest.metrics:
            logged = [(line["epoch"], np.float32(line[name])) for line in run.epochs]
            assert [(each.step, np.float32(each.value)) for each in read.Scalars(name)] == logged
        wall_time = datetime.fromisoformat(run.epochs[-1]["time"]).timestamp()
        assert read.Scalars("fid")[-1].wall_time == pytest.approx(wall_time, abs=0.01)
        (score,) = read.Scalars("test_fid")
        assert score.value == pytest.approx(run.summary()["test_fid"])
        metadata = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        given = plugin_data_pb2.HParamsPluginData.FromString(metadata).session_start_info.hparams
        assert given["learning_rate"].number_value == run.config["learning_rate"]
        assert given["hidden"].string_value == "200-400"


@pytest.mark.slow
def test_optuna_reads_every_run_as_a_trial_and_finds_the_same_best(export):
    storage = address(export(PUBLISHED, form="optuna"))
    names = optuna.get_all_study_names(storage)
    assert {name.split(", ")[0] for name in names} == {path.name for path in PUBLISHED.iterdir() if path.is_dir()}
    assert len(names) == len({(run.sweep, run.dataset) for run in read_runs(PUBLISHED)[0]})
    for sweep in (QUICKSTART, GAN):
        study = optuna.load_study(study_name=sweep.name, storage=storage)
        runs = {run.id: run for run in read_runs(sweep)[0]}
        assert study.direction.name.lower() == next(iter(runs.values())).objective.direction
        assert {trial.user_attrs["run"] for trial in study.trials} == set(runs)
        for trial in study.trials:
            run = runs[trial.user_attrs["run"]]
            metric = run.objective
            assert trial.state == TrialState.COMPLETE
            assert trial.value == run.value(metric).value
            assert trial.intermediate_values == {line["epoch"]: line[metric.name] for line in run.epochs}
            assert trial.params["learning_rate"] == run.config["learning_rate"]
            assert json.loads(trial.user_attrs["config"]) == run.config
            assert trial.user_attrs["seed"] == run.seed
            assert (trial.datetime_complete - trial.datetime_start).total_seconds() == pytest.approx(
                run.training_seconds, rel=0.9
            )
        best = (max if study.direction.name == "MAXIMIZE" else min)(study.trials, key=lambda each: each.value)
        assert study.best_value == best.value


def test_runs_that_did_not_come_to_their_end_are_failed_trials(export, strange):
    storage = address(export(strange, form="optuna"))
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    states = {trial.user_attrs["status"]: trial.state for trial in study.trials}
    assert states == {"failed": TrialState.FAIL, "diverged": TrialState.FAIL, "completed": TrialState.COMPLETE}


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_overwritten_and_nothing_half_made_stays(export, ask, form, tmp_path):
    out = export(QUICKSTART, "--top", 2, form=form)
    known = sorted(path.name for path in out.parent.iterdir())
    assert known == ["out"]
    again = ask("export", QUICKSTART, "--to", form, "--out", out, code=2)
    assert "exists, and is never overwritten" in again.stderr
    nowhere = ask("export", QUICKSTART, "--to", form, "--out", tmp_path / "no" / "where", code=2)
    assert "is no folder" in nowhere.stderr
    assert sorted(path.name for path in out.parent.iterdir()) == known


@pytest.mark.parametrize("form", [form for form in FORMATS if FORMATS[form].library])
def test_a_missing_extra_is_one_sentence_with_the_command_that_installs_it(ask, monkeypatch, tmp_path, form):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    said = ask("export", QUICKSTART, "--to", form, "--out", tmp_path / "out", code=2).stderr
    assert f"pip install 'nnlite[{form}]'" in said
    assert said.count("\n") == 1


def test_a_condition_that_no_run_meets_exports_nothing(ask, tmp_path):
    ask("export", QUICKSTART, "--to", "csv", "--out", tmp_path / "out", "--where", "seed == 99", code=1)
    assert not (tmp_path / "out").exists()


def test_json_says_what_was_written(ask, tmp_path):
    asked = ask("export", QUICKSTART, "--to", "csv", "--out", tmp_path / "o.csv", "--where", "seed == 0", "--json")
    told = json.loads(asked.stdout)
    assert told == {"schema": "nnlite.export/1", "to": "csv", "out": str(tmp_path / "o.csv"), "runs": 8}
