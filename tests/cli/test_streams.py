"""Where output goes, and the surroundings that must not matter: pipes, locales, missing streams, odd names."""

import os
import shutil
import subprocess
import sys

import pytest

from nnlite.cli.output import answer, answer_table, printable

NNLITE = f"'{sys.executable}' -m nnlite"


@pytest.fixture
def shell(cache, tmp_path):  # noqa: ARG001 - the cache is in the environment
    """Run a command line in bash, in a folder of its own."""

    def call(command, **env):
        return subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],  # noqa: S607
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            check=False,
            timeout=120,
        )

    return call


@pytest.fixture(scope="module")
def many_runs(tmp_path_factory, nnlite, digits_folder):
    """A run, copied as often as it takes to fill a pipe's buffer."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "s.toml").write_text(
        f'name = "s"\nmodel = "classifier"\ndataset = "{digits_folder}"\n'
        "[fixed]\nepochs = 1\nhidden = [4]\nvalidation = 300\n"
    )
    nnlite("train", folder / "s.toml", "--experiments", folder / "e", code=0)
    (log,) = folder.rglob("run.jsonl")
    text = log.read_text("utf-8")
    for copy in range(900):
        target = folder / "e" / "s" / f"{copy:012x}"
        target.mkdir()
        (target / "run.jsonl").write_text(
            text.replace(log.parent.name, target.name).replace('"seed": 0', f'"seed": {copy + 1}'), "utf-8"
        )
    return folder / "e"


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("options", ["", "--json"])
def test_a_reader_that_has_seen_enough_is_no_error(shell, many_runs, options, buffered):
    """F17."""
    done = shell(f"{NNLITE} runs '{many_runs}' {options} | head -1", PYTHONUNBUFFERED=buffered)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_a_sweep_goes_on_when_its_news_have_no_reader(shell, spec):
    """F17."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.2, 0.3]")
    done = shell(f"({NNLITE} sweep '{path}' -j 1 --experiments e 2>&1 >out) | head -1")
    assert done.returncode == 0
    assert shell("cat out").stdout == b"3 of 3 trials done in e/tiny\n"


def test_without_a_terminal_there_are_no_control_codes(shell, spec):
    for env in ({"NO_COLOR": "1"}, {"COLUMNS": "0"}):
        done = shell(f"{NNLITE} sweep '{spec()}' --experiments e && {NNLITE} sweep '{spec()}' -n", **env)
        assert done.returncode == 0
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"\r" not in done.stdout + done.stderr


def test_an_ascii_locale_prints_escapes_instead_of_failing(shell, spec, tmp_path):
    """F51."""
    path = spec(path=tmp_path / "é.toml")
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    done = shell(f"{NNLITE} sweep '{path}' --experiments 'é' && {NNLITE} runs 'é' && {NNLITE} sweep nö.toml", **plain)
    assert done.returncode == 2
    assert b"1 of 1 trials done" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_not_matter(shell, spec, tmp_path, closed):
    """F52: the number of a closed stream would go to the next file that is opened, the log."""
    done = shell(f"{NNLITE} sweep '{spec()}' --experiments e {closed}")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    for line in next(tmp_path.rglob("run.jsonl")).read_bytes().splitlines():
        assert line.startswith(b'{"event"')


def test_neither_a_home_nor_a_terminal_is_needed(spec, nnlite, tmp_path):
    """F52."""
    bare = {name: value for name, value in os.environ.items() if name.startswith("NNLITE")}
    done = subprocess.run(
        [sys.executable, "-m", "nnlite", "sweep", str(spec()), "--experiments", str(tmp_path)],
        env=bare,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert nnlite


@pytest.mark.parametrize("name", ["a b", "it's", '"q"', "é", "new\nline", "-x", "%s", "[red]"])
def test_odd_names_of_folders_work(spec, ask, tmp_path, name):
    """F53."""
    folder = tmp_path / name
    folder.mkdir()
    done = ask("sweep", spec(path=folder / "spec.toml"), "--experiments", folder / "e")
    assert done.stdout.startswith("1 of 1 trials done")
    assert "tiny" in ask("runs", folder / "e").stdout


def test_a_current_folder_that_was_deleted_is_one_sentence_or_no_matter(shell, spec, tmp_path):
    """F53."""
    (tmp_path / "gone").mkdir()
    done = shell(f"cd gone && rmdir ../gone && {NNLITE} sweep '{spec()}' --experiments '{tmp_path}/e'")
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr


def test_a_file_in_the_current_folder_shadows_no_module(shell, spec, tmp_path):
    """F54: for the console script, whose path has no current folder."""
    for name in ("random.py", "numpy.py", "nnlite.py"):
        (tmp_path / name).write_text("raise RuntimeError('shadowed')")
    script = shutil.which("nnlite") or f"{os.path.dirname(sys.executable)}/nnlite"  # noqa: PTH120
    done = shell(f"'{script}' sweep '{spec()}' -j 2 --experiments e")
    assert done.returncode == 0, done.stderr


def test_terminal_escapes_are_shown_and_not_sent(capsys):
    """F70."""
    evil = "\x1b]0;x\x07\x9b2J\u202e[bold]"
    answer(evil)
    answer_table(["a"], [[evil]], title=None)
    output = capsys.readouterr().out
    assert output.count(r"\x1b]0;x\x07\x9b2J\u202e[bold]") == 2
    assert printable(output) == output


def test_escapes_in_a_log_do_not_reach_the_terminal(ask, many_runs, tmp_path):
    """F70."""
    source = next(many_runs.rglob("run.jsonl"))
    target = tmp_path / "e" / "s" / "x"
    target.mkdir(parents=True)
    text = source.read_text("utf-8").replace('"sweep": "s"', r'"sweep": "\u001b]0;owned\u0007"')
    (target / "run.jsonl").write_text(text, "utf-8")
    for command in (["runs", tmp_path / "e"], ["best", "--experiments", tmp_path / "e"]):
        done = ask(*command)
        assert "owned" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("module", ["nnlite.cli.app", "nnlite.cli.tabulating"])
def test_ctrl_c_is_quiet_while_the_command_line_loads(nnlite, tmp_path, module):
    """F10: pressed while the command line, or the command, is imported, which takes the best part of a second."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored\n"
        "def audit(event, arguments):\n"
        f"    if event == 'import' and arguments[0] == '{module}':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(audit)\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = nnlite("runs", tmp_path, env={"PYTHONPATH": path}, code=130)
    assert (done.stdout, done.stderr) == ("", "")


def test_an_error_is_one_line_that_a_long_word_cannot_make_a_page(ask, tmp_path):
    word = "\n".join(["x" * 900] * 20)
    said = ask("train", tmp_path / "none.toml", "-S", word, code=2).stderr
    assert said.count("\n") == 1
    said = ask("show", word, "--experiments", tmp_path, code=2).stderr
    assert said.count("\n") == 1
    assert len(said) < 2000
