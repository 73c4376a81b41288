"""Long curves with fewer points: no extreme is lost, and what is short or has gaps stays whole."""

import random

import pytest

from nnlite.runs.thinning import places_to_draw

RNG = random.Random(0)  # noqa: S311 - made-up curves
LONG = [[RNG.gauss(0, 1) for _ in range(10_000)] for _ in range(3)]


@pytest.mark.parametrize("columns", [LONG[:1], LONG])
def test_of_each_part_the_ends_and_every_extreme_are_kept(columns):
    places = places_to_draw(columns, 100)
    assert places == sorted(set(places))
    assert len(places) <= 100 * (2 + 2 * len(columns))
    for begin in range(0, 10_000, 100):
        part = [place for place in places if begin <= place < begin + 100]
        assert (part[0], part[-1]) == (begin, begin + 99)
        for column in columns:
            values = column[begin : begin + 100]
            kept = [column[place] for place in part]
            assert (min(kept), max(kept)) == (min(values), max(values))


@pytest.mark.parametrize("count", [0, 1, 99, 400])
def test_a_short_curve_stays_whole(count):
    assert places_to_draw([LONG[0][:count]], 100) == list(range(count))


def test_a_part_with_a_gap_stays_whole():
    column = [*LONG[0]]
    column[250] = None
    places = places_to_draw([column], 100)
    assert [place for place in places if 200 <= place < 300] == list(range(200, 300))
    assert len([place for place in places if 300 <= place < 400]) <= 4
