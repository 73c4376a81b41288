"""Two records of one training, compared number by number and bit by bit.

The same trial gives the same numbers wherever it is trained under the same fingerprint, all but what a clock said. JSON
holds a float as its shortest text that reads back as the same bits, so equal numbers in two logs are equal bits.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TIMINGS = frozenset({"seconds", "images_per_second", "total_seconds"})
NOT_NUMBERS = frozenset({"event", "time", "epoch"})

Number = float | None  # None stands for what is not finite, as in the log


@dataclass(frozen=True)
class Difference:
    """Where two records part: after `epoch` (0: in the final summary) one says `one`, the other `other`."""

    epoch: int
    metric: str
    one: Number
    other: Number

    @property
    def place(self) -> str:
        """Such as "val_acc after epoch 3"."""
        return f"{self.metric} {f'after epoch {self.epoch}' if self.epoch else 'in the final summary'}"


def comparable_numbers(fields: object) -> dict[str, Number]:
    """The numbers of an epoch's line or of a final summary that a second training must repeat.

    Those of a list have their place in it behind its name: `class_counts.3`.
    """
    if not isinstance(fields, Mapping):
        return {}
    numbers: dict[str, Number] = {}
    for name, value in fields.items():
        if name in TIMINGS | NOT_NUMBERS:
            continue
        if value is None or _is_number(value):
            numbers[name] = value
        elif isinstance(value, list):
            numbers |= {f"{name}.{place}": each for place, each in enumerate(value) if _is_number(each)}
    return numbers


def first_difference(epoch: int, one: object, other: object, *, missing_differs: bool = False) -> Difference | None:
    """The first number of `one` that `other` says otherwise.

    Args:
        epoch: the epoch that both are of; 0 for final summaries.
        one: a line of a log, or the metrics of its end.
        other: likewise.
        missing_differs: whether a number that `other` lacks is a difference; else only common names are compared.
    """
    others = comparable_numbers(other)
    for name, value in comparable_numbers(one).items():
        if (name in others or missing_differs) and not same_number(value, others.get(name)):
            return Difference(epoch, name, value, others.get(name))
    return None


def first_parting(one: Iterable[Mapping[str, Any]], other: Iterable[Mapping[str, Any]]) -> Difference | None:
    """The first number that two runs do not share, in the epochs that both have; each run's are in order."""
    others = iter(other)
    beside = next(others, None)
    for line in one:
        while beside is not None and beside["epoch"] < line["epoch"]:
            beside = next(others, None)
        if beside is None:
            return None
        if beside["epoch"] == line["epoch"] and (found := first_difference(line["epoch"], line, beside)):
            return found
    return None


def same_number(one: Number, other: Number) -> bool:
    """Whether two logged numbers are the same bits: equal, and 0.0 is not -0.0."""
    return one == other and (one != 0 or repr(one)[0] == repr(other)[0])


def exactly(value: Number) -> str:
    """A number in full precision."""
    return "not finite" if value is None else repr(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
