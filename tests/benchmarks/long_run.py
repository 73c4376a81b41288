"""What one run of 300,000 epochs costs those who ask about it: `python tests/benchmarks/long_run.py`.

The log is made up, but of the format. Each command is a process of its own, from its start to its end; beside it stands
what the same command takes for a run of 3 epochs, and how many times `json.loads` over the lines the rest is. The
commands and `json.loads` take turns, and the fastest of --rounds counts.
"""

import argparse
import itertools
import json
import multiprocessing
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from many_runs import DEFAULTS, cost, write_run

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
COMMANDS = {
    "nnlite show": ["show", "RUN"],
    "nnlite show --json": ["show", "RUN", "--json"],
    "nnlite best": ["best", "--experiments", "FOLDER"],
    "nnlite runs": ["runs", "FOLDER"],
    "nnlite diff": ["diff", "RUN", "RUN"],
    "nnlite report": ["report", "FOLDER", "--out", "OUT"],
    "nnlite report --html": ["report", "FOLDER", "--out", "OUT", "--html"],
}


def clock():
    """A time each two seconds."""
    for second in itertools.count(0, 2):
        yield (BEGIN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parsed(log):
    """The seconds that `json.loads` over its lines takes, one at a time."""
    started = time.perf_counter()
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)
    return time.perf_counter() - started


def asked(command, run):
    """What `nnlite` with these arguments costs, of this run's folder."""
    places = {"RUN": run, "FOLDER": run.parent.parent, "OUT": run.parent.parent.parent / "out"}
    return cost(*(places.get(word, word) for word in command))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for name, epochs in (("long", arguments.epochs), ("short", 3)):
            config = DEFAULTS | {"epochs": epochs}
            fields = (Path(folder) / name / "sweep", config, 0, "completed", random.Random(0))  # noqa: S311
            # In a process of its own: the memory of this one would be counted with that of each command.
            writer = multiprocessing.Process(target=lambda fields=fields: write_run(*fields, clock()))
            writer.start()
            writer.join()
            runs += [log.parent for log in Path(folder, name).rglob("run.jsonl")]
        log = runs[0] / "run.jsonl"
        print(f"{arguments.epochs:,} epochs, {log.stat().st_size / 1e6:.0f} MB\n")
        print("| what | seconds | without its start, times json.loads | MB |\n| --- | ---: | ---: | ---: |")
        for name, command in COMMANDS.items():
            rounds = [(parsed(log), *(asked(command, run) for run in runs)) for _ in range(arguments.rounds)]
            loads = min(each[0] for each in rounds)
            whole, start = (min((each[place] for each in rounds), key=lambda cost: cost.seconds) for place in (1, 2))
            ratio = (whole.seconds - start.seconds) / loads
            print(f"| `{name}` | {whole.seconds:.2f} | {ratio:.2f} | {whole.megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
