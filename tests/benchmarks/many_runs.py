"""What 10,000 runs of 50 epochs cost those who ask about them: `python tests/benchmarks/many_runs.py`.

The runs are made up, but their logs are of the format: one sweep of 2,500 configurations with four seeds each, of which
some diverged, failed, were pruned or interrupted, one log is torn, one is not ours and one is empty. Each command is a
process of its own, from its start to its end, the interpreter's own start included; `--rounds` takes the fastest of so
many. Files go to a temporary folder, which --folder moves; --keep leaves them there.
"""

import argparse
import dataclasses
import hashlib
import json
import math
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from nnlite.models.hyperparameters import ClassifierHyperparameters
from nnlite.runs import RunFolder
from nnlite.runs.events import encode

SEEDS = 4
SWEPT = ("hidden", "learning_rate", "momentum")
ENVIRONMENT = {
    "spec": "sweeps/many.toml",
    "command": "nnlite sweep sweeps/many.toml",
    "versions": {
        "nnlite": "0.1.0",
        "python": "3.11.7",
        "numpy": "2.4.6",
        "scipy": "1.17.1",
        "blas": "openblas 0.3.30 SkylakeX; openblas 0.3.31.188.0 SkylakeX",
        "libc": "glibc 2.36",
    },
    "git": "151ba68dfa8f",
    "host": "vm",
    "platform": "Linux x86_64",
    "simd": "X86_V2 X86_V3 X86_V4 AVX512_ICL",
    "threads": 1,
}
DEFAULTS = ClassifierHyperparameters().model_dump(mode="json")


def write_runs(root, count, epochs):
    """The sweep `root`/many with so many runs."""
    rng = random.Random(0)  # noqa: S311 - made-up curves
    for number in range(count):
        if number % SEEDS == 0:
            rate, momentum = 10 ** rng.uniform(-3, 0.5), round(rng.uniform(0, 0.95), 3)
            swept = {"hidden": [rng.choice([32, 64, 128, 256])], "learning_rate": float(f"{rate:.4g}")}
            config = DEFAULTS | swept | {"momentum": momentum, "epochs": epochs}
        write_run(root / "many", config, number % SEEDS, status_of(number, rng), rng)
    torn, foreign, empty = (root / "many" / name / "run.jsonl" for name in ("0" * 12, "1" * 12, "2" * 12))
    for path, content in ((torn, b'{"event": "start", "ti'), (foreign, b"not\nours\n"), (empty, b"")):
        path.parent.mkdir()
        path.write_bytes(content)


def status_of(number, rng):
    """Of a hundred runs five were pruned, two diverged, one failed and one was interrupted."""
    statuses = ["pruned"] * 5 + ["diverged"] * 2 + ["failed", "interrupted"] + ["completed"] * 91
    return rng.choice(statuses) if number >= SEEDS else "completed"


def write_run(sweep, config, seed, status, rng, clock=None):
    whole = json.dumps({**config, "seed": seed}, sort_keys=True)
    run = hashlib.sha256(whole.encode()).hexdigest()[:12]
    trained = config["epochs"] if status == "completed" else config["epochs"] // 3
    clock = clock or (f"2026-11-20T{hour:02}:{minute:02}:{second:02}.000Z" for hour in range(24)
                      for minute in range(60) for second in range(0, 60, 2))  # fmt: skip
    start = {
        "event": "start", "time": next(clock), "schema": 1, "run": run, "sweep": sweep.name, "model": "classifier",
        "dataset": "mnist", "dataset_checksum": "c65580678af93f1ea48c2c0d01d543ec89307c6b8a0eb7ca542d7c18c5f4c681",
        "config": config, "seed": seed, "objective": {"metric": "val_acc", "direction": "maximize"},
        "swept": list(SWEPT), **ENVIRONMENT, "pid": 1000 + seed, "attempt": 1,
    }  # fmt: skip
    lines = list(epoch_lines(config, trained, clock, rng))
    if status == "diverged":
        lines[-1]["train_loss"] = math.nan
    events = [start, *lines, *end_of(status, lines, clock, rng)]
    folder = RunFolder(sweep / run)
    folder.path.mkdir(parents=True)
    folder.log.write_bytes(b"".join(encode(event) + b"\n" for event in events))


