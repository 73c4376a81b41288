"""A group: the runs that compete with one another, those of one sweep, dataset and model.

It knows what the sweep wanted (its objective) and in which hyperparameters the runs differ at all: these describe a
configuration, the rest is the same for everybody.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nnlite.queries import default_of
from nnlite.report.cells import finite, readable
from nnlite.runs import Metric, Run


@dataclass(frozen=True)
class Group:
    """The runs of one sweep, dataset and model, at least one."""

    sweep: str
    dataset: str
    model: str
    runs: list[Run]

    @cached_property
    def objective(self) -> Metric:
        """What the sweep was after; where its runs disagree (it was changed later), what most of them were after."""
        wanted = Counter(run.objective for run in self.runs)
        return min(wanted, key=lambda metric: (-wanted[metric], metric.name, metric.direction))

    @cached_property
    def varied(self) -> list[str]:
        """The hyperparameters in which the runs differ, in the order of the sweep file; if in none, the swept ones."""
        swept = list(dict.fromkeys(name for run in self.runs for name in _names(run.start.get("swept"))))
        configs = [self.config_of(run) for run in self.runs]
        present = {name for config in configs for name in config}
        ordered = [name for name in swept if name in present] + sorted(present.difference(swept))
        differing = [name for name in ordered if not _alike([config.get(name) for config in configs])]
        return differing or [name for name in swept if name in present]

    def config_of(self, run: Run) -> dict[str, Any]:
        """Every hyperparameter of a run, also those that its log, being older than others, leaves to the default."""
        if not self._left_to_defaults and "seed" not in run.config:
            return run.config  # as it is: 10,000 copies take their time
        return self._left_to_defaults | {name: value for name, value in run.config.items() if name != "seed"}

    def varied_of(self, run: Run) -> dict[str, Any]:
        """Those hyperparameters of a run in which the group varies: what its configuration is told apart by."""
        return {
            name: run.config[name] if name in run.config else self._left_to_defaults.get(name) for name in self.varied
        }

    @cached_property
    def _left_to_defaults(self) -> dict[str, Any]:
        named: list[set[str]] = [set(run.config) - {"seed"} for run in self.runs]
        missing = set[str]().union(*named) - named[0].intersection(*named)
        return {name: default_of(self.model, name) for name in missing}

    @property
    def metric_names(self) -> list[str]:
        """Every metric that any of the runs has logged."""
        return list(dict.fromkeys(name for run in self.runs for name in run.metric_names()))

    def fixed(self) -> dict[str, Any]:
        """The hyperparameters that are the same in every run, by name."""
        config = self.config_of(self.runs[0])
        return {name: config[name] for name in sorted(config) if name not in self.varied}


def group_runs(runs: Iterable[Run]) -> list[Group]:
    """The groups, by sweep, dataset and model; the runs of each in the order given."""
    members: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        members.setdefault((run.sweep, run.dataset, run.model), []).append(run)
    return [Group(*key, members[key]) for key in sorted(members)]


def natural(value: object) -> tuple[tuple[int, float, str], ...]:
    """A sort key for hyperparameters: missing first, numbers by size, and the numbers inside of text by size too."""
    value = readable(value)
    if value is None:
        return ()
    if isinstance(value, bool):
        return ((0, float(value), ""),)
    if (size := finite(value)) is not None:
        return ((0, size, ""),)
    pieces = re.split(r"(\d+)", str(value))
    return tuple((0, float(piece), "") if piece.isdecimal() else (1, 0.0, piece) for piece in pieces if piece)


def _alike(values: list[Any]) -> bool:
    """Whether all of them read the same; runs from one index share what is the same in all, which is soon seen."""
    first = values[0]
    text = repr(readable(first))
    return all(value is first or repr(readable(value)) == text for value in values)


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
