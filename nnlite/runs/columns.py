"""Many lines of a log in a tenth of the memory: their names once, and their values by column.

A log says the same of every epoch, and only the values differ. A line that is taken out again is equal to the one that
was put in.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

CHUNK = 1024  # lines that are packed together
Column = range | array | str | tuple[Any, ...]  # type: ignore[type-arg]  # texts are joined by line breaks


class _Missing:
    """Stands where a line lacks what others of its chunk have."""


MISSING = _Missing()


class Chunk:
    """Some lines, at least one."""

    def __init__(self, lines: Sequence[Mapping[str, Any]]) -> None:
        names = list(lines[0])
        if len({*map(tuple, lines)}) == 1:
            columns: Iterable[tuple[Any, ...]] = zip(*(line.values() for line in lines), strict=True)
            self._is_full = True
        else:
            names = list(dict.fromkeys(name for line in lines for name in line))
            columns = (tuple(line.get(name, MISSING) for line in lines) for name in names)
            self._is_full = False
        self._columns = dict(zip(names, map(_packed, columns), strict=True))
        self._count = len(lines)

    @property
    def names(self) -> Iterable[str]:
        """What is in one line or another, in the order of first appearance."""
        return self._columns

    def column(self, name: str) -> Sequence[Any]:
        """What the lines have as `name`; None where one has nothing."""
        if name not in self._columns:
            return [None] * self._count
        values = self._unpacked(name)
        return values if self._is_full else [None if value is MISSING else value for value in values]

    def __len__(self) -> int:
        """How many lines."""
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The lines, in order."""
        names = list(self._columns)
        rows = zip(*map(self._unpacked, names), strict=True)
        if self._is_full:
            return (dict(zip(names, row, strict=True)) for row in rows)
        return ({name: value for name, value in zip(names, row, strict=True) if value is not MISSING} for row in rows)

    def _unpacked(self, name: str) -> Sequence[Any]:
        packed = self._columns[name]
        return packed.split("\n") if isinstance(packed, str) else packed


def chunks_of(lines: Iterable[Mapping[str, Any]]) -> Iterator[Chunk]:
    """The lines, in chunks."""
    rest = iter(lines)
    while some := list(islice(rest, CHUNK)):
        yield Chunk(some)


def _packed(values: tuple[Any, ...]) -> Column:
    """The values as small as can be had at little cost."""
    kinds = {*map(type, values)}
    if kinds == {float} and math.isfinite(sum(values)):
        return array("d", values)
    if kinds == {int}:
        try:
            numbers = array("q", values)
        except OverflowError:
            return values
        consecutive = range(values[0], values[0] + len(values))
        return consecutive if values == tuple(consecutive) else numbers
    if kinds == {str} and (joined := "\n".join(values)).count("\n") == len(values) - 1:
        return joined
    return values
