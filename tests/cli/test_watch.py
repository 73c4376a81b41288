"""`nnlite runs --watch`, from another terminal than the sweep's."""

import signal

import pytest


@pytest.fixture
def training(spec, tmp_path, nnlite):
    """A sweep that trains for a long time."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 20000")
    process = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path / "e", wait=False)
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130, "watching did not disturb it"


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_terminal_shows_what_trains_elsewhere_until_a_signal(training, tmp_path, terminal, signum, code):
    (tmp_path / "e").mkdir(exist_ok=True)
    seen = terminal("runs", "--watch", tmp_path / "e").read(until="at least")
    seen.read(until="2 running").read(until="/20000", times=2)
    assert training.poll() is None
    assert seen.signal(signum).end() == code
    assert not seen.screen.cursor.hidden
    assert not any("Traceback" in line for line in seen.rows)


def test_without_a_terminal_there_are_plain_lines(training, tmp_path, nnlite):
    (tmp_path / "e").mkdir(exist_ok=True)
    process = nnlite("runs", "-w", tmp_path / "e", wait=False)
    line = process.stderr.readline()
    assert training.poll() is None
    process.send_signal(signal.SIGINT)
    output, news = process.communicate(timeout=120)
    assert process.returncode == 130
    assert output == ""
    assert "\x1b" not in line + news
    assert "\r" not in line + news
    assert "running" in line + news


def test_watching_and_one_document_exclude_each_other(ask, tmp_path):
    assert "--watch" in ask("runs", tmp_path, "--watch", "--json", code=2).stderr


def test_a_folder_that_is_not_there_cannot_be_watched(ask, tmp_path):
    assert "no such folder" in ask("runs", tmp_path / "nowhere", "--watch", code=2).stderr
