"""A real sweep, and what a user would write instead: `python tests/benchmarks/sweep_comparison.py`, with MNIST at hand.

The 18 trials of sweeps/classifier_hidden.toml, for fewer epochs, two at a time: by `nnlite sweep`, as PyTorch trials of
an Optuna study with two processes over its journal file, as the same trials in joblib.Parallel, and as nnlite's
training in joblib.Parallel, without its runner. A time is that of a program from its start to its end, imports and all.
The contenders come in turn, round after round; a ratio is the median of those within a round. nnlite does more than the
others: it logs, checkpoints, keeps the best weights, and scores them on the test images. Contenders whose packages are
not installed are left out.
"""

import argparse
import contextlib
import importlib.util
import json
import operator
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from nnlite.data import fetch
from nnlite.runs import RunFolder, read_run

SPEC = Path(__file__).parents[2] / "sweeps" / "classifier_hidden.toml"
RIVALS = Path(__file__).with_name("sweep_rivals.py")
TRIALS = 18
LOOK_SECONDS = 0.5
# One BLAS thread each, and the same uncompressed files for all: those in the cache, as on a user's machine.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "NNLITE_DATA"}
ENVIRONMENT |= {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM")}
# Who competes, by the name in the table: how the file of the rivals calls it, and what packages it takes.
CONTENDERS = {
    "PyTorch in Optuna, two processes, journal file": ("optuna", ("torch", "optuna")),
    "PyTorch in joblib.Parallel": ("torch-joblib", ("torch",)),
    "nnlite's training in joblib.Parallel": ("nnlite-joblib", ()),
    "nnlite sweep": ("nnlite", ()),
}


def command(name, epochs, folder):
    if name == "nnlite":
        sweep = [sys.executable, "-m", "nnlite", "sweep", str(SPEC), "--experiments", str(folder), "--json"]
        return [*sweep, "-j", "2", "-S", f"epochs={epochs}"]
    files = fetch("mnist").files
    return [sys.executable, *map(str, (RIVALS, name, epochs, folder, files.train_images, files.train_labels))]


class Race:
    """One contender's sweep: its seconds, those of the processor, its memory and its best validation accuracy."""

    def __init__(self, name, epochs, folder):
        folder.mkdir()
        said, complaints = folder / "stdout", folder / "stderr"
        used, started = processor_seconds(), time.perf_counter()
        with said.open("w") as stdout, complaints.open("w") as stderr:
            process = psutil.Popen(command(name, epochs, folder), stdout=stdout, stderr=stderr, env=ENVIRONMENT)
            self.memory = 0
            while not has_ended(process):
                self.memory = max(self.memory, memory_of(process))
        self.seconds = time.perf_counter() - started
        self.processor = processor_seconds() - used
        assert process.returncode == 0, complaints.read_text()
        self.best = best_of(json.loads(said.read_text()))


def has_ended(process):
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(LOOK_SECONDS)
        return True
    return False


def processor_seconds():
    """Of all programs that have ended, with all that they started and waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory_of(process):
    """Bytes of a program and all it has started; a page that several of them use counts once."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_full_info().pss
    return total


def best_of(answer):
    """The best validation accuracy, of what a rival or `nnlite sweep --json` prints."""
    if isinstance(answer, dict):
        runs = [read_run(RunFolder(Path(trial["folder"]))) for trial in answer["trials"]]
        answer = [run.end["metrics"]["val_acc"] for run in runs]
    assert len(answer) == TRIALS, f"{len(answer)} trials instead of {TRIALS}"
    return max(answer)


def compare(rounds, epochs, folder):
    names = {title: name for title, (name, needs) in CONTENDERS.items() if all(map(importlib.util.find_spec, needs))}
    races = {title: [] for title in names}
    for number in range(rounds):
        for title, name in names.items():
            races[title].append(Race(name, epochs, folder / f"{name}-{number}"))
            shutil.rmtree(folder / f"{name}-{number}")
    head = [f"{TRIALS} trials of {epochs} epochs", "seconds", "ratio", "of the processor", "ratio", "memory", "best"]
    print("| " + " | ".join(head) + " |\n| --- |" + (len(head) - 1) * " ---: |")
    reference = next(iter(races.values()))
    for title, found in races.items():
        cells = [title]
        for measure in map(operator.attrgetter, ("seconds", "processor")):
            cells.append(f"{statistics.median(map(measure, found)):.1f}")
            ratios = (measure(own) / measure(other) for own, other in zip(found, reference, strict=True))
            cells.append(f"{statistics.median(ratios):.2f}")
        cells.append(f"{max(race.memory for race in found) / 1e6:.0f} MB")
        cells.append(f"{100 * max(race.best for race in found):.2f} %")
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3, help="of each trial")
    parser.add_argument("--rounds", type=int, default=3, help="how often every contender runs")
    parser.add_argument("--folder", type=Path, help="where to write; removed at the end")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nnlite-comparison-", dir=arguments.folder))
    try:
        compare(arguments.rounds, arguments.epochs, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
