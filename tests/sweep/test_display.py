"""What a person sees while a sweep trains, in a pipe and in a terminal."""

import json
import re
import signal
import time

import numpy as np
import psutil
import pytest

from nnlite.nn import save_arrays
from nnlite.runs import LogWriter, read_run
from nnlite.sweep.display import SweepDisplay
from nnlite.sweep.display.listener import Tally
from nnlite.sweep.display.screens import PlainScreen
from nnlite.sweep.plan import Plan
from nnlite.sweep.pruning import AsynchronousHalving, Halving, Pruned
from nnlite.sweep.strategy import Everything, Task
from nnlite.sweep.worker import Outcome


@pytest.fixture
def plan(trial, tmp_path):
    return plan_of([trial(seed=seed, epochs=10) for seed in range(3)], tmp_path)


def plan_of(trials, tmp_path, done=()):
    tasks = [Task(trial, trial.config.epochs) for trial in trials]
    ends = {trial.id: Outcome("completed") for trial in done}
    return Plan([*done, *trials], tmp_path / "tiny", list(done), trials, Everything(trials), tasks, ends)


def log_epochs(plan, trial, count, status=None, seconds=2.0):
    """Log so many epochs of `trial`, the last of them now."""
    began = time.time() - count * seconds
    with LogWriter(plan.run_folder(trial).log) as log:
        log.write("start", config={"epochs": trial.config.epochs}, time=moment(began))
        for epoch in range(1, count + 1):
            log.write("epoch", epoch=epoch, val_acc=epoch / 100, time=moment(began + epoch * seconds))
        if status:
            log.write("end", status=status)


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def tally_of(plan):
    tally = Tally(plan)
    tally.plan_generation(plan.tasks)
    return tally


def start(tally, plan, *numbers):
    for number in numbers:
        tally.start(plan.trials[number], plan.run_folder(plan.trials[number]))


def test_the_time_left_is_told_from_the_speed_of_what_trains_and_what_is_left(plan):
    tally = tally_of(plan)
    assert tally.standing().left is None
    start(tally, plan, 0, 1)
    assert tally.standing().left is None
    log_epochs(plan, plan.trials[0], 4)
    log_epochs(plan, plan.trials[1], 7)
    # 12 s and 6 s are left of them; the third starts after the second, and takes 20 s.
    assert tally.standing().left == pytest.approx(6 + 20, abs=0.5)
    assert tally.summary() in ("0 done, 2 running, 1 waiting, 26 s left", "0 done, 2 running, 1 waiting, 25 s left")


def test_work_is_counted_by_epochs_and_what_ended_early_is_none_any_more(plan):
    log_epochs(plan, plan.trials[0], 4)  # an earlier call's
    tally = tally_of(plan)
    assert (tally.standing().epochs, tally.standing().all_epochs) == (0, 6 + 10 + 10)
    start(tally, plan, 0, 1)
    log_epochs(plan, plan.trials[1], 3)
    assert tally.standing().epochs == 3
    tally.end(plan.trials[0], Outcome("failed", "oh"), None)
    assert tally.standing().epochs == 6 + 3
    assert tally.standing().counted() == "0 done, 1 running, 1 waiting, 1 failed"
    start(tally, plan, 0)  # it is tried again
    assert tally.standing().epochs == 3
    assert tally.standing().counted() == "0 done, 2 running, 1 waiting"


def test_a_trial_that_is_busy_elsewhere_is_counted_as_that(plan):
    tally = tally_of(plan)
    start(tally, plan, 0)
    tally.end(plan.trials[0], Outcome("busy", "another process is training it"), None)
    assert "1 busy" in tally.summary()


def test_more_epochs_than_a_lowered_budget_are_no_negative_work(trial, tmp_path):
    plan = plan_of([trial(epochs=2)], tmp_path)
    log_epochs(plan, plan.trials[0], 9)
    tally = tally_of(plan)
    start(tally, plan, 0)
    assert tally.standing().all_epochs == tally.standing().epochs == 0
    assert tally.standing().left in (None, 0)


def test_the_best_may_be_of_an_earlier_call_or_of_a_trial_that_is_training(trial, tmp_path):
    plan = plan_of([trial(seed=1, epochs=10)], tmp_path, done=[trial(seed=0, epochs=10)])
    log_epochs(plan, plan.done[0], 5, "completed")
    tally = tally_of(plan)
    tally.catch_up()
    assert str(tally.standing().best).startswith("val_acc 5.00 % (epoch 5)")
    start(tally, plan, 1)
    log_epochs(plan, plan.pending[0], 8)
    assert str(tally.standing().best).startswith("val_acc 8.00 % (epoch 8)")


