"""A digest: what the epochs of a run come to, each metric's lowest, highest and last value, without a line of them.

Whatever lists, ranks or selects runs asks for no more than this of any epoch, so that 10,000 runs fit into memory, and
into an index, as digests.
"""

import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal, NamedTuple, TypeGuard

from nnlite.runs.columns import Chunk

NOT_METRICS = frozenset({"event", "time", "epoch"})


@dataclass(frozen=True)
class Value:
    """A run's value of a metric, and the epoch that it is from (0: from the end of the run)."""

    value: float
    epoch: int


class Extremes(NamedTuple):
    """A metric's lowest, highest and last value, each with its epoch: of equals the earliest."""

    lowest: float
    lowest_epoch: int
    highest: float
    highest_epoch: int
    last: float
    last_epoch: int

    def value(self, *, higher_is_better: bool, at: Literal["best", "last"] = "best") -> Value:
        """The one that is asked for."""
        if at == "last":
            return Value(self.last, self.last_epoch)
        return Value(self.highest, self.highest_epoch) if higher_is_better else Value(self.lowest, self.lowest_epoch)


@dataclass(frozen=True)
class Digest:
    """Of the epochs of one run.

    Attributes:
        seconds: what they took together; None where no epoch tells.
        metrics: every metric that one of them has logged, in the order of its first appearance.
    """

    seconds: float | None
    metrics: Mapping[str, Extremes]


def digest_of(chunks: Iterable[Chunk]) -> Digest:
    """The digest of the epochs in these chunks."""
    found: dict[str, list[Any]] = {}
    seconds: float | None = None
    for chunk in chunks:
        epochs = chunk.column("epoch")
        columns = [(name, *_numbers(chunk.column(name), epochs)) for name in chunk.names if name not in NOT_METRICS]
        # Of two metrics that this chunk is the first to have, the one that an earlier line has comes first.
        for name, values, numbered in sorted((each for each in columns if each[1]), key=lambda each: each[2][0]):
            _fold(found, name, values, numbered)
            if name == "seconds":
                seconds = reduce(add, values, seconds or 0)
    return Digest(seconds, {name: Extremes(*each) for name, each in found.items()})


def _numbers(column: Sequence[Any], epochs: Sequence[int]) -> tuple[Sequence[float], Sequence[int]]:
    """The numbers in a column, and the epochs that they are of."""
    if isinstance(column, array | range):
        return column, epochs
    kept = [(value, epoch) for value, epoch in zip(column, epochs, strict=True) if is_number(value)]
    return [value for value, _ in kept], [epoch for _, epoch in kept]


def _fold(found: dict[str, list[Any]], name: str, values: Sequence[float], epochs: Sequence[int]) -> None:
    """Take further values of a metric into what is known of it: of equals the earliest stays."""
    low, high = min(values), max(values)
    known = found.setdefault(name, [low, epochs[values.index(low)], high, epochs[values.index(high)], None, None])
    if low < known[0]:
        known[:2] = low, epochs[values.index(low)]
    if high > known[2]:
        known[2:4] = high, epochs[values.index(high)]
    known[4:] = values[-1], epochs[-1]


def numbers(fields: object) -> dict[str, float]:
    """The metrics among the fields of an event."""
    if not isinstance(fields, Mapping):
        return {}
    return {key: value for key, value in fields.items() if key not in NOT_METRICS and is_number(value)}


def column_of_numbers(values: Sequence[Any]) -> list[float | None]:
    """The same values, with None for each that is no number."""
    if {*map(type, values)} <= {int, float} and is_number(min(values)) and is_number(max(values)):
        return list(values)
    return [value if is_number(value) else None for value in values]


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that a float can hold: JSON knows larger ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
