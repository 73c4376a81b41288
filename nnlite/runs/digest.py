"""A digest: what the epochs of a run come to, each metric's lowest, highest and last value, without a line of them.

Whatever lists, ranks or selects runs asks for no more than this of any epoch, so that 10,000 runs fit into memory, and
into an index, as digests.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeGuard

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


def digest_of(epochs: Iterable[Mapping[str, Any]]) -> Digest:
    """The digest of these lines of a log."""
    found: dict[str, list[Any]] = {}
    times: list[float] = []
    for line in epochs:
        epoch = line["epoch"]
        for name, value in numbers(line).items():
            known = found.get(name)
            if known is None:
                found[name] = [value, epoch] * 3
                continue
            if value < known[0]:
                known[:2] = value, epoch
            if value > known[2]:
                known[2:4] = value, epoch
            known[4:] = value, epoch
        if is_number(seconds := line.get("seconds")):
            times.append(seconds)
    return Digest(sum(times) if times else None, {name: Extremes(*each) for name, each in found.items()})


def numbers(fields: object) -> dict[str, float]:
    """The metrics among the fields of an event."""
    if not isinstance(fields, Mapping):
        return {}
    return {key: value for key, value in fields.items() if key not in NOT_METRICS and is_number(value)}


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that a float can hold: JSON knows larger ones."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
