"""Curves in characters, for a terminal: Braille dots, eight to a character, or ASCII where those cannot be shown.

A plot is plain lines of text: a title, an axis with three values, the curves, and the epochs below. Where two curves
share it the second is dashed (in ASCII: of another letter), so that nobody needs colours to tell them apart.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnlite.runs.thinning import places_to_draw

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of U+2800, by row and column
BLANK = 0x2800
ASCII_MARKS = "*o+"
NEEDED = "⣿│┤└─┬"  # what the encoding of a terminal must have
LOGARITHMIC_FROM = 30.0  # times that a positive curve's largest value is its smallest
SMALLEST = (8, 3)  # characters
FINEST = 16  # parts of a character's width: what happens within one is told by its extremes


@dataclass(frozen=True)
class Curve:
    """A metric by epoch; what is None leaves a gap."""

    name: str
    points: Sequence[tuple[int, float | None]]


def plot(
    curves: Sequence[Curve], write: Callable[[float], str], *, width: int, height: int = 8, unicode: bool = True
) -> list[str]:
    """Draw one or two curves.

    Args:
        curves: over the same epochs.
        write: turns a value into a label of the axis.
        width: of the whole, in characters; no line is longer, unless that leaves no room to draw at all.
        height: of the drawing, without its title and its epochs.
        unicode: whether Braille can be shown.

    Returns:
        The lines; a sentence instead of a plot if there is nothing to draw.
    """
    title = _title(curves, unicode)
    curves = [Curve(curve.name, _thinned(curve.points, FINEST * width)) for curve in curves]
    values = [value for curve in curves for _, value in curve.points if value is not None]
    if not values:
        return [title[:width], "no values"]
    scale = _Scale.of(values)
    labels = {0: write(scale.value(1.0)), height // 2: write(scale.value(1 - height // 2 / (height - 1)))}
    labels[height - 1] = write(scale.value(0.0))
    margin = max(map(len, labels.values()))
    columns = max(width - margin - 3, SMALLEST[0])
    epochs = [epoch for curve in curves for epoch, _ in curve.points]
    first, last = min(epochs), max(epochs)
    canvas = _Canvas(columns, height, unicode)
    for number, curve in enumerate(curves):
        canvas.draw([(_share(epoch, first, last), _height(value, scale)) for epoch, value in curve.points], number)
    tick, bar, corner, line = "┤│└─" if unicode else "|||-"
    if not unicode:
        corner = "+"
    lines = [f"{title}{', logarithmic' if scale.logarithmic else ''}"]
    for row, text in enumerate(canvas.rows()):
        lines.append(f"{labels.get(row, ''):>{margin}} {tick if row in labels else bar}{text}".rstrip())
    lines.append(f"{'':>{margin}} {corner}{line * columns}")
    lines.append(f"{'':>{margin + 2}}{_epoch_axis(first, last, columns)}")
    return lines


def _thinned(points: Sequence[tuple[int, float | None]], parts: int) -> Sequence[tuple[int, float | None]]:
    return [points[place] for place in places_to_draw([[value for _, value in points]], parts)]


def _title(curves: Sequence[Curve], unicode: bool) -> str:
    if len(curves) == 1:
        return curves[0].name
    keys = ("⠤⠤", "⠄⠄") if unicode else ASCII_MARKS
    return ", ".join(f"{key} {curve.name}" for key, curve in zip(keys, curves, strict=False))


def _epoch_axis(first: int, last: int, columns: int) -> str:
    """The first and the last epoch, with the word in between."""
    if first == last:
        return f"epoch {first}"
    left, right = str(first), str(last)
    room = columns - len(left) - len(right)
    return f"{left}{'epoch' if room >= 7 else '':^{max(room, 1)}}{right}"


def _share(epoch: int, first: int, last: int) -> float:
    return (epoch - first) / (last - first) if last > first else 0.0


def _height(value: float | None, scale: "_Scale") -> float | None:
    return None if value is None else scale.share(value)


@dataclass(frozen=True)
class _Scale:
    """From a value to its height, from 0 to 1."""

    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, values: Sequence[float]) -> "_Scale":
        low, high = min(values), max(values)
        if low > 0 and high / low >= LOGARITHMIC_FROM:
            return cls(math.log(low), math.log(high), logarithmic=True)
        if not high / 2 - low / 2 > abs(high) * 1e-12:  # a constant lies in the middle
            margin = abs(high) / 100 or 1.0
            return cls(low - margin, high + margin, logarithmic=False)
        return cls(low, high, logarithmic=False)

    def share(self, value: float) -> float:
        at = math.log(value) if self.logarithmic else value
        return (at / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves, for the difference may overflow

    def value(self, share: float) -> float:
        at = self.low * (1 - share) + self.high * share
        return math.exp(at) if self.logarithmic else at


class _Canvas:
    """Dots in characters: 2 by 4 in each of Braille, one in each of ASCII."""

    def __init__(self, columns: int, height: int, unicode: bool) -> None:
        self._unicode = unicode
        self._across, self._down = (2, 4) if unicode else (1, 1)
        self._width, self._height = columns * self._across, height * self._down
        self._cells = [[BLANK if unicode else ord(" ")] * columns for _ in range(height)]

    def draw(self, points: Sequence[tuple[float, float | None]], number: int) -> None:
        """A line through the points, whose coordinates are from 0 to 1; later curves do not cover earlier ones."""
        places = [None if y is None else self._place(x, y) for x, y in points]
        for place in places:
            if place:
                self._mark(*place, number)
        for one, other in pairwise(places):
            if one and other:
                self._line(one, other, number)

    def rows(self) -> list[str]:
        """The lines of text."""
        blank = chr(BLANK)
        return ["".join(map(chr, row)).replace(blank, " ") for row in self._cells]

    def _place(self, x: float, y: float) -> tuple[int, int]:
        return round(x * (self._width - 1)), round((1 - y) * (self._height - 1))

    def _line(self, one: tuple[int, int], other: tuple[int, int], number: int) -> None:
        steps = max(abs(other[0] - one[0]), abs(other[1] - one[1]))
        for step in range(1, steps):
            x = round(one[0] + (other[0] - one[0]) * step / steps)
            y = round(one[1] + (other[1] - one[1]) * step / steps)
            if number == 0 or not self._unicode or (x + y) % 4 < 2:
                self._mark(x, y, number)

    def _mark(self, x: int, y: int, number: int) -> None:
        row, column = y // self._down, x // self._across
        if self._unicode:
            self._cells[row][column] |= DOTS[y % 4][x % 2]
        elif self._cells[row][column] == ord(" "):
            self._cells[row][column] = ord(ASCII_MARKS[number])
