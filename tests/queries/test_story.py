"""A run's story, told from a log of any length without keeping its epochs."""

import json
import tracemalloc

import pytest

from nnlite.queries import moments
from nnlite.runs import RunFolder, read_run

START = {"event": "start", "time": "t0", "run": "r", "config": {}, "seed": 0}


def write(folder, count):
    with folder.log.open("w", encoding="utf-8") as log:
        log.write(json.dumps(START) + "\n")
        for epoch in range(1, count + 1):
            log.write(json.dumps({"event": "epoch", "epoch": epoch, "val_acc": 1 / epoch, "text": "x" * 100}) + "\n")
        log.write(json.dumps({"event": "resume", "time": "t1", "epoch": count}) + "\n" + "junk" + "\n")
        log.write(json.dumps({"event": "end", "time": "t2", "status": "failed", "error": "oh"}) + "\n")


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_every_start_resume_and_end_is_told_with_the_epochs_by_then(folder):
    write(folder, 3)
    told = [(each.time, each.event, each.epochs, each.error) for each in moments(read_run(folder))]
    assert told == [("t0", "start", 0, ""), ("t1", "resume", 3, ""), ("t2", "failed", 3, "oh")]


def test_its_memory_does_not_grow_with_the_epochs(folder):
    peaks = []
    for count in (2_000, 20_000):
        write(folder, count)
        run = read_run(folder)
        tracemalloc.start()
        moments(run)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000