def test_a_generation_that_may_have_successors_says_so(plan):
    plan = Plan(plan.trials, plan.folder, [], plan.pending, Pruned(plan.trials, Halving()), plan.tasks)
    tally = tally_of(plan)
    log_epochs(plan, plan.trials[0], 3)
    tally.plan_generation([Task(plan.trials[0], 5)])
    start(tally, plan, 0)
    standing = tally.standing()
    assert standing.worked(whole=True) == "0/2 epochs of generation 2"
    assert "at least" in standing.timed()


def test_trials_that_train_while_further_ones_are_planned_stay_in_the_picture(plan):
    """As asynchronous halving plans: whenever any trial has ended, with the others under way."""
    plan = Plan(plan.trials, plan.folder, [], plan.pending, Pruned(plan.trials, AsynchronousHalving()), plan.tasks)
    tally = Tally(plan)
    tally.plan_generation(plan.tasks[:2])
    start(tally, plan, 0, 1)
    for tasks in ([Task(plan.trials[2], 3)], [], [Task(plan.trials[2], 3)]):
        tally.plan_generation(tasks)
        assert [(row.id, row.until) for row in tally.standing().rows] == [(each.id, 10) for each in plan.trials[:2]]
    log_epochs(plan, plan.trials[0], 3, "pruned")
    tally.end(plan.trials[0], Outcome("pruned"), read_run(plan.run_folder(plan.trials[0])))
    tally.plan_generation([Task(plan.trials[0], 9)])
    start(tally, plan, 0, 2)
    assert [(row.id, row.until) for row in tally.standing().rows] == [
        (plan.trials[1].id, 10),
        (plan.trials[0].id, 9),
        (plan.trials[2].id, 3),
    ]


def test_what_was_interrupted_for_want_of_room_is_no_work_done(plan):
    tally = tally_of(plan)
    start(tally, plan, 0, 1)
    for number, outcome in ((0, Outcome("interrupted", "no space left")), (1, Outcome("failed", "oh"))):
        log_epochs(plan, plan.trials[number], 4)
        tally.end(plan.trials[number], outcome, read_run(plan.run_folder(plan.trials[number])))
    assert tally.standing().epochs == 4 + 10


def test_a_pruned_trial_that_is_taken_up_again_waits_once_more(trial, tmp_path):
    plan = plan_of([trial(epochs=10)], tmp_path)
    tally = tally_of(plan)
    start(tally, plan, 0)
    log_epochs(plan, plan.trials[0], 3, "pruned")
    tally.end(plan.trials[0], Outcome("pruned"), None)
    assert tally.standing().counted() == "0 done, 1 pruned"
    tally.plan_generation([Task(plan.trials[0], 9)])
    assert tally.standing().counted() == "0 done, 1 waiting"


def test_plain_lines_tell_each_start_and_each_end(plan):
    lines = []
    log_epochs(plan, plan.trials[0], 10)
    log_epochs(plan, plan.trials[1], 4)  # and no checkpoint, so it starts over
    identity = json.dumps({"run": plan.trials[0].id, "epoch": 9})
    save_arrays(plan.run_folder(plan.trials[0]).checkpoint, {"identity": np.array(identity)})
    with SweepDisplay(plan, PlainScreen(lines.append)) as display:
        display.planned(plan.tasks)
        for number, outcome in enumerate((Outcome("completed"), Outcome("failed", "oh"))):
            folder = plan.run_folder(plan.trials[number])
            display.started(plan.trials[number], folder)
            display.refresh()
            display.ended(plan.trials[number], folder, outcome)
    names = [f"{trial.id[:8]} {trial.describe()}" for trial in plan.trials]
    assert [line.split(" gone")[0] for line in lines] == [
        f"{names[0]}: goes on after epoch 9 of 10",
        f"{names[0]}: val_acc 10.00 % (epoch 10) | 1 done, 2 waiting",
        f"{names[1]}: started, epochs: 10",
        f"{names[1]}: failed: oh | 1 done, 1 waiting, 1 failed",
        "tiny: 1 done, 1 waiting, 1 failed, 6/16 epochs, 1 s",
    ]


def test_plain_lines_sum_up_long_silences_and_no_more_often(plan, monkeypatch):
    lines, now = [], [1000.0]
    monkeypatch.setattr("nnlite.sweep.display.screens.time.monotonic", lambda: now[0])
    with SweepDisplay(plan, PlainScreen(lines.append)) as display:
        display.planned(plan.tasks)
        display.started(plan.trials[0], plan.run_folder(plan.trials[0]))
        log_epochs(plan, plan.trials[0], 4)
        lines.clear()
        for _ in range(10 * 60):
            now[0] += 0.1
            display.refresh()
        assert len(lines) in (1, 2)
        assert re.fullmatch(
            r"tiny: 0 done, 1 running, 2 waiting, 4/30 epochs, .* left \| \w{8} 4/10 val_acc 4\.00 %", lines[0]
        )


