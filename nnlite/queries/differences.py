"""How runs differ: in what they were given, in where they were trained, in what came out, and from which epoch on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nnlite.queries.names import Column, Entry, Vocabulary
from nnlite.runs import Value
from nnlite.runs.comparison import TIMINGS, Difference, first_parting
from nnlite.runs.fingerprint import fingerprint

ASIDE = TIMINGS | {"learning_rate"}  # which follows from the hyperparameters
COMPARED_FACTS = ("sweep", "model", "dataset", "seed", "status", "epochs", "seconds", "host")
BESIDE_THE_FINGERPRINT = ("git", "dataset_checksum")


@dataclass(frozen=True)
class Row:
    """One thing that was compared, and the value of each run (None: it has none)."""

    name: str
    values: list[Any]

    @property
    def differs(self) -> bool:
        """Whether the runs do not agree."""
        return any(_plain(value) != _plain(self.values[0]) for value in self.values)


@dataclass(frozen=True)
class Measured:
    """A metric, and for each run its value at the best epoch and at the last."""

    column: Column
    best: list[Value | None]
    last: list[Value | None]

    @property
    def differs(self) -> bool:
        """Whether the runs do not agree."""
        return any(value != values[0] for values in (self.best, self.last) for value in values)


@dataclass(frozen=True)
class Differences:
    """What is not the same in all `entries`, and where each parts from the first (None: it does not).

    Attributes:
        entries: two runs at least.
        facts: of the runs.
        config: hyperparameters.
        environment: parts of their fingerprints, the commit, and the data's checksum.
        metrics: values at the best epoch and at the last.
        partings: for each run but the first, the first logged number that is not the first run's, timings aside.
        common: for each run but the first, how many epochs it has in common with the first.
    """

    entries: list[Entry]
    facts: list[Row]
    config: list[Row]
    environment: list[Row]
    metrics: list[Measured]
    partings: list[Difference | None]
    common: list[int]


def differences(entries: Sequence[Entry], columns: Sequence[Column] | None = None) -> Differences:
    """Compare `entries`, two at least; with `columns` in these alone, whether they differ or not."""
    vocabulary = Vocabulary(entries)
    every = columns is not None
    if columns is None:
        metrics = [f"metrics.{name}" for name in vocabulary.metrics if name not in ASIDE]
        names = (*COMPARED_FACTS, *(f"config.{name}" for name in vocabulary.hyperparameters), *metrics)
        columns = [vocabulary.column(name) for name in names]
    first = entries[0]
    return Differences(
        list(entries),
        _rows([each for each in columns if each.kind == "fact"], entries, every),
        _rows([each for each in columns if each.kind == "config"], entries, every),
        [] if every else _environment(entries),
        [measured for column in columns if (measured := _measured(column, entries)) and (every or measured.differs)],
        [first_parting(first.run.epochs, other.run.epochs) for other in entries[1:]],
        [min(len(first.run.epochs), len(other.run.epochs)) for other in entries[1:]],
    )


def _rows(columns: Iterable[Column], entries: Sequence[Entry], every: bool) -> list[Row]:
    rows = [Row(column.key, [_given(column, entry) for entry in entries]) for column in columns]
    return [row for row in rows if every or row.differs]


def _given(column: Column, entry: Entry) -> Any:
    """What the run was given: a hyperparameter that only follows another is no difference of its own."""
    config = entry.run.config
    return config[column.key] if column.kind == "config" and column.key in config else column.value(entry)


def _measured(column: Column, entries: Sequence[Entry]) -> Measured | None:
    if column.metric is None:
        return None
    metric = column.metric
    best = [entry.measured(metric, "best") for entry in entries]
    return Measured(column, best, [entry.measured(metric, "last") for entry in entries])


def _environment(entries: Sequence[Entry]) -> list[Row]:
    """Each part that not all logs tell alike; one that a log does not name is no difference, but unknown."""
    parts = [
        fingerprint(entry.run.start)
        | {name: str(value) for name in BESIDE_THE_FINGERPRINT if (value := entry.run.start.get(name)) is not None}
        for entry in entries
    ]
    names = dict.fromkeys(name for each in parts for name in each)
    return [
        Row(name, [each.get(name) for each in parts])
        for name in names
        if len({each[name] for each in parts if name in each}) > 1
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
