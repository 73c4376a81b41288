"""Names: what a run can be asked for, in a condition, as a column, or to sort by.

A name is a fact about the run (`FACTS`), one of its hyperparameters, or a metric that it logged. A word that is several
of these means the first: `learning_rate` is the hyperparameter, `epochs` how many were trained. `config.epochs` and
`metrics.learning_rate` say which one is meant.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from nnlite.errors import InputError, nearest
from nnlite.runs import METRICS, Metric, Run, Value, metric_named

At = Literal["best", "last"]
Kind = Literal["fact", "config", "metrics"]


@dataclass(frozen=True)
class Entry:
    """A run as a list of runs shows it: with the metric that it is ranked by, and what tells it from the others."""

    run: Run
    objective: Metric
    trial: str

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """What it was trained with: also what its log, being older, leaves to the defaults, or to another value."""
        # Loaded by those who ask: it takes as long as to read 10,000 runs from an index.
        from pydantic import ValidationError  # noqa: PLC0415

        from nnlite.models import HYPERPARAMETERS  # noqa: PLC0415

        fields = HYPERPARAMETERS.get(self.run.model)
        config = {name: value for name, value in self.run.config.items() if name != "seed"}
        try:
            return config | fields(**config).effective() if fields else config
        except (ValidationError, TypeError):  # hyperparameters that this version does not know
            return config

    def measured(self, metric: Metric, at: At) -> Value | None:
        """Its value of `metric`."""
        return self.run.value(metric, at=at)


def _objective(entry: Entry, at: At) -> float | None:
    measured = entry.measured(entry.objective, at)
    return measured.value if measured else None


def _epoch(entry: Entry, at: At) -> int | None:
    measured = entry.measured(entry.objective, at)
    return measured.epoch or None if measured else None


FACTS: Mapping[str, Callable[[Entry, At], Any]] = {
    "run": lambda entry, _: entry.run.id,
    "id": lambda entry, _: entry.run.id,
    "sweep": lambda entry, _: entry.run.sweep,
    "model": lambda entry, _: entry.run.model,
    "dataset": lambda entry, _: entry.run.dataset,
    "trial": lambda entry, _: entry.trial,
    "seed": lambda entry, _: entry.run.seed,
    "status": lambda entry, _: entry.run.status,
    "epochs": lambda entry, _: len(entry.run.epochs),
    "seconds": lambda entry, _: entry.run.training_seconds,
    "started": lambda entry, _: _text(entry.run.start.get("time")),
    "metric": lambda entry, _: entry.objective.name,
    "objective": _objective,
    "epoch": _epoch,
    "error": lambda entry, _: entry.run.error or None,
    "host": lambda entry, _: _text(entry.run.start.get("host")),
    "folder": lambda entry, _: str(entry.run.folder.path),
}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Column:
    """What a name refers to.

    Attributes:
        name: as it was given.
        kind: what it is of.
        key: its name among those of its kind.
        flat: a name that means this and nothing else.
        metric: the metric, where it is one.
    """

    name: str
    kind: Kind
    key: str
    flat: str
    metric: Metric | None = None

    def value(self, entry: Entry, at: At = "best") -> Any:
        """The entry's value, None if it has none."""
        if self.metric:
            measured = entry.measured(self.metric, at)
            return measured.value if measured else None
        return FACTS[self.key](entry, at) if self.kind == "fact" else entry.hyperparameters.get(self.key)


def split_names(names: str) -> list[str]:
    """The names in a list with commas between them.

    Raises:
        InputError: there is none.
    """
    words = [word for each in names.split(",") if (word := each.strip())]
    if not words:
        raise InputError(f"{names!r} names nothing; give names with commas between them, such as run,val_acc")
    return words


class Vocabulary:
    """What the names mean for these `entries`; their epochs are read for the sake of an unknown metric alone."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = list(entries)

    @cached_property
    def hyperparameters(self) -> list[str]:
        """Every hyperparameter that one of them has."""
        return list(dict.fromkeys(name for entry in self._entries for name in entry.hyperparameters))

    @cached_property
    def metrics(self) -> list[str]:
        """Every metric that one of them has logged, those of epochs first."""
        told = {"best_epoch", "epochs", "total_seconds"}  # of the summary: facts
        return list(
            dict.fromkeys(name for each in self._entries for name in each.run.metric_names() if name not in told)
        )

    def column(self, name: str) -> Column:
        """What `name` refers to.

        Raises:
            InputError: nothing; the sentence has the nearest name.
        """
        kind, _, key = name.rpartition(".")
        if not kind and name in FACTS:
            return Column(name, "fact", name, name)
        if kind in ("", "config") and key in self.hyperparameters:
            return Column(name, "config", key, f"config.{key}")
        if kind in ("", "metrics") and (key in METRICS or key in self.metrics):
            taken = key in FACTS or key in self.hyperparameters
            return Column(name, "metrics", key, f"metrics.{key}" if taken else key, metric_named(key, self.metrics))
        raise InputError(f"there is no {name!r}; {nearest(name, self._known(kind))}")

    def columns(self, names: str) -> list[Column]:
        """What a list of names, with commas between them, refers to; `config` and `metrics` are all of these.

        Raises:
            InputError: one refers to nothing, or there is none.
        """
        found: dict[str, Column] = {}
        for name in (each for word in split_names(names) for each in self._meant(word)):
            column = self.column(name)
            found.setdefault(column.flat, column)
        return list(found.values())

    def _meant(self, word: str) -> list[str]:
        """The names that one word of a list of columns stands for."""
        if word == "config":
            return [f"config.{name}" for name in self.hyperparameters]
        return [f"metrics.{name}" for name in self.metrics] if word == "metrics" else [word]

    def _known(self, kind: str) -> list[str]:
        if kind == "config":
            return [f"config.{name}" for name in self.hyperparameters]
        if kind == "metrics":
            return [f"metrics.{name}" for name in {*METRICS, *self.metrics}]
        return [*FACTS, *self.hyperparameters, *METRICS, *self.metrics]
