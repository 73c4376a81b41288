"""What one trial does costs that trial alone: hanging, failing, running out of memory, room or time."""

import ctypes
import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nnlite.errors import NnliteError
from nnlite.models import Epoch, Score, Training
from nnlite.runs import LogWriter, RunFolder, read_log, read_run
from nnlite.sweep import Limits, Task, make_plan, run_trials, slot
from nnlite.sweep.breaker import Breaker
from nnlite.sweep.watch import LONGEST_TICK, Clock
from nnlite.sweep.worker import Outcome, run_task


class Quick(Training):
    """A training that does nothing, and does that at once."""

    def state(self):
        return {"epoch": np.array(self._epoch)}

    def restore(self, state):
        self._epoch = int(state["epoch"])

    def weights(self):
        return {"weights": np.zeros(1)}

    def score(self, _weights):
        return Score({"test_acc": 0.5})

    def _train_one_epoch(self):
        return Epoch(self._epoch, {"val_acc": self._epoch / 100, "seconds": 0.0})


@dataclass(frozen=True)
class Faulty:
    """Makes trainings that do nothing, but for those of some seeds, which have a fault in epoch 2.

    Attributes:
        fault: a method of `Troubled`.
        seeds: whose trainings have it.
        notes: a folder for what the fault leaves there, to tell of it or not to happen twice.
    """

    fault: str = ""
    seeds: Sequence[int] = ()
    notes: Path | None = None

    def __call__(self, trial):
        return Troubled(trial, self) if trial.seed in self.seeds else Quick(trial.config)


class Troubled(Quick):
    """A training with a fault."""

    def __init__(self, trial, faulty):
        super().__init__(trial.config)
        self.seed = trial.seed
        self.fault = getattr(self, faulty.fault)
        self.notes = faulty.notes

    def _train_one_epoch(self):
        if self._epoch == 2:
            self.fault()
        return super()._train_one_epoch()

    def hang(self):
        time.sleep(1000)

    def hang_with_the_interpreter(self):
        ctypes.PyDLL(None).pause()

    def hang_with_a_child(self):
        child = subprocess.Popen(["sleep", "1000"])  # noqa: S607
        (self.notes / "child").write_text(str(child.pid))
        time.sleep(1000)

    def creep(self):
        self._budget = 10**9
        self.fault = lambda: None
        self._train_one_epoch = self._slowly

    def _slowly(self):
        time.sleep(0.01)
        return super()._train_one_epoch()

    def fail(self):
        raise RuntimeError(f"seed {self.seed} is bad, at 0x{id(self):x}")

    def fail_in_a_way_of_its_own(self):
        raise RuntimeError("oh" * (self.seed + 1))

    def fail_once(self):
        note = self.notes / str(self.seed)
        if not note.exists():
            note.touch()
            raise RuntimeError("once")

    def die_once(self):
        note = self.notes / str(self.seed)
        if not note.exists():
            note.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def run_out_of_memory(self):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), before[1]))
        try:
            np.ones(1 << 30)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)

    def fill_the_disk(self):
        with Path("/dev/full").open("w") as file:
            file.write("x")


class Listening:
    """A listener that keeps what it hears."""

    def __init__(self):
        self.heard = []

    def planned(self, tasks):
        """Hear nothing."""

    def started(self, trial, _folder):
        """Keep that."""
        self.heard.append(("started", trial.seed))

    def ended(self, trial, _folder, outcome):
        """Keep that."""
        self.heard.append((outcome.status, trial.seed))

    def refresh(self):
        """Hear nothing."""


@pytest.fixture
def sweep(trial, tmp_path):
    """Train so many trials of five epochs, by seed: what came of them, the plan, and what a listener heard."""

    def run(make=None, count=4, jobs=2, *, retry_failed=False, fail_fast=False, announce=print, **limits):
        limits = Limits(**limits)
        trials = [trial(seed=seed, epochs=5) for seed in range(count)]
        plan = make_plan(trials, tmp_path / "tiny", retries=limits.retries, retry_failed=retry_failed)
        listening = Listening()
        options = {"limits": limits, "fail_fast": fail_fast, "make": make or Faulty(), "announce": announce}
        results = run_trials(plan, jobs, {}, listening, **options)
        return results, plan, listening.heard

    return run


