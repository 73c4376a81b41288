"""Every question may be asked of a sweep that is training at this very moment, and disturbs it in nothing."""

import json
import signal

import pytest


@pytest.fixture
def training(spec, tmp_path, nnlite):
    """A sweep that trains for a long time, once each of two trials has an epoch."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 20000")
    process = nnlite("sweep", path, "-j", 2, "--experiments", tmp_path / "e", wait=False)
    while sum(b'"epoch": 2' in log.read_bytes() for log in (tmp_path / "e").rglob("run.jsonl")) < 2:
        assert process.poll() is None
    yield path
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, news = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in news
    assert "busy" not in news


@pytest.mark.slow
def test_questions_are_answered_while_the_runs_grow(training, ask, tmp_path):
    """F31, F47."""
    folder = tmp_path / "e"
    for _ in range(3):
        runs = json.loads(ask("runs", folder, "--json").stdout)["runs"]
        assert [run["status"] for run in runs] == ["running"] * 2
        ids = [run["run"] for run in runs]
        ask("best", "--experiments", folder)
        ask("show", "@last", "--experiments", folder)
        ask("diff", *ids, "--experiments", folder)
        ask("sweep", training, "-n", "--json", "--experiments", folder)
        assert "is being trained" in ask("sweep", training, "--experiments", folder, code=1).stderr
    ask("report", folder, "--out", tmp_path / "r")
    assert "is being written" in ask("verify", ids[0], "--experiments", folder, code=1).stderr
