"""What a sweep costs beside its training: `python tests/benchmarks/sweep_overhead.py`, with MNIST at hand.

Trials that do nothing (ten epochs that train nothing; their log, their checkpoint and their best weights are written as
ever) show the time of a trial's other parts, and whether memory grows with their number. The command that follows finds
all of them done. Real trials show what a second worker is worth, and how much a trial writes. Files go to a temporary
folder, which --folder moves.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from nnlite.data import locate
from nnlite.models import Epoch, Score, Training
from nnlite.runs import read_run
from nnlite.sweep import expand, load_sweep, make_plan, run_trials
from nnlite.sweep.worker import CHECKPOINT_SECONDS

MEGABYTE = 1 << 20
REAL_TRIALS = 8
REAL_EPOCHS = 20  # so many that what it takes to start does not count
REAL = f'name = "real"\nmodel = "classifier"\nseeds = {REAL_TRIALS}\n[fixed]\nhidden = [64]\nepochs = {REAL_EPOCHS}\n'


class Nothing(Training):
    """Trains nothing, at once."""

    def state(self):
        return {"epoch": np.array(self._epoch)}

    def restore(self, state):
        self._epoch = int(state["epoch"])

    def weights(self):
        return {"weights": np.zeros(1, np.float32)}

    def score(self, _weights):
        return Score({"test_loss": 1.0, "test_acc": 0.5})

    def _train_one_epoch(self):
        metrics = {"train_loss": 1.0, "train_acc": 0.5, "val_loss": 1.0, "val_acc": 0.5, "learning_rate": 0.1}
        return Epoch(self._epoch, metrics | {"seconds": 0.0, "images_per_second": 1.0})


def nothing(trial):
    return Nothing(trial.config)


class Watching:
    """A listener that measures this process and its worker, after so many trials."""

    def __init__(self, at):
        self.at = at
        self.ended_so_far = 0
        self.memory = []
        self.seconds_of_processor = []
        self.written = 0  # bytes that the workers handed to the system, where it counts them

    def planned(self, tasks):
        pass

    def started(self, trial, folder):
        pass

    def ended(self, _trial, _folder, outcome):
        assert outcome.status == "completed", outcome
        self.ended_so_far += 1
        if self.ended_so_far in self.at:
            own = psutil.Process()
            everyone = (own, *own.children(recursive=True))
            self.memory.append([process.memory_info().rss for process in everyone])
            self.seconds_of_processor.append(sum(sum(process.cpu_times()[:2]) for process in everyone))
            if psutil.LINUX:
                self.written = sum(process.io_counters().write_chars for process in everyone[1:])

    def refresh(self):
        pass


def plan_of(spec):
    sweep = load_sweep(spec)
    return make_plan(expand(sweep, locate(sweep.dataset)), spec.parent / sweep.name)


def row(name, value, promise=""):
    print(f"| {name} | {value} | {promise} |")


def overhead(folder, count):
    spec = folder / "nothing.toml"
    spec.write_text(f'name = "nothing"\nmodel = "classifier"\nseeds = {count}\n')
    listener = Watching({count // 10, count - 1})
    plan = plan_of(spec)
    started = time.perf_counter()
    run_trials(plan, 1, {"spec": str(spec)}, listener, make=nothing)
    seconds = time.perf_counter() - started
    row(f"{count:,} trials that do nothing, one worker", f"{1000 * seconds / count:.2f} ms a trial", "5 ms")
    early, late = listener.seconds_of_processor
    row("of which the processor works", f"{1000 * (late - early) / (count - 1 - count // 10):.2f} ms")
    for name, number in (("driver", 0), ("worker", -1)):
        early, late = (memory[number] for memory in listener.memory)
        grown = f"{(late - early) / MEGABYTE:+.1f} MB, to {late / MEGABYTE:.0f} MB"
        row(f"memory of the {name} over the last nine tenths of them", grown, "no growth")
    row("of which the disk is waited for", f"{milliseconds_to_sync(folder):.2f} ms")
    bytes_of_one = sum(file.stat().st_size for file in plan.run_folder(plan.trials[0]).path.iterdir())
    row("files of such a trial", f"{bytes_of_one / 1000:.1f} kB")
    command = [sys.executable, "-m", "nnlite", "sweep", str(spec), "--experiments", str(folder)]
    times = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        times.append(time.perf_counter() - started)
        assert f"{count} of {count} trials done" in done.stdout
    row(f"the same command over {count:,} finished trials", f"{min(times):.2f} s", "2 s")


def milliseconds_to_sync(folder):
    """What the disk takes for the two files of a trial that must not be lost: its checkpoint and its best weights."""
    times = []
    for number in range(200):
        with (folder / f"{number}.bin").open("wb") as file:
            file.write(bytes(1000))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return 2000 * statistics.mean(times)


def throughput(folder):
    spec = folder / "real.toml"
    seconds = {}
    for jobs in (2, 1):
        spec.write_text(REAL.replace("real", f"real_{jobs}"))
        plan = plan_of(spec)
        listener = Watching({REAL_TRIALS})
        started = time.perf_counter()
        run_trials(plan, jobs, {}, listener)
        seconds[jobs] = time.perf_counter() - started
    row(
        f"{REAL_TRIALS} real trials, two workers against one",
        f"{seconds[1] / seconds[2]:.2f} x",
        "1.9 x, on two idle cores",
    )
    row("the same, of one worker", f"{seconds[1] / REAL_TRIALS:.2f} s a trial")
    most = statistics.mean(most_written(plan.run_folder(trial)) for trial in plan.trials)
    row("written by such a trial", f"{listener.written / REAL_TRIALS / 1e6:.2f} MB", f"{most / 1e6:.2f} MB")


def most_written(folder):
    """Bytes: log and picture, best weights after each epoch, a checkpoint every so many seconds and at the end."""
    lines = read_run(folder).epochs
    checkpoints = 1 + sum(line["seconds"] for line in lines) // CHECKPOINT_SECONDS
    size = {path: path.stat().st_size for path in (folder.log, folder.mistakes, folder.best, folder.checkpoint)}
    once = size[folder.log] + size[folder.mistakes]
    return once + len(lines) * size[folder.best] + checkpoints * size[folder.checkpoint]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000, help="how many that do nothing")
    parser.add_argument("--folder", type=Path, help="where to write; removed at the end")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nnlite-overhead-", dir=arguments.folder))
    try:
        print("| what | measured | promised |\n| --- | ---: | ---: |")
        overhead(folder, arguments.trials)
        throughput(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
