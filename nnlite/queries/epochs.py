"""Questions about the epochs of one run: the same condition, order and columns, over its epochs and their metrics."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from nnlite.errors import InputError, nearest
from nnlite.expressions import parse
from nnlite.queries.names import split_names
from nnlite.runs import Metric, Run, metric_named
from nnlite.runs.digest import NOT_METRICS, is_number

EPOCH = "epoch"


class Epochs:
    """The epochs of `run`; each is a line of its number, `epoch`, and every metric, None where it has none."""

    def __init__(self, run: Run) -> None:
        self.run = run
        names = (
            name for line in run.epochs for name in line if name not in NOT_METRICS and not isinstance(line[name], list)
        )
        self.metrics = list(dict.fromkeys(names))

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """What was asked for may be of no epoch: they are made when somebody looks at them."""
        return [
            {EPOCH: line[EPOCH]} | {name: line[name] if is_number(line.get(name)) else None for name in self.metrics}
            for line in self.run.epochs
        ]

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

    def select(self, where: str | None = None, sort: str | None = None, top: int | None = None) -> list[dict[str, Any]]:
        """The lines for which the condition holds, in the order asked for, so many at most.

        Raises:
            InputError: as of `nnlite.queries.select`.
        """
        lines = self.lines
        if where is not None:
            condition = parse(where, [EPOCH, *self.metrics])
            lines = [line for line in lines if condition.holds(line)]
        for word in reversed(split_names(sort) if sort is not None else []):
            lines = self._sorted(lines, word.removeprefix("-"), turned=word.startswith("-"))
        return lines[:top]

    def _sorted(self, lines: Sequence[dict[str, Any]], word: str, *, turned: bool) -> list[dict[str, Any]]:
        (name,) = self.columns(word)
        known = [line for line in lines if line[name] is not None]
        missing = [line for line in lines if line[name] is None]
        falling = turned != (name != EPOCH and self.metric(name).higher_is_better)
        return sorted(known, key=lambda line: line[name], reverse=falling) + missing
