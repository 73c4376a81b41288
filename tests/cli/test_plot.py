"""Curves in characters."""

import math
from itertools import pairwise

import pytest

from nnlite.cli.plot import Curve, plot


def drawn(*values, width=40, height=8, unicode=True, name="loss", more=()):
    curves = [
        Curve(name, list(enumerate(values, 1))),
        *(Curve(f"other {name}", list(enumerate(v, 1))) for v in more),
    ]
    return plot(curves, lambda value: f"{value:.3g}", width=width, height=height, unicode=unicode)


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("width", [20, 40, 80, 120])
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_no_line_is_longer_than_the_width(width, unicode, count):
    lines = drawn(*(math.sin(n / 9) for n in range(count)), width=width, unicode=unicode)
    assert max(map(len, lines)) <= width
    assert len(lines) == 8 + 3


def test_a_rising_curve_in_ascii_rises_and_its_axes_name_the_ends():
    lines = drawn(0, 1, 2, 3, 4, width=20, height=5, unicode=False)
    assert lines == [
        "loss",
        "4 |             ***",
        "  |          ***",
        "2 |      ****",
        "  |   ***",
        "0 |***",
        "  +----------------",
        "   1    epoch     5",
    ]


def test_braille_draws_eight_dots_to_a_character():
    assert drawn(0, 1, width=11, height=2) == [
        "loss",
        "1 ┤    ⣀⠤⠒⠉",
        "0 ┤⣀⠤⠒⠉",
        "  └────────",
        "   1      2",
    ]


def test_ascii_is_ascii():
    assert all(line.isascii() for line in drawn(3, 2, None, 1, unicode=False, more=[(1, 2, 3, 4)]))


def test_a_second_curve_is_told_from_the_first_without_colours():
    lines = drawn(1, 2, 3, unicode=False, more=[(3, 2, 1)])
    assert lines[0] == "* loss, o other loss"
    assert any("*" in line for line in lines[1:])
    assert any("o" in line for line in lines[1:])


def test_what_was_not_finite_leaves_a_gap():
    whole = sum(line.count("*") for line in drawn(1, 1, 1, 1, 1, unicode=False))
    assert sum(line.count("*") for line in drawn(1, 1, None, 1, 1, unicode=False)) < whole - 10


def test_a_constant_lies_in_the_middle_between_two_labels():
    lines = drawn(5, 5, 5, unicode=False, height=5)
    assert "*" in lines[3]
    assert lines[1].split()[0] == "5.05"


def test_a_curve_over_decades_is_drawn_on_a_logarithmic_scale():
    lines = drawn(1000, 100, 10, 1, unicode=False, height=7, width=24)
    assert lines[0] == "loss, logarithmic"
    assert [line.split()[0] for line in (lines[1], lines[7])] == ["1e+03", "1"]
    falls = [line.index("*") for line in lines[1:8]]
    assert falls == sorted(falls)
    assert max(later - one for one, later in pairwise(falls)) <= 5  # a straight line


@pytest.mark.parametrize("values", [(None, None), ()])
def test_without_a_value_there_is_a_sentence(values):
    assert drawn(*values) == ["loss", "no values"]


@pytest.mark.parametrize("values", [(1e308, -1e308), (5e-324, 1e308), (0.0, 0.0), (-0.0, 1e-300)])
def test_extreme_numbers_are_drawn(values):
    assert len(drawn(*values)) == 11
