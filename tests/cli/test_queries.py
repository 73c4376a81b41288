"""Queries at the command line: `runs`, `best`, `show`, `diff` and `init`, over the published runs and made-up ones."""

import ast
import csv
import io
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from nnlite.sweep import expand, load_sweep
from nnlite.sweep.starter import starter

PUBLISHED = Path(__file__).parents[2] / "experiments"
QUICKSTART = PUBLISHED / "quickstart"
EVIL = '=cmd|" /C calc"!A0\x1b]0;owned\x07 <b>|\n# x\u202e'


def document(text, schema):
    found = json.loads(text)
    assert found["schema"] == schema
    return found


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_runs_are_chosen_sorted_and_shown_as_asked(ask):
    done = ask("runs", QUICKSTART, "--where", "val_acc > 0.9 and hidden == [128]", "--sort", "val_loss", "--top", 3)
    header, *lines = done.stdout.splitlines()
    assert header.split()[-2:] == ["objective", "val_loss"]
    assert len(lines) == 3
    losses = [float(line.split()[-1]) for line in lines]
    assert losses == sorted(losses)


def test_columns_choose_what_is_shown(ask):
    shown = ask("runs", QUICKSTART, "--columns", "run,learning_rate,val_acc", "--sort", "run").stdout.splitlines()
    assert shown[0].split() == ["run", "learning_rate", "val_acc"]
    assert re.fullmatch(r"027e92c2e84e +\S+ +93.4\d %", shown[1])


def test_json_is_nested_and_csv_is_flat_and_both_are_in_full_precision(ask):
    asked = ["runs", QUICKSTART, "--columns", "run,learning_rate,hidden,val_loss,epochs", "--sort", "run", "--top", 2]
    (first, _) = document(ask(*asked, "--json").stdout, "nnlite.runs/1")["runs"]
    assert first.keys() == {"run", "config", "metrics", "epochs"}
    (row, _) = rows_of(ask(*asked, "-f", "csv").stdout)
    assert row.keys() == {"run", "config.learning_rate", "config.hidden", "val_loss", "epochs"}
    assert float(row["val_loss"]) == first["metrics"]["val_loss"]
    assert json.loads(row["config.hidden"]) == first["config"]["hidden"]
    assert len(row["val_loss"]) > 10


def test_csv_has_all_hyperparameters_unless_columns_are_named(ask):
    rows = rows_of(ask("runs", PUBLISHED, "-f", "csv").stdout)
    assert len(rows) == len(list(PUBLISHED.rglob("run.jsonl")))
    assert {"run", "objective", "metric", "config.learning_rate", "config.discriminator_skip"} <= rows[0].keys()
    assert [row["config.discriminator_skip"] == "" for row in rows] == [row["model"] != "gan" for row in rows]


def test_markdown_is_a_table_of_github(ask):
    header, rule, *rows = ask("runs", QUICKSTART, "-f", "markdown", "--top", 2).stdout.splitlines()
    assert header.startswith("| sweep | run | trial |")
    assert rule == "| --- | --- | --- | ---: | --- | ---: | --- |"
    assert len(rows) == 2


@pytest.mark.parametrize("command", [["runs", QUICKSTART], ["best", "--experiments", QUICKSTART]])
def test_nothing_found_is_exit_code_1_and_still_a_document(ask, command):
    condition = ["--where", "optimizer == 'sdg'"]
    nothing = ask(*command, *condition, code=1)
    assert nothing.stdout == ""
    assert "none of the 24 runs" in nothing.stderr
    assert "none has optimizer 'sdg'; did you mean 'sgd'?" in nothing.stderr
    found = document(ask(*command, *condition, "--json", code=1).stdout, f"nnlite.{command[0]}/1")
    assert found[command[0]] == []
    assert ask("runs", QUICKSTART, *condition, "-f", "csv", code=1).stdout.startswith("sweep,run,")


