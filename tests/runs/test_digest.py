"""A digest against going through the epochs."""

from hypothesis import given
from hypothesis import strategies as st

from nnlite.runs.digest import Extremes, Value, digest_of

VALUES = st.one_of(st.none(), st.booleans(), st.text(max_size=2), st.integers(), st.floats(width=16), st.just(10**400))
EPOCHS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "seconds", "time"]), VALUES), max_size=6)


def is_finite_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


@given(EPOCHS)
def test_a_digest_is_what_going_through_the_epochs_finds(lines):
    epochs = [{"event": "epoch", **line, "epoch": number} for number, line in enumerate(lines, start=1)]
    digest = digest_of(epochs)
    names = dict.fromkeys(name for line in lines for name, value in line.items() if is_finite_number(value))
    names.pop("time", None)
    assert list(digest.metrics) == list(names)
    for name, extremes in digest.metrics.items():
        known = [(line[name], line["epoch"]) for line in epochs if is_finite_number(line.get(name))]
        assert extremes.value(higher_is_better=True) == Value(*max(known, key=lambda each: each[0]))
        assert extremes.value(higher_is_better=False) == Value(*min(known, key=lambda each: each[0]))
        assert extremes.value(higher_is_better=True, at="last") == Value(*known[-1])
    times = [line["seconds"] for line in lines if is_finite_number(line.get("seconds"))]
    assert digest.seconds == (sum(times) if times else None)


def test_of_equals_the_earliest_counts():
    epochs = [{"epoch": number, "a": value} for number, value in enumerate([2, 1, 2, 1], start=1)]
    assert digest_of(epochs).metrics["a"] == Extremes(1, 2, 2, 1, 1, 4)