def statuses(plan):
    return [read_run(plan.run_folder(trial)).status for trial in plan.trials if plan.run_folder(trial).log.exists()]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    "fault",
    [
        "hang",
        pytest.param("hang_with_the_interpreter", marks=pytest.mark.slow),
        pytest.param("hang_with_a_child", marks=pytest.mark.slow),
    ],
)
def test_a_trial_that_stalls_is_ended_with_all_it_started_and_the_rest_goes_on(sweep, tmp_path, check_log, fault):
    """F06."""
    results, plan, heard = sweep(Faulty(fault, [0], tmp_path), stall=4.0)
    assert statuses(plan) == ["failed", "completed", "completed", "completed"]
    assert [status for status, _ in heard[-2:]] == ["completed", "failed"] or heard[-1] == ("failed", 0)
    first = plan.run_folder(plan.trials[0])
    run = read_run(first)
    assert run.error == results.outcomes[plan.trials[0].id].error
    assert run.error.startswith("no new epoch for ")
    assert run.error.endswith("(limits.stall: 4.0 s)")
    assert len(run.epochs) == 1
    assert not lives(run.start["pid"])
    if fault == "hang_with_a_child":
        assert not lives(int((tmp_path / "child").read_text()))
    for trial in plan.trials[1:]:
        check_log(plan.run_folder(trial).log, 5)


def test_a_trial_that_takes_too_long_is_ended_however_lively(sweep):
    _, plan, _ = sweep(Faulty("creep", [0]), count=2, timeout=5.0, stall=4.0)
    assert statuses(plan) == ["failed", "completed"]
    run = read_run(plan.run_folder(plan.trials[0]))
    assert run.error.startswith("not done after ")
    assert run.error.endswith("(limits.timeout: 5.0 s)")
    assert len(run.epochs) > 10


def test_a_worker_that_dies_after_its_trial_has_ended_takes_nothing_from_it(trial, tmp_path):
    """Between the last line of the log and the answer to the runner."""
    folder = RunFolder(tmp_path / "run")
    task = Task(trial(epochs=2), 2)
    run_task(task, folder, {}, make=Faulty())
    slot_of_its_own = slot.Slot(Faulty())
    try:
        assert slot_of_its_own.end(task, folder, "oh") == Outcome("completed")
        assert slot_of_its_own.end(Task(trial(epochs=9), 9), folder, "oh") == Outcome("failed", "oh")
    finally:
        slot_of_its_own.close(kill=True)
    assert read_run(folder).status == "completed"


def test_a_worker_that_is_ended_the_moment_it_gets_a_task_ends_quietly(trial, tmp_path, monkeypatch):
    """F12: loky's thread trips over a task that it has not handed on yet, and says so on stderr."""
    tripped = []
    monkeypatch.setattr("threading.excepthook", tripped.append)
    for number in range(5):
        slot_of_its_own = slot.Slot(Faulty())
        task = Task(trial(epochs=5), 5)
        slot_of_its_own.submit(task, RunFolder(tmp_path / "first"), {}).result()
        slot_of_its_own.submit(task, RunFolder(tmp_path / f"run {number}"), {})
        slot_of_its_own.close(kill=True)
    assert not tripped


@pytest.mark.slow
def test_a_slot_whose_trial_was_ended_trains_the_others(sweep):
    """With a single one, after each hanging trial a new worker takes up the next."""
    _, plan, _ = sweep(Faulty("hang", [0, 1]), count=4, jobs=1, stall=4.0)
    assert statuses(plan) == ["failed", "failed", "completed", "completed"]