def test_an_empty_folder_is_still_a_document(ask, tmp_path):
    for command in (["runs", tmp_path], ["best", "--experiments", tmp_path]):
        assert document(ask(*command, "--json", code=1).stdout, f"nnlite.{command[0]}/1")[command[0]] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", QUICKSTART, "--where", "val_ac > 1"],
        ["runs", QUICKSTART, "--sort", "val_ac"],
        ["runs", QUICKSTART, "--columns", "run,val_ac"],
        ["best", "--experiments", QUICKSTART, "--where", "val_ac > 1"],
        ["best", "--experiments", QUICKSTART, "--sort", "val_ac"],
        ["best", "--experiments", QUICKSTART, "--columns", "val_ac"],
        ["diff", "--experiments", QUICKSTART, "--where", "val_ac > 1"],
        ["diff", "--experiments", QUICKSTART, "--top", "2", "--columns", "val_ac"],
        ["show", "@best", "--experiments", QUICKSTART, "--metric", "val_ac"],
        ["show", "@best", "--experiments", QUICKSTART, "--where", "val_ac > 1"],
        ["show", "@best", "--experiments", QUICKSTART, "--columns", "val_ac"],
        ["show", "@best", "--experiments", QUICKSTART, "--sort", "val_ac"],
    ],
    ids=lambda arguments: " ".join(str(each) for each in arguments if "/" not in str(each)),
)
def test_a_misspelt_name_is_one_sentence_with_the_nearest_one(ask, arguments):
    refused = ask(*arguments, code=2)
    assert "did you mean 'val_acc'?" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", QUICKSTART, "--json", "-f", "csv"],
        ["runs", QUICKSTART, "-f", "xml"],
        ["runs", QUICKSTART, "--top", "0"],
        ["runs", QUICKSTART, "--columns", ","],
        ["runs", QUICKSTART, "--where", "run.to_csv('canary')"],
        ["diff", "--experiments", QUICKSTART],
        ["diff", "@best", "--experiments", QUICKSTART],
        ["show", "zzz", "--experiments", QUICKSTART],
        ["init", "no/such/folder/x.toml"],
        ["init", "x.toml", "--model", "transformer"],
    ],
    ids=lambda arguments: " ".join(str(each) for each in arguments if str(each) != str(QUICKSTART)),
)
def test_a_wrong_question_is_one_sentence(ask, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = ask(*arguments, code=2)
    assert refused.stderr.startswith("nnlite: ")
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_best_ranks_only_what_was_asked_for(ask):
    narrow = ask("best", "--experiments", QUICKSTART, "--where", "hidden == [16]", "--json")
    (found,) = document(narrow.stdout, "nnlite.best/1")["best"]
    assert found["parameters"]["hidden"] == [16]


def test_best_lists_the_first_of_each_sweep(ask):
    """Configurations by their means, each by its best seed; what was trained on other images is on its own."""
    listed = json.loads(ask("best", "--experiments", PUBLISHED, "--top", 2, "--json").stdout)["best"]
    published = sorted(folder.name for folder in PUBLISHED.iterdir() if folder.is_dir())
    by_sweep = {name: [each for each in listed if each["sweep"] == name] for name in published}
    assert [each["sweep"] for each in listed] == [name for name in published for _ in by_sweep[name]]
    assert all(by_sweep.values())
    compared = {(each["sweep"], each["dataset"]): [] for each in listed}
    for each in listed:
        compared[each["sweep"], each["dataset"]].append(each)
    for first, *others in compared.values():
        for second in others:
            means = first["configuration"]["mean"], second["configuration"]["mean"]
            assert means[0] < means[1] if first["metric"] == "fid" else means[0] > means[1]
    assert len(listed) > len(compared) > len(published)
    rows = rows_of(ask("best", "--experiments", PUBLISHED, "--top", 2, "-f", "csv").stdout)
    assert [row["run"] for row in rows] == [each["run"] for each in listed]


@pytest.mark.parametrize("shape", ["table", "json", "csv"])
def test_best_warns_of_what_cannot_be_compared_once_a_sweep(ask, shape):
    asked = ["best", "--experiments", PUBLISHED / "gan_lr", "--metric", "discriminator_loss", "--top", 2, "-f", shape]
    (warning,) = ask(*asked).stderr.splitlines()
    assert warning.startswith("warning: gan_lr: The discriminator loss is measured against an opponent")


def test_show_tells_all_about_a_run(ask):
    page = ask("show", "d01cc", "--experiments", PUBLISHED).stdout
    for part in (
        "gan_lr/d01cc9fa2358: gan on mnist, seed 0",
        "fid, logarithmic",
        "⠤⠤ generator_loss, ⠄⠄ discriminator_loss",
        "beside the defaults\n  epochs              20  (default 10)\n  learning_rate       0.001  (default 0.0005)\n",
        "  discriminator_skip  3  (default 0)\n",
        "started\n",
        "completed after 20 epochs",
        "run.jsonl  ",
        "environment",
        "repeat it: nnlite train ",
    ):
        assert part in page
    assert re.search(r"\nfid +5.597 +20 +5.597\n", page)
    assert "\x1b" not in page
    assert max(map(len, page.split("metric ")[0].splitlines())) <= 80


def test_show_draws_the_metric_that_was_asked_for(ask):
    page = ask("show", "7b009", "--experiments", PUBLISHED / "gan_lr", "--metric", "label_entropy").stdout
    assert "\nlabel_entropy\n" in page
    assert "fid, logarithmic" not in page


def test_show_lists_epochs_if_it_is_asked_for_them(ask):
    asked = ["show", "7b009", "--experiments", PUBLISHED / "gan_lr", "--where", "fid < 10", "--sort", "fid", "--top", 2]
    rows = rows_of(ask(*asked, "--columns", "epoch,fid", "-f", "csv").stdout)
    assert rows[0]["epoch"] == "19"
    assert float(rows[0]["fid"]) < float(rows[1]["fid"]) < 10
    assert ask(*asked).stdout.split()[:2] == ["epoch", "generator_loss"]
    found = document(ask(*asked, "--json").stdout, "nnlite.show/1")
    assert len(found["epochs"]) == 2
    assert found["metrics"]["fid"]["best"]["epoch"] == 19
    assert found["config"]["discriminator_skip"] == 0
    assert {each["name"] for each in found["changed"]} == {"epochs", "learning_rate"}
    assert (
        "none of the 20 epochs"
        in ask("show", "7b009", "--experiments", PUBLISHED / "gan_lr", "--where", "fid < 1", code=1).stderr
    )


def test_diff_shows_what_differs(ask):
    told = ask("diff", "aebb", "d948", "--experiments", PUBLISHED).stdout
    assert re.search(r"seed +2 +1", told)
    assert re.search(r"val_acc, best +9\d\.\d\d % \(epoch \d\) +9\d\.\d\d % \(epoch \d\)", told)
    assert "aebb4729130e and d948b3965ed3 differ from epoch 1 on: train_loss is 0." in told
    assert "learning_rate" not in told
    found = document(ask("diff", "aebb", "d948", "--experiments", PUBLISHED, "--json").stdout, "nnlite.diff/1")
    assert found["facts"]["seed"] == [2, 1]
    assert found["config"] == {}
    assert found["first_differences"][0]["epoch"] == 1


def test_a_run_does_not_differ_from_its_copy(ask, tmp_path):
    shutil.copytree(QUICKSTART / "aebb4729130e", tmp_path / "copy")
    told = ask("diff", QUICKSTART / "aebb4729130e", tmp_path / "copy").stdout
    assert told == "aebb4729130e and aebb4729130e have the same numbers in 5 epochs\n"


def test_diff_chooses_runs_by_a_condition(ask):
    asked = [
        "diff",
        "--experiments",
        PUBLISHED,
        "--where",
        "sweep == 'gan_lr' and seed == 0",
        "--sort",
        "fid",
        "--top",
        3,
    ]
    (row, *_) = rows_of(ask(*asked, "--columns", "learning_rate,fid", "-f", "csv").stdout)
    assert list(row.items())[:2] == [("name", "config.learning_rate"), ("d01cc9fa2358", "0.001")]
    assert len(row) == 4
    nothing = ask("diff", "--experiments", QUICKSTART, "--where", "seed == 99", "--json", code=1)
    assert document(nothing.stdout, "nnlite.diff/1")["runs"] == []
    assert "too few to compare" in ask("diff", "--experiments", PUBLISHED, "--where", "seed == 99", code=1).stderr


@pytest.fixture
def hostile(tmp_path):
    """A run whose names and error are chosen by an enemy."""
    folder = tmp_path / "experiments" / "s" / "r"
    shutil.copytree(QUICKSTART / "aebb4729130e", folder)
    start, *lines = (folder / "run.jsonl").read_text("utf-8").splitlines()
    event = json.loads(start) | {"sweep": EVIL, "dataset": EVIL, "host": EVIL}
    event["config"] |= {"hidden": 1, "optimizer": EVIL, EVIL: EVIL}
    end = json.loads(lines[-1]) | {"status": "failed", "error": EVIL}
    (folder / "run.jsonl").write_text(
        "\n".join(map(json.dumps, [event, *(json.loads(line) for line in lines[:-1]), end])) + "\n"
    )
    return tmp_path / "experiments"


@pytest.mark.parametrize("shape", ["table", "csv", "markdown", "json"])
def test_what_an_enemy_wrote_steers_no_terminal_and_is_no_formula(ask, hostile, shape):
    """F70."""
    columns = "run,sweep,error,host,optimizer,val_acc"
    for command in (
        ["runs", hostile, "--columns", columns],
        ["runs", hostile],
        ["show", "@last", "--experiments", hostile],
        ["diff", hostile / "s/r", QUICKSTART / "aebb4729130e"],
    ):
        text = ask(*command, "-f", shape).stdout
        assert not set(text) & {"\x1b", "\x07", "\u202e"}
        if shape == "csv":
            assert all(not cell.startswith("=") for row in csv.reader(io.StringIO(text)) for cell in row)
        if shape == "markdown":
            assert all(line.startswith("| ") for line in text.splitlines())
            assert "<b>" not in text
        if shape == "table" and command[0] == "runs":
            assert len(text.splitlines()) == 2


@pytest.mark.parametrize("model", ["classifier", "gan"])
def test_init_writes_a_sweep_file_that_can_be_planned(ask, tmp_path, digits, model):
    path = tmp_path / "my first sweep!.toml"
    assert str(path) in ask("init", path, "--model", model).stdout
    sweep = load_sweep(path, ["validation=300"])
    assert (sweep.name, sweep.model) == ("my_first_sweep", model)
    assert len(expand(sweep, digits, lambda _: None)) == {"classifier": 18, "gan": 12}[model]


def test_init_never_overwrites(ask, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("mine")
    assert "never overwritten" in ask("init", path, code=2).stderr
    assert path.read_text() == "mine"


@pytest.mark.parametrize("model", ["classifier", "gan"])
def test_every_comment_of_the_written_file_holds_when_it_is_taken_out(tmp_path, model):
    text = starter("x", model)
    path = tmp_path / "x.toml"
    text = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    for name in ("momentum", "weight_decay"):  # a hyperparameter stands in one table alone
        text = re.sub(rf"^{name} = 0.0.*\n", "", text, flags=re.MULTILINE)
    path.write_text(text, "utf-8")
    table = tomllib.loads(path.read_text("utf-8"))
    assert {"objective", "search", "pruning", "limits"} <= table.keys()
    sweep = load_sweep(path, ["validation=300"])
    assert sweep.spaces[0].search.trials == table["search"]["trials"]
    assert sweep.fixed["validation"] == 300


def test_the_story_of_a_killed_run_says_so(ask, tmp_path):
    lines = (QUICKSTART / "aebb4729130e/run.jsonl").read_text("utf-8").splitlines()
    resume = '{"event": "resume", "time": "2026-11-24T00:00:00.000Z", "epoch": 2, "epochs": 5}'
    (tmp_path / "run.jsonl").write_text("\n".join([*lines[:4], resume, lines[3], lines[4]]) + "\n", "utf-8")
    told = ask("show", tmp_path).stdout
    assert "interrupted, 4 of 5 epochs" in told
    assert "started, and was killed\n" in told
    assert "2026-11-24 00:00:00  resumed after epoch 2, and was killed\n" in told


@pytest.fixture
def terminal(monkeypatch):
    """Answer as on a terminal of so many columns."""

    def of(width):
        for module in ("output", "showing"):
            monkeypatch.setattr(f"nnlite.cli.{module}.terminal_width", lambda: width)

    return of


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize(
    "command",
    [
        ["runs", PUBLISHED, "--top", 9],
        ["diff", "7b009", "d01c", "87a7", "--experiments", PUBLISHED / "gan_lr"],
        ["show", "7b009", "--experiments", PUBLISHED / "gan_lr"],
    ],
    ids=lambda command: command[0],
)
def test_answers_fit_the_terminal(ask, terminal, command, width):
    terminal(width)
    text = ask(*command).stdout
    drawn = re.split(r"\nhistory|\n7b009fcfa8cf and", text)[0].split("epochs in 2 min")[-1]  # the rest is sentences
    for line in drawn.splitlines():
        assert len(line) <= width
    shown = ask("runs", PUBLISHED, "--top", 9, "--columns", "run", "-f", "csv").stdout.split()[1:]
    ids = shown if command[0] == "runs" else ["7b009fcf"]
    assert all(each in text for each in ids)  # an id is never torn


def test_a_narrow_terminal_gets_a_block_for_each_run(ask, terminal):
    terminal(40)
    blocks = ask("runs", QUICKSTART, "--top", 2).stdout.strip().split("\n\n")
    assert [block.split()[:2] for block in blocks] == [["sweep", "quickstart"]] * 2
    terminal(80)
    assert len(ask("runs", QUICKSTART, "--columns", "run,seed", "--top", 2).stdout.splitlines()) == 3


def test_where_braille_cannot_be_shown_the_plot_is_ascii(nnlite):
    page = nnlite(
        "show", "7b009", "--experiments", PUBLISHED / "gan_lr", env={"PYTHONIOENCODING": "ascii"}, code=0
    ).stdout
    assert page.isascii()
    assert "* generator_loss, o discriminator_loss" in page
    assert "\\u" not in page


def test_the_program_of_a_runs_step_is_printed_and_can_be_read_by_python(ask):
    told = ask("show", QUICKSTART / "aebb4729130e", "--program").stdout
    tree = ast.parse(told)
    (step,) = (each for each in tree.body if isinstance(each, ast.FunctionDef))
    assert [each.arg for each in step.args.args] == ["images", "labels"]
    assert "np.matmul(" in told
    assert "# softmax_cross_entropy, backwards" in told
    document = json.loads(ask("show", QUICKSTART / "aebb4729130e", "--program", "--json").stdout)
    assert document == {"schema": "nnlite.program/1", "run": "aebb4729130e", "program": document["program"]}
    assert document["program"].rstrip() == told.rstrip()