def test_a_terminal_shows_running_trials_and_keeps_a_line_of_each_that_ended(spec, tmp_path, terminal):
    path = spec("[grid]\nlearning_rate = [0.1, 1e30]", fixed='epochs = 60\nactivation = "relu"')
    seen = terminal("sweep", path, "-j", 1, "--experiments", tmp_path).read(until="best val_acc")
    assert re.search(r"learning_rate=0.1 seed=0 +\d+/60 +[▁-█]+ +\d+\.\d\d %", "\n".join(seen.rows))
    assert any(line.startswith("tiny  ") and "/120 epochs" in line for line in seen.rows)
    assert seen.end() == 0
    told = [line for line in seen.rows if re.match(r"\w{8} learning", line)]
    assert re.search(r"learning_rate=0.1 seed=0: val_acc \d\d\.\d\d % \(epoch \d+\)$", told[0])
    assert re.search(r"learning_rate=1e\+30 seed=0: diverged: \w+ is not finite after epoch 1$", told[1])
    picture = seen.rows[seen.rows.index(told[1]) + 1 :]
    assert re.search(r"^tiny  ━+ +100 %  120/120 epochs$", picture[0])
    assert picture[1].startswith("1 done, 1 diverged | ")
    assert picture[2].startswith("best val_acc ")
    assert not any("images/s" in line for line in seen.rows), "nothing is left of the live part"
    assert not seen.screen.cursor.hidden


def test_ctrl_c_in_a_terminal_leaves_it_in_order(spec, tmp_path, terminal):
    """F10."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 20000")
    seen = terminal("sweep", path, "-j", 2, "--experiments", tmp_path).read(until="best val_acc")
    assert seen.screen.cursor.hidden
    assert seen.signal(signal.SIGINT).end() == 130
    assert not seen.screen.cursor.hidden
    assert seen.rows[-1] == "stopped; the same command goes on from here"
    assert any(line.startswith("0 done, 2 interrupted") for line in seen.rows)
    assert not any("Traceback" in line or "images/s" in line for line in seen.rows)


def test_ctrl_z_gives_the_terminal_back_until_the_sweep_goes_on(spec, tmp_path, terminal):
    path = spec(fixed="epochs = 20000")
    # As a shell's job: the system stops no process by SIGTSTP whom nobody could let go on.
    seen = terminal("sweep", path, "-j", 1, "--experiments", tmp_path, own_session=False).read(until="images/s")
    seen.signal(signal.SIGTSTP)
    deadline = time.monotonic() + 60
    while psutil.Process(seen.process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(AssertionError):  # nothing more is drawn
        seen.read(until="no such words", seconds=1.0)
    assert not seen.screen.cursor.hidden
    assert not any("images/s" in line for line in seen.rows), seen.rows
    seen.signal(signal.SIGCONT).read(until="images/s")
    assert seen.signal(signal.SIGINT).end() == 130
    assert not seen.screen.cursor.hidden


def test_a_narrow_terminal_is_enough(spec, tmp_path, terminal):
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 60")
    seen = terminal("sweep", path, "-j", 2, "--experiments", tmp_path, columns=40, lines=15)
    seen.read(until="best val_acc")
    assert any(re.match(r"  \d+/60 \d\d\.\d\d % [▁-█]+ \d+\.?\d* s left$", line) for line in seen.rows)
    assert seen.end() == 0


def test_no_color_is_heard(spec, tmp_path, terminal):
    path = spec(fixed="epochs = 3000")
    seen = terminal("sweep", path, "--experiments", tmp_path, env={"NO_COLOR": "1"}).read(until="images/s")
    seen.signal(signal.SIGINT).end()
    assert not re.search(rb"\x1b\[[0-9;]*\b(3[0-7]|38|9[0-7])\b[0-9;]*m", seen.drawn)


def test_a_terminal_that_is_closed_ends_the_sweep_in_order(spec, tmp_path, terminal):
    """F14."""
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]", fixed="epochs = 20000")
    seen = terminal("sweep", path, "-j", 2, "--experiments", tmp_path).read(until="images/s")
    deadline = time.monotonic() + 120
    while sum(log.stat().st_size > 0 for log in tmp_path.rglob("run.jsonl")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    seen.close()
    seen.signal(signal.SIGHUP)  # as the kernel does for a terminal's own session
    assert seen.process.wait(60) == 129
    for log in tmp_path.rglob("run.jsonl"):
        assert b'"interrupted"' in log.read_bytes()
