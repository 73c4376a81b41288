"""Epochs in columns against the dictionaries that they were, and a log read as it grows against a naive replay."""

import json
import random
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.runs import FollowedRun, RunFolder, columns, read_run
from nnlite.runs.columns import Chunk
from nnlite.runs.comparison import first_difference
from nnlite.runs.epochs import EpochTable, GrowingEpochs
from nnlite.runs.events import decode, decode_epochs, encode

NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
VALUES = st.none() | st.booleans() | st.text(max_size=3) | NUMBERS | st.lists(st.integers(0, 9), max_size=2)
LINES = st.lists(st.dictionaries(st.sampled_from(["a", "b", "time", "lines\n"]), VALUES), min_size=1, max_size=8)


def lines_of(count, first=1):
    return [{"event": "epoch", "time": "t", "epoch": epoch, "loss": 1 / epoch} for epoch in range(first, first + count)]


@given(LINES)
def test_what_is_taken_out_of_a_chunk_is_what_was_put_in(lines):
    lines = [{"epoch": 1, **line} for line in lines]
    chunk = Chunk(lines)
    assert repr([sorted(line.items()) for line in chunk]) == repr([sorted(line.items()) for line in lines])
    assert len(chunk) == len(lines)
    assert list(chunk.names) == list(dict.fromkeys(name for line in lines for name in line))
    for name in [*chunk.names, "unknown"]:
        assert repr(list(chunk.column(name))) == repr([line.get(name) for line in lines])


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 11, 12])
def test_epochs_are_a_sequence_of_their_lines(monkeypatch, count):
    monkeypatch.setattr(columns, "CHUNK", 4)
    monkeypatch.setattr("nnlite.runs.epochs.CHUNK", 4)
    lines = lines_of(count)
    growing = GrowingEpochs()
    for line in lines:
        growing.add(line)
    table = growing.table()
    assert list(table) == lines
    assert table == lines
    assert lines == table
    assert list(reversed(table)) == lines[::-1]
    assert len(table) == len(growing) == count
    assert table.names == (list(lines[0]) if lines else [])
    assert table.column("loss") == [line["loss"] for line in lines]
    assert table.column("unknown") == [None] * count
    for place in range(-count, count):
        assert table[place] == lines[place]
    for beyond in (count, -count - 1):
        with pytest.raises(IndexError):
            table[beyond]
    for number in range(-count - 2, count + 3):
        assert table[:number] == lines[:number]
        assert table[number:] == lines[number:]
        assert table[:number].digest == EpochTable(tail=lines[:number]).digest
        assert list(table.after(number)) == [line for line in lines if line["epoch"] > number]
        assert table.find(number) == next((line for line in lines if line["epoch"] == number), None)
    assert table[::-2] == lines[::-2]
    assert table != lines_of(count + 1)
    assert (table == lines_of(count, first=2)) == (not lines)


def test_what_was_read_once_stays_as_it_was_while_the_log_grows(tmp_path):
    folder = RunFolder(tmp_path)
    followed = FollowedRun(folder)
    lines = lines_of(5)
    folder.log.write_bytes(b"".join(encode(line) + b"\n" for line in lines[:3]))
    early = followed.read()
    with folder.log.open("ab") as file:
        file.write(encode({"event": "resume", "time": "t", "epoch": 1}) + b"\n")
        file.write(b"".join(encode(line) + b"\n" for line in lines[1:]))
    assert followed.read().epochs == lines
    assert early.epochs == lines[:3]


def naive(events):
    """The epochs of the last attempt, and the first contradiction, with a dictionary for everything."""
    epochs, firsts, contradiction = {}, {}, None
    for event in events:
        match event["event"]:
            case "start":
                epochs = {}
            case "resume":
                epochs = {number: line for number, line in epochs.items() if number <= event["epoch"]}
            case "epoch":
                epochs[event["epoch"]] = event
                first = firsts.setdefault(event["epoch"], event)
                if first is not event:
                    contradiction = contradiction or first_difference(event["epoch"], first, event)
    return [epochs[number] for number in sorted(epochs)], contradiction


