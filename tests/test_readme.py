"""The README keeps what it promises: its code runs, its links lead somewhere, and it leaves nothing out."""

import re
import tomllib
from pathlib import Path

import pytest
import typer

from nnlite.cli.app import application
from nnlite.models import HYPERPARAMETERS
from nnlite.sweep import expand, load_sweep
from nnlite.sweep.tables import LimitsTable, ObjectiveTable, SearchTable, SweepTable

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.strip().splitlines()[-1][:30])
def test_every_python_example_runs(code, monkeypatch):
    monkeypatch.chdir(ROOT)
    namespace = {}
    exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102 - our own README
    assert len(namespace) > 1


def test_the_program_in_the_readme_is_the_one_that_its_example_prints(capsys):
    (code,) = (each for each in blocks("python") if "@nn.traced" in each)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - our own README
    shown = re.search(r"<!-- program -->\n```\n(.*?)```", README, re.DOTALL).group(1)
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target):
    assert target.startswith("https://") or (ROOT / target).exists()


@pytest.mark.parametrize("text", blocks("toml"), ids=lambda text: text.splitlines()[0].split('"')[1])
def test_every_sweep_file_in_the_readme_can_be_planned(tmp_path, digits, text):
    path = tmp_path / "readme.toml"
    path.write_text(text, "utf-8")
    said = []
    assert len(expand(load_sweep(path, ["validation=300"]), digits, said.append)) > 10
    assert [sentence for sentence in said if "require" not in sentence] == []


def test_the_sweep_files_in_the_readme_have_every_table_and_key():
    complete, several = blocks("toml")
    table = tomllib.loads(complete)
    assert table.keys() | tomllib.loads(several).keys() == SweepTable.model_fields.keys()
    assert table["limits"].keys() == LimitsTable.model_fields.keys()
    assert table["objective"].keys() == ObjectiveTable.model_fields.keys()
    assert SearchTable.model_fields.keys() - table["search"].keys() == {"generation", "learn_from"}, "options of tpe"


def test_every_command_is_documented():
    commands = typer.main.get_command(application()).commands
    assert commands
    for name in commands:
        assert f"`nnlite {name}" in README, f"the README does not mention `nnlite {name}`"


def test_every_hyperparameter_is_documented_with_its_default():
    table = README[README.index("### Hyperparameters") : README.index("## Runs")]
    for fields in HYPERPARAMETERS.values():
        for name, field in fields.model_fields.items():
            assert f"| `{name}` |" in table
            assert field.description in table


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.toml")), ids=lambda path: path.stem)
def test_every_published_sweep_file_is_valid_and_named_after_itself(path):
    assert load_sweep(path).name == path.stem
