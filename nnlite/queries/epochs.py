"""Questions about the epochs of one run: the same condition, order and columns, over its epochs and their metrics."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from nnlite.errors import InputError, nearest
from nnlite.expressions import parse
from nnlite.queries.names import split_names
from nnlite.runs import Metric, Run, metric_named
from nnlite.runs.digest import NOT_METRICS, column_of_numbers

EPOCH = "epoch"


class Epochs:
    """The epochs of `run`; each is a line of its number, `epoch`, and every metric, None where it has none."""

    def __init__(self, run: Run) -> None:
        self.run = run
        epochs = run.whole
        self.metrics = [
            name for name in epochs.names if name not in NOT_METRICS and {list} != _kinds(epochs.column(name))
        ]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The lines, one at a time: there may be very many."""
        names = [EPOCH, *self.metrics]
        for chunk in self.run.whole.chunks():
            for values in zip(*(column_of_numbers(chunk.column(name)) for name in names), strict=True):
                yield dict(zip(names, values, strict=True))

    def metric(self, name: str) -> Metric:
        """The metric called `name`.

        Raises:
            InputError: no epoch has logged it; the sentence has the nearest name.
        """
        name = name.removeprefix("metrics.")
        if name not in self.metrics:
            raise InputError(f"the epochs of {self.run.id} have no {name!r}; {nearest(name, self.metrics)}")
        own = self.run.objective
        return own if own.name == name else metric_named(name, self.metrics)

    def columns(self, names: str | None = None) -> list[str]:
        """What a list of names, with commas between them, refers to; without one, all.

        Raises:
            InputError: one refers to nothing, or there is none.
        """
        words = [EPOCH, *self.metrics] if names is None else split_names(names)
        return [word if word == EPOCH else self.metric(word).name for word in words]

    def select(
        self, where: str | None = None, sort: str | None = None, top: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """The lines for which the condition holds, in the order asked for, so many at most.

        Raises:
            InputError: as of `nnlite.queries.select`.
        """
        lines = iter(self)
        if where is not None:
            lines = filter(parse(where, [EPOCH, *self.metrics]).holds, lines)
        for word in reversed(split_names(sort) if sort is not None else []):
            lines = iter(self._sorted(list(lines), word.removeprefix("-"), turned=word.startswith("-")))
        return islice(lines, top)

    def _sorted(self, lines: Sequence[dict[str, Any]], word: str, *, turned: bool) -> list[dict[str, Any]]:
        (name,) = self.columns(word)
        known = [line for line in lines if line[name] is not None]
        missing = [line for line in lines if line[name] is None]
        falling = turned != (name != EPOCH and self.metric(name).higher_is_better)
        return sorted(known, key=lambda line: line[name], reverse=falling) + missing


def _kinds(values: Sequence[Any]) -> set[type]:
    """The types of the values that there are."""
    return {*map(type, values)} - {type(None)}
