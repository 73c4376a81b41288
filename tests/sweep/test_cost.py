"""What a sweep costs beside its training: processor time, memory and bytes, of trials that do nothing.

`tests/benchmarks/sweep_overhead.py` measures the same in seconds, and with ten times as many trials. Here the unit of
time is what the processor takes to start a worker, measured in the same test: a slow or busy machine takes longer for
both.
"""

import resource
import statistics
import subprocess
import sys

import numpy as np
import psutil
import pytest

from nnlite.models import Epoch, Score, Training
from nnlite.runs import LogWriter
from nnlite.sweep import expand, load_sweep, make_plan, run_trials

pytestmark = pytest.mark.slow
TRIALS = 1000
EARLY = 200  # by then, memory is what it will be
TRIALS_A_START = 40  # cost no more than a worker's start; on an idle machine some 200 cost as much
STARTS = 12  # are the most that a call costs which finds 10,000 trials finished; on an idle machine 3 or 4
MEGABYTE = 1 << 20
METRICS = {"train_loss": 1.0, "train_acc": 0.5, "val_loss": 1.0, "val_acc": 0.5, "seconds": 0.0}


class Nothing(Training):
    """Trains nothing, at once."""

    def state(self):
        return {"epoch": np.array(self._epoch)}

    def restore(self, state):
        self._epoch = int(state["epoch"])

    def weights(self):
        return {"weights": np.zeros(1, np.float32)}

    def score(self, _weights):
        return Score({"test_acc": 0.5})

    def _train_one_epoch(self):
        return Epoch(self._epoch, METRICS)


def nothing(trial):
    return Nothing(trial.config)


class Measuring:
    """A listener that measures this process and its worker after so many trials."""

    def __init__(self):
        self.ended_so_far = 0
        self.seen = []

    def planned(self, _tasks):
        pass

    def started(self, _trial, _folder):
        pass

    def ended(self, _trial, _folder, outcome):
        assert outcome.status == "completed", outcome
        self.ended_so_far += 1
        if self.ended_so_far in (EARLY, TRIALS):
            own = psutil.Process()
            workers = [each for each in own.children() if "--process-name" in each.cmdline()]
            everyone = [own, *workers]
            seconds = sum(sum(each.cpu_times()[:2]) for each in everyone)
            written = sum(each.io_counters().write_chars for each in workers)
            self.seen.append((seconds, written, [each.memory_info().rss for each in everyone]))

    def refresh(self):
        pass


def processor_seconds():
    """Of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds_to_start():
    """What the processor takes for a process that can train."""
    seconds = []
    for _ in range(3):
        before = processor_seconds()
        subprocess.run([sys.executable, "-c", "import nnlite.sweep.worker"], check=True)
        seconds.append(processor_seconds() - before)
    return statistics.median(seconds)


def sweep_of(spec, digits, count):
    sweep = load_sweep(spec(f"seeds = {count}\n", fixed="epochs = 10"))
    return expand(sweep, digits)


def test_a_trial_costs_little_and_leaves_nothing_in_memory(spec, digits, tmp_path):
    trials = sweep_of(spec, digits, TRIALS)
    plan = make_plan(trials, tmp_path / "tiny")
    measuring = Measuring()
    run_trials(plan, 1, {}, measuring, make=nothing)
    (seconds, written, memory), (later_seconds, later_written, later_memory) = measuring.seen
    count = TRIALS - EARLY
    assert (later_seconds - seconds) / count < seconds_to_start() / TRIALS_A_START
    for before, after in zip(memory, later_memory, strict=True):
        assert after - before < 4 * MEGABYTE
    folder = plan.run_folder(trials[-1])
    # The log, the best weights at each new best epoch (here the first alone), one checkpoint; and a little for loky.
    bound = folder.log.stat().st_size + 10 * folder.best.stat().st_size + 2 * folder.checkpoint.stat().st_size
    assert (later_written - written) / count < bound


def test_a_sweep_of_ten_thousand_finished_trials_starts_as_fast_as_a_few_workers(spec, digits, nnlite, tmp_path):
    trials = sweep_of(spec, digits, 10_000)
    for trial in trials:
        start = {"run": trial.id, "config": trial.config.model_dump(mode="json"), "seed": trial.seed}
        with LogWriter(tmp_path / "tiny" / trial.id / "run.jsonl") as log:
            log.write("start", **start, objective={"metric": "val_acc", "direction": "maximize"})
            for epoch in range(1, 11):
                log.write("epoch", epoch=epoch, **METRICS)
            log.write("end", status="completed", metrics={"val_acc": 0.5, "best_epoch": 1})
    before = processor_seconds()
    done = nnlite("sweep", tmp_path / "tiny.toml", "--experiments", tmp_path, code=0)
    taken = processor_seconds() - before
    assert "10000 of 10000 trials done" in done.stdout
    assert taken < STARTS * seconds_to_start()
