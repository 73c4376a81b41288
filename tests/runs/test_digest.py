"""A digest against going through the epochs."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.runs import columns
from nnlite.runs.columns import chunks_of
from nnlite.runs.digest import Extremes, Value, digest_of

VALUES = st.one_of(st.none(), st.booleans(), st.text(max_size=2), st.integers(), st.floats(width=16), st.just(10**400))
EPOCHS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "seconds", "time"]), VALUES), max_size=6)


def is_finite_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


@given(EPOCHS)
def test_a_digest_is_what_going_through_the_epochs_finds(lines):
    epochs = [{"event": "epoch", **line, "epoch": number} for number, line in enumerate(lines, start=1)]
    told = digest_of(chunks_of(epochs))
    firsts = {}  # the line that is the first to have a number
    for name in dict.fromkeys(name for line in lines for name in line if name != "time"):
        numbered = [place for place, line in enumerate(lines) if is_finite_number(line.get(name))]
        firsts |= {name: numbered[0]} if numbered else {}
    assert list(told.metrics) == sorted(firsts, key=firsts.get)
    for name, extremes in told.metrics.items():
        known = [(line[name], line["epoch"]) for line in epochs if is_finite_number(line.get(name))]
        assert extremes.value(higher_is_better=True) == Value(*max(known, key=lambda each: each[0]))
        assert extremes.value(higher_is_better=False) == Value(*min(known, key=lambda each: each[0]))
        assert extremes.value(higher_is_better=True, at="last") == Value(*known[-1])
    times = [line["seconds"] for line in lines if is_finite_number(line.get("seconds"))]
    assert told.seconds == (sum(times) if times else None)


def test_of_equals_the_earliest_counts():
    epochs = [{"epoch": number, "a": value} for number, value in enumerate([2, 1, 2, 1], start=1)]
    assert digest_of(chunks_of(epochs)).metrics["a"] == Extremes(1, 2, 2, 1, 1, 4)


@pytest.mark.parametrize("odd", [None, float("nan"), 10**400, True, "text"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_digest_is_the_same_however_many_lines_are_looked_at_together(monkeypatch, size, odd):
    rng = random.Random(size)  # noqa: S311 - made-up curves
    lines = [{"epoch": epoch, "a": rng.choice([0.0, -0.0, 0.5, 2]), "seconds": rng.random()} for epoch in range(1, 50)]
    monkeypatch.setattr(columns, "CHUNK", size)
    for epochs in (lines, [*lines[:20], lines[20] | {"a": odd}, *lines[21:]]):
        told = digest_of(chunks_of(epochs))
        known = [(line["a"], line["epoch"]) for line in epochs if is_finite_number(line["a"])]
        low, high = min(known, key=lambda each: each[0]), max(known, key=lambda each: each[0])
        assert repr(told.metrics["a"]) == repr(Extremes(*low, *high, *known[-1]))
        total = 0.0
        for line in epochs:
            total += line["seconds"]
        assert told.seconds == total