START = {"event": "start", "time": "t", "run": "r", "config": {}, "seed": 0}
EVENTS = st.one_of(
    st.builds(lambda epoch: {"event": "resume", "time": "t", "epoch": epoch}, st.integers(0, 12)),
    st.just(START),
    st.builds(
        lambda first, count, loss: [
            {"event": "epoch", "time": "t", "epoch": epoch, "loss": loss or 1 / epoch}
            for epoch in range(first, first + count)
        ],
        *(st.integers(1, 12), st.integers(1, 9), st.sampled_from([0, 0, 0, 0.5])),
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return RunFolder(tmp_path_factory.mktemp("run"))


@given(st.lists(EVENTS, max_size=8), st.sampled_from([1, 3, 1024]))
def test_a_log_tells_what_a_naive_replay_finds(folder, parts, size):
    parts = [START, *parts]
    events = [event for part in parts for event in (part if isinstance(part, list) else [part])]
    lines = [encode(event) + b"\n" for event in events]
    expected = naive([json.loads(line) for line in lines])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnlite.runs.epochs.CHUNK", size)
        patch.setattr(columns, "CHUNK", size)
        folder.log.write_bytes(b"".join(lines))
        run = read_run(folder)
        assert (list(run.epochs), run.contradiction) == expected
        followed = FollowedRun(folder)
        for end in range(len(lines) + 1):
            folder.log.write_bytes(b"".join(lines[:end]))
            grown = followed.read()
        assert (list(grown.epochs), grown.contradiction) == expected


GOOD = [encode(line) + b"\n" for line in lines_of(4)]


@pytest.mark.parametrize(
    "lines",
    [
        GOOD,
        GOOD[:1],
        GOOD[2:],
        [line.replace(b'"t"', b'"2026-11-24T00:00:00.000Z"') for line in GOOD],
        [line.replace(b"}", b', "counts": [1, 2]}') for line in GOOD],
    ],
)
def test_plain_epochs_are_decoded_together(lines):
    assert decode_epochs(b"".join(lines)) == [decode(line) for line in lines]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        GOOD[::-1],  # not in order
        [GOOD[0], GOOD[2]],  # one is missing
        [GOOD[0], GOOD[0]],
        [b"\n", *GOOD],
        [*GOOD, GOOD[0][:-1]],
        [GOOD[0].replace(b"epoch", b"end", 1), *GOOD[1:]],
        [GOOD[0].replace(b"1", b'1, "loss": 2', 1), *GOOD[1:]],  # a key twice
        [GOOD[0].replace(b"1", b"true", 1), *GOOD[1:]],
        [GOOD[0].replace(b"1", b"1.0", 1), *GOOD[1:]],
        [line.replace(b'"epoch": ', b'"epoch": -') for line in GOOD[::-1]],
        [GOOD[0].replace(b'"t"', b'"\\u0074"'), *GOOD[1:]],
        [GOOD[0].replace(b'"t"', b'"\xff"'), *GOOD[1:]],
        [GOOD[0].replace(b"1.0", b"NaN"), *GOOD[1:]],
        [GOOD[0].replace(b'"t"', b'{"t": 1}'), *GOOD[1:]],
        [GOOD[0].replace(b'"t", ', b'"t}\n{'), *GOOD[1:]],  # braces within a text, which ends on the next line
        [GOOD[0][:-2] + b"\n", b"{" + GOOD[1], *GOOD[2:]],
        [GOOD[0].replace(b"\n", b",") + GOOD[1], *GOOD[2:]],  # two on one line
        [GOOD[0].replace(b"{", b"["), *GOOD[1:]],
    ],
)
def test_anything_else_is_left_to_who_looks_at_each_line(lines):
    assert decode_epochs(b"".join(lines)) is None


def test_a_long_run_takes_bounded_memory_to_read(tmp_path):
    """Reading 20,000 epochs of 300 bytes: what stays is less than half of the log, and little more was there before."""
    rng = random.Random(0)  # noqa: S311 - made-up curves
    folder = RunFolder(tmp_path)
    with folder.log.open("wb") as file:
        for epoch in range(1, 20_001):
            values = {f"metric_{number}": rng.random() for number in range(8)}
            file.write(encode({"event": "epoch", "time": "2026-11-24T00:00:00.000Z", "epoch": epoch, **values}) + b"\n")
    read_run(folder)  # whatever is made once
    tracemalloc.start()
    try:
        run = read_run(folder)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(run.epochs) == 20_000
    assert kept < folder.log.stat().st_size / 2
    assert peak < kept + 8_000_000
    assert kept < 20_000 * sys.getsizeof(run.epochs[0]), "a dictionary each, without what is in it, would take more"
