"""What a person sees while a sweep trains."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from nnlite.runs import LogWriter
from nnlite.sweep.display import PlainDisplay, Tally
from nnlite.sweep.runner import Plan
from nnlite.sweep.worker import Outcome

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def plan(trial, tmp_path):
    trials = [trial(seed=seed, epochs=10) for seed in range(3)]
    return Plan(trials, tmp_path / "tiny", [], trials)


def log_epochs(plan, trial, count):
    with LogWriter(plan.run_folder(trial).log) as log:
        log.write("start", config={})
        for epoch in range(1, count + 1):
            log.write("epoch", epoch=epoch, val_acc=epoch / 100)


def test_the_time_left_is_told_from_the_epochs_trained_so_far(plan):
    log_epochs(plan, plan.trials[0], 4)  # an earlier call's
    tally = Tally(plan)
    assert tally.seconds_left() is None
    tally.started -= 12
    for trial in plan.trials[:2]:
        tally.start(trial, plan.run_folder(trial))
    log_epochs(plan, plan.trials[1], 3)
    assert tally.seconds_left() == pytest.approx(12 / 3 * (6 + 7 + 10), rel=0.1)
    tally.end(plan.trials[0], Outcome("failed", "oh"))
    assert tally.seconds_left() == pytest.approx(12 / 9 * (7 + 10), rel=0.1)
    assert tally.summary().startswith("0 done, 1 running, 1 failed, 23 s left")


def test_a_trial_that_is_busy_elsewhere_is_counted_as_that(plan):
    tally = Tally(plan)
    tally.start(plan.trials[0], plan.run_folder(plan.trials[0]))
    tally.end(plan.trials[0], Outcome("busy", "another process is training it"))
    assert "1 busy" in tally.summary()


def test_more_epochs_than_a_lowered_budget_are_no_negative_time(trial, tmp_path):
    plan = Plan([trial(epochs=2)], tmp_path, [], [trial(epochs=2)])
    log_epochs(plan, plan.trials[0], 9)
    tally = Tally(plan)
    tally.start(plan.trials[0], plan.run_folder(plan.trials[0]))
    assert tally.seconds_left() in (None, 0)


def test_a_plain_display_writes_a_line_for_each_trial_that_ends(plan):
    lines = []
    display = PlainDisplay(plan, lines.append)
    log_epochs(plan, plan.trials[0], 10)
    with display:
        for trial, outcome in zip(plan.trials, (Outcome("completed"), Outcome("failed", "oh")), strict=False):
            display.started(trial, plan.run_folder(trial))
            display.refresh()
            display.ended(trial, plan.run_folder(trial), outcome)
    assert [line.split(" | ")[0].split(": ", 1)[1] for line in lines] == ["val_acc 10.00 % (epoch 10)", "failed: oh"]


def on_terminal(arguments, until=None, close=False):
    """Run nnlite in a pseudo-terminal: its process, and what it drew."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nnlite", *map(str, arguments)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(terminal)
    drawn, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            drawn += os.read(master, 1 << 16)
        except OSError:  # the terminal's other side is gone
            break
        if until and until in drawn:
            if close:
                os.close(master)
                os.killpg(process.pid, signal.SIGHUP)  # as the kernel does for a terminal's own session
                master = None
                break
            os.killpg(process.pid, signal.SIGINT)
            until = None
    process.wait(10)
    if master is not None:
        os.close(master)
    return process.returncode, drawn.decode()


def test_a_terminal_shows_running_trials_and_keeps_a_line_of_each_that_ended(spec, tmp_path):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 60")
    code, drawn = on_terminal(["sweep", path, "-j", 1, "--experiments", tmp_path])
    text = CONTROL.sub("", drawn)
    assert code == 0
    assert "learning_rate=0.1 seed=0" in text
    assert re.search(r"\d+/60", text), "epochs of a running trial"
    assert len(re.findall(r"val_acc \d+\.\d\d %", text)) >= 2
    assert "images/s" in text
    assert "2 of 2 trials done" in text


def test_ctrl_c_in_a_terminal_leaves_it_in_order(spec, tmp_path):
    """F10."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 20000")
    code, drawn = on_terminal(["sweep", path, "-j", 2, "--experiments", tmp_path], until=b"images/s")
    assert code == 130
    assert "Traceback" not in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l"), "the cursor is visible again"


def test_a_terminal_that_is_closed_ends_the_sweep_in_order(spec, tmp_path):
    """F14."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 20000")
    code, _ = on_terminal(["sweep", path, "-j", 2, "--experiments", tmp_path], until=b"images/s", close=True)
    assert code == 129
    for log in tmp_path.rglob("run.jsonl"):
        assert b'"interrupted"' in log.read_bytes()