def test_time_in_which_the_whole_program_was_halted_is_nobodys(monkeypatch):
    """F16, F50: Ctrl-Z for an hour, or a laptop's sleep, ends no trial; the wall clock is never asked."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock = Clock()
    for seconds in (0.25, 3600.0, 0.25):
        now[0] += seconds
        clock.tick()
    assert clock.seconds == 0.5 + LONGEST_TICK


def test_a_failed_trial_is_tried_again_when_the_others_have_had_their_turn(sweep, tmp_path):
    results, plan, heard = sweep(Faulty("fail_once", [0, 1], tmp_path), jobs=1, retries=1)
    assert [seed for what, seed in heard if what == "started"] == [0, 1, 2, 3, 0, 1]
    assert {outcome.status for outcome in results.outcomes.values()} == {"completed"}
    events = read_log(plan.run_folder(plan.trials[0]).log)[0]
    assert [event["attempt"] for event in events if event["event"] in ("start", "resume")] == [1, 2]
    assert [event["status"] for event in events if event["event"] == "end"] == ["failed", "completed"]
    assert "RuntimeError: once" in events[2]["traceback"]


def test_a_killed_trial_is_tried_again_from_its_checkpoint(sweep, tmp_path, monkeypatch, trial):
    monkeypatch.setattr("nnlite.sweep.worker.CHECKPOINT_SECONDS", 0.0)  # of this process, for an epoch to go on from
    folder = RunFolder(tmp_path / "tiny" / trial(seed=0, epochs=5).id)
    task = make_plan([trial(seed=0, epochs=5)], tmp_path / "tiny").tasks[0]
    run_task(task, folder, {}, make=Faulty("fail", [0]))
    _, plan, _ = sweep(Faulty("die_once", [0], tmp_path), retries=2)
    assert statuses(plan) == ["completed"] * 4
    events = [(event["event"], event.get("attempt"), event.get("epoch")) for event in read_log(folder.log)[0]]
    assert [event for event in events if event[0] == "resume"] == [("resume", 2, 1), ("resume", 3, 1)]
    assert "SIGKILL" in next(event["error"] for event in read_log(folder.log)[0][4:] if event["event"] == "end")


def test_retries_are_used_up_once_over_all_calls(sweep):
    bad = Faulty("fail", [0])
    for limits, attempts, left in (
        ({}, 1, 0),
        ({}, 1, 0),
        ({"retries": 1}, 2, 1),
        ({"retries": 1}, 2, 0),
        ({"retries": 1, "retry_failed": True}, 4, 1),
        ({"retries": 1}, 4, 0),
    ):
        _, plan, _ = sweep(bad, count=2, **limits)
        run = read_run(plan.run_folder(plan.trials[0]))
        assert (run.status, run.failures) == ("failed", attempts)
        assert len([trial for trial in plan.pending if trial.seed == 0]) == left or attempts == 1


def test_divergence_is_a_result_that_is_not_tried_again(trial, tmp_path):
    trials = [trial(learning_rate=1e30, activation="relu", seed=seed) for seed in range(3)]
    plan = make_plan(trials, tmp_path / "tiny", retries=3)
    heard = Listening()
    results = run_trials(plan, 1, {}, heard, limits=Limits(retries=3, max_failures=1), fail_fast=True)
    assert Counter(what for what, _ in heard.heard) == {"started": 3, "diverged": 3}
    assert not results.halted


def test_trials_that_fail_alike_in_a_row_stop_the_sweep_and_the_rest_stays_to_be_done(sweep):
    results, plan, heard = sweep(Faulty("fail", range(8)), count=8, jobs=2, max_failures=3)
    assert results.halted.startswith("the sweep stops early, since 3 trials failed alike one after the other, the last")
    assert 3 <= len(results.outcomes) <= 4, "what was running has finished"
    assert len(results.outcomes) == len(statuses(plan)) == len([what for what, _ in heard if what == "started"])
    _, plan, _ = sweep(count=8, max_failures=3)
    assert len(plan.pending) == 8 - len(results.outcomes)


def test_trials_that_fail_each_in_its_own_way_or_now_and_then_do_not_stop_the_sweep(sweep):
    results, plan, _ = sweep(Faulty("fail_in_a_way_of_its_own", range(5)), count=5, jobs=1, max_failures=2)
    assert (results.halted, statuses(plan)) == ("", ["failed"] * 5)
    breaker = Breaker(2)
    for number, status in enumerate(["failed", "completed", "failed", "pruned", "failed", "diverged", "failed"]):
        breaker.note(str(number), Outcome(status, "oh"))
    assert not breaker.reason
    breaker.note("another", Outcome("failed", "oh"))
    assert breaker.reason


def test_one_trial_that_is_tried_again_and_again_is_one_failure_to_the_breaker(sweep):
    results, plan, _ = sweep(Faulty("fail", [2]), count=3, jobs=1, retries=4, max_failures=2)
    assert (results.halted, statuses(plan)) == ("", ["completed", "completed", "failed"])


def test_the_first_failure_is_enough_for_who_wants_to_fail_fast(sweep):
    results, plan, _ = sweep(Faulty("fail", [1]), count=6, jobs=1, fail_fast=True, retries=5)
    assert "a trial failed (RuntimeError: seed 1 is bad" in results.halted
    assert statuses(plan) == ["completed", "failed"]


def test_a_full_disk_stops_the_sweep_at_once_and_no_trial_has_failed(sweep):
    """F18."""
    results, plan, _ = sweep(Faulty("fill_the_disk", [0, 1, 2]), count=6, jobs=1, retries=5)
    assert "No space left on device; free some space" in results.halted
    assert "No space left" in results.halted
    assert statuses(plan) == ["interrupted"]
    _, plan, _ = sweep(count=6)
    assert statuses(plan) == ["completed"] * 6


def test_failures_that_cannot_even_be_logged_stop_the_sweep(sweep, tmp_path):
    """F20: root may write anywhere, but not below a file."""
    (tmp_path / "tiny").touch()
    results, _, _ = sweep(count=8, jobs=1, max_failures=3)
    assert len(results.outcomes) == 3
    assert "3 trials failed alike" in results.halted


def test_a_trial_that_runs_out_of_memory_fails_alone_and_says_what_to_do(sweep):
    """F03, with a real limit; the worker goes on."""
    _, plan, _ = sweep(Faulty("run_out_of_memory", [0]), jobs=1)
    assert statuses(plan) == ["failed", "completed", "completed", "completed"]
    first, second = (read_run(plan.run_folder(trial)) for trial in plan.trials[:2])
    assert "Unable to allocate" in first.error
    assert "fewer --jobs" in first.error
    assert first.start["pid"] == second.start["pid"]


def test_a_killed_worker_is_blamed_on_what_kills_workers(sweep, tmp_path):
    """F03: as the system's own killer does when memory has run out."""
    _, plan, _ = sweep(Faulty("die_once", [0], tmp_path))
    assert statuses(plan) == ["failed", "completed", "completed", "completed"]
    error = read_run(plan.run_folder(plan.trials[0])).error
    assert error.startswith("its worker process died (SIGKILL")
    assert "the memory has run out: fewer --jobs" in error


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "(no space left on device): this system's semaphores, on Linux those in /dev/shm"),
        (errno.EAGAIN, "(resource temporarily unavailable): fewer --jobs"),
        (errno.EMFILE, "(too many open files): fewer --jobs need fewer open files; `ulimit -n`"),
    ],
)
@pytest.mark.parametrize("part", ["ProcessPoolExecutor", "ProcessPoolExecutor.submit"])
def test_a_system_that_refuses_a_worker_is_an_error_of_one_sentence(sweep, monkeypatch, number, said, part):
    """F56, F57, F58: workers are never silently done without, nor asked for again and again."""

    def refuse(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(f"nnlite.sweep.slot.{part}", refuse)
    with pytest.raises(NnliteError) as caught:
        sweep()
    assert str(caught.value).startswith(f"no worker process can be started {said}")


@pytest.mark.parametrize("refused", [2, 3])
def test_a_system_that_refuses_a_further_worker_narrows_the_sweep(sweep, monkeypatch, tmp_path, refused):
    """The second to begin with, or one that is to replace a dead one: the other goes on with all that is left."""
    started = []

    def start(*arguments, **options):
        started.append(arguments)
        if len(started) == refused:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return executor(*arguments, **options)

    executor = slot.ProcessPoolExecutor
    monkeypatch.setattr("nnlite.sweep.slot.ProcessPoolExecutor", start)
    told = []
    _, plan, heard = sweep(Faulty("die_once", [0] if refused == 3 else [], tmp_path), retries=1, announce=told.append)
    assert statuses(plan) == ["completed"] * 4
    assert len(told) == 1
    assert told[0].startswith("no worker process can be started (resource temporarily unavailable): fewer --jobs")
    assert told[0].endswith("; the sweep goes on with 1 worker")
    assert len(started) == refused
    assert sum(what == "started" for what, _ in heard) == 4 + (refused == 3)


class APlace:
    """The first of two fails at its trial as the second ends its own; then no worker can be started for it any more."""

    def __init__(self, first):
        self.first, self.is_first, self.tasks = first, first is None, []
        if self.is_first:
            self.first = Future()

    def submit(self, task, folder, context):
        self.tasks.append(task)
        if not self.is_first:
            done = Future()
            done.set_result(run_task(task, folder, context, Faulty()))
            return done
        if len(self.tasks) > 1:
            raise NnliteError("no worker can be started")
        return self.first

    def outcome_of(self, future, _task, _folder):
        if not self.first.done():
            self.first.set_result(Outcome("failed", "it died"))
        return future.result()

    def close(self, *, kill):
        pass


class TwoPlaces:
    """Two of them."""

    count = 2
    keep_limits = True

    def __init__(self):
        self.opened = []

    def place(self, _make, _limits):
        self.opened.append(APlace(self.opened[0].first if self.opened else None))
        return self.opened[-1]


def test_where_a_worker_is_refused_one_that_stands_idle_goes_on(trial, tmp_path):
    plan = make_plan([trial(seed=seed, epochs=5) for seed in range(2)], tmp_path / "tiny", retries=1)
    told, places = [], TwoPlaces()
    results = run_trials(plan, 2, {}, Listening(), limits=Limits(retries=1), places=places, announce=told.append)
    assert told == ["no worker can be started; the sweep goes on with 1 worker"]
    assert [outcome.status for outcome in results.outcomes.values()] == ["completed"] * 2
    assert [len(place.tasks) for place in places.opened] == [2, 2]


def test_a_trial_that_somebody_else_trains_is_left_to_them_once(sweep, trial, tmp_path):
    folder = RunFolder(tmp_path / "tiny" / trial(seed=0, epochs=5).id)
    with LogWriter(folder.log):
        results, plan, heard = sweep(count=2)
    assert results.outcomes[plan.trials[0].id].status == "busy"
    assert [seed for what, seed in heard if what == "started"] == [0, 1]


def test_a_long_sweep_keeps_no_file_open_and_its_workers_neither(sweep):
    """F57."""

    def open_files(pid):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    before = open_files("self")
    seen = []

    class Counting(Listening):
        def ended(self, trial, folder, outcome):
            super().ended(trial, folder, outcome)
            if trial.seed in (5, 99):
                seen.append((open_files("self"), open_files(read_run(folder).start["pid"])))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "Listening", Counting)
        sweep(count=100, jobs=1)
    assert seen[0] == seen[1]
    assert open_files("self") <= before + 2, "loky's tracker of shared resources stays"


def test_a_second_signal_leaves_at_once_whatever_the_first_one_waits_for(tmp_path):
    """F12."""
    waiting = (
        "import signal, time\nfrom nnlite.sweep.signals import stop_requests\n"
        "with stop_requests() as request:\n"
        "    print('ready', flush=True)\n"
        "    while not request.signum: time.sleep(0.01)\n"
        "    print('stopping', flush=True)\n"
        "    while True: time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", waiting], stdout=subprocess.PIPE, cwd=tmp_path) as process:
        for line in (b"ready\n", b"stopping\n"):
            assert process.stdout.readline() == line
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, "and not after 1000 seconds"
