"""A digest: what the epochs of a run come to, each metric's lowest, highest and last value, without a line of them.

Whatever lists, ranks or selects runs asks for no more than this of any epoch, so that 10,000 runs fit into memory, and
into an index, as digests.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import add
from typing import Any, Literal, NamedTuple, TypeGuard

NOT_METRICS = frozenset({"event", "time", "epoch"})
CHUNK = 1024  # lines that are looked at together


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


def digest_of(epochs: Iterable[Mapping[str, Any]]) -> Digest:
    """The digest of these lines of a log."""
    found: dict[str, list[Any]] = {}
    seconds: float | None = None
    lines = iter(epochs)
    while chunk := list(islice(lines, CHUNK)):
        for columns, numbered in _tables(chunk):
            for name, values in columns.items():
                _fold(found, name, values, numbered)
            if "seconds" in columns:
                seconds = reduce(add, columns["seconds"], seconds or 0)
    return Digest(seconds, {name: Extremes(*each) for name, each in found.items()})


def _tables(chunk: Sequence[Mapping[str, Any]]) -> Iterator[tuple[dict[str, Sequence[float]], Sequence[int]]]:
    """The numbers of these lines by metric, with the epochs that they are of: as one table, or as one a line.

    Where all lines have the same metrics, and numbers alone, a column is compared at once, which is much faster.
    """
    names = list(chunk[0])
    if all(list(line) == names for line in chunk):
        table = dict(zip(names, zip(*(line.values() for line in chunk), strict=True), strict=True))
        columns: dict[str, Sequence[float]] = {
            name: values for name, values in table.items() if name not in NOT_METRICS
        }
        if all(map(_are_numbers, columns.values())):
            yield columns, table["epoch"]
            return
    for line in chunk:
        yield {name: (value,) for name, value in numbers(line).items()}, (line["epoch"],)


def _are_numbers(column: Sequence[Any]) -> bool:
    kinds = {*map(type, column)}
    # The sum tells whether something is not a number, which hides from both comparisons.
    return kinds <= {int, float} and is_number(min(column)) and is_number(max(column)) and is_number(sum(column))


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


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that a float can hold: JSON knows larger ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