def epoch_lines(config, trained, clock, rng):
    top = 0.985 - 0.01 * abs(math.log10(config["learning_rate"]) + 1) - 0.3 / config["hidden"][0] + rng.gauss(0, 0.001)
    for epoch in range(1, trained + 1):
        error = 1 - top + 0.2 * math.exp(-epoch / 6)
        yield {
            "event": "epoch", "time": next(clock), "epoch": epoch, "train_loss": 3 * error * rng.uniform(0.8, 0.9),
            "train_acc": 1 - error * rng.uniform(0.8, 0.9), "val_loss": 3 * error * rng.uniform(0.98, 1.02),
            "val_acc": round(1 - error * rng.uniform(0.98, 1.02), 4), "learning_rate": config["learning_rate"],
            "seconds": rng.uniform(1.4, 1.8), "images_per_second": 50_000 / 1.6,
        }  # fmt: skip


def end_of(status, lines, clock, rng):
    """The last line, in a list; an interrupted run of ours was killed, and has none."""
    if status == "interrupted":
        return []
    best = max(lines, key=lambda line: line["val_acc"])
    seconds = sum(line["seconds"] for line in lines)
    summary = {"best_epoch": best["epoch"], "val_acc": best["val_acc"], "epochs": len(lines), "total_seconds": seconds}
    event = {"event": "end", "time": next(clock), "status": status}
    if status == "completed":
        mistakes = [{"image": rng.randrange(10_000), "label": 4, "taken_for": 9, "confidence": 0.999}] * 20
        confusion = [[rng.randrange(20) for _ in range(10)] for _ in range(10)]
        summary |= {"test_loss": best["val_loss"], "test_acc": best["val_acc"] - 0.001}
        return [event | {"test": {"confusion": confusion, "mistakes": mistakes}, "metrics": summary}]
    return [event | {"error": f"it {status}, as made-up runs may", "metrics": summary}]


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one call of nnlite took: seconds of the clock and of the processor, and the most memory at a time."""

    seconds: float
    processor: float
    megabytes: float


def cost(*arguments):
    """Of `nnlite` with these arguments."""
    command = [sys.executable, "-m", "nnlite", *map(str, arguments)]
    started = time.perf_counter()
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no path of ours
        files = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), stream) for stream in (1, 2)]
        process = os.posix_spawn(sys.executable, command, os.environ, file_actions=files)
        _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    assert os.waitstatus_to_exitcode(status) == 0, command
    # Linux counts kilobytes, macOS bytes.
    unit = 1 << (20 if sys.platform == "darwin" else 10)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def row(name, costs, promise):
    best = min(costs, key=lambda each: each.seconds)
    print(f"| {name} | {best.seconds:.2f} | {best.processor:.2f} | {best.megabytes:.0f} | {promise} |", flush=True)


def measure(experiments, out, rounds):
    def forget():
        for index in experiments.rglob(".runs.index"):
            index.unlink()

    def anew(*arguments):
        forget()
        return cost(*arguments)

    best = ("best", "--metric", "val_acc", "--experiments", experiments)
    row("`nnlite best`, no index yet", [anew(*best) for _ in range(rounds)], "20 s")
    row("`nnlite best`", [cost(*best) for _ in range(rounds)], "1.5 s")
    other = ("best", "--metric", "val_loss", "--experiments", experiments)
    row("`nnlite best` by another metric", [cost(*other) for _ in range(rounds)], "")
    runs = ("runs", experiments, "--where", "val_loss < 0.1 and hidden == [64]", "--top", "10")
    row("`nnlite runs --where`", [cost(*runs) for _ in range(rounds)], "")
    row("`nnlite report`", [cost("report", experiments, "--out", out) for _ in range(rounds)], "60 s, 1024 MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3, help="of each command, the fastest counts")
    parser.add_argument("--folder", type=Path, help="where to write")
    parser.add_argument("--keep", action="store_true", help="leave the files there, and take those that are")
    arguments = parser.parse_args()
    if arguments.keep and not arguments.folder:
        parser.error("--keep needs a --folder")
    folder = arguments.folder if arguments.keep else Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        if not (folder / "experiments").exists():
            write_runs(folder / "experiments", arguments.runs, arguments.epochs)
        print("| what | seconds | of the processor | MB | promised |\n| --- | ---: | ---: | ---: | ---: |")
        measure(folder / "experiments", folder / "reports", arguments.rounds)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
