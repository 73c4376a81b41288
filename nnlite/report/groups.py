"""A group: the runs that compete with one another, those of one sweep, dataset and model.

It knows what the sweep wanted (its objective) and in which hyperparameters the runs differ at all: these describe a
configuration, the rest is the same for everybody.

A refit does not compete. It has learned from all training images, those too that the others are compared on, so there
is nothing to rank it by: what it is worth its test score says, once its configuration has won.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nnlite.queries import default_of, fallback_of
from nnlite.report.cells import finite, readable
from nnlite.runs import Metric, Run

HELD_OUT = "validation"  # the hyperparameter that says how many training images are


@dataclass(frozen=True)
class Group:
    """The runs of one sweep, dataset and model: at least one that competes, and those that were refitted."""

    sweep: str
    dataset: str
    model: str
    runs: list[Run]
    refits: list[Run] = field(default_factory=list)

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
        """Those hyperparameters of a run in which the group varies: what its configuration is told apart by.

        One that the run was not given, and that falls back to another, has the value of that.
        """
        return self._filled(self._given(run), run, self._fallbacks)

    def _given(self, run: Run) -> dict[str, Any]:
        return {
            name: run.config[name] if name in run.config else self._left_to_defaults.get(name) for name in self.varied
        }

    @cached_property
    def _fallbacks(self) -> dict[str, str]:
        """What those of `varied` fall back to where they are not given; empty if that made two configurations one."""
        found = {name: other for name in self.varied if (other := fallback_of(self.model, name))}
        given = [(self._given(run), run) for run in self.runs] if found else []
        before = {repr(values) for values, _ in given}
        after = {repr(self._filled(values, run, found)) for values, run in given}
        return found if len(after) == len(before) else {}

    def _filled(self, given: dict[str, Any], run: Run, fallbacks: dict[str, str]) -> dict[str, Any]:
        return given | {name: self.config_of(run).get(fallbacks[name]) for name in fallbacks if given[name] is None}

    @cached_property
    def _left_to_defaults(self) -> dict[str, Any]:
        named: list[set[str]] = [set(run.config) - {"seed"} for run in self.members]
        missing = set[str]().union(*named) - named[0].intersection(*named)
        return {name: default_of(self.model, name) for name in missing}

    @property
    def members(self) -> list[Run]:
        """All runs: those that compete, then the refits."""
        return [*self.runs, *self.refits]

    def refits_of(self, run: Run) -> list[Run]:
        """The refits of the configuration of `run`, by seed: all else but what is held out is the same."""
        wanted = _refitted(self.config_of(run))
        return sorted(
            (each for each in self.refits if _refitted(self.config_of(each)) == wanted),
            key=lambda each: (each.seed, each.id),
        )

    @cached_property
    def together(self) -> list[list[str]]:
        """Sets of `varied` that never changed without one another: what one of them did cannot be told from the others.

        Where no value came twice, they may as well have been drawn; then only two configurations, which differ in all
        of them, are known to leave that open.
        """
        configurations = list({repr(values): values for values in map(self.varied_of, self.runs)}.values())
        alike: dict[tuple[int, ...], list[str]] = {}
        for name in self.varied:
            places: dict[str, int] = {}
            parts = tuple(places.setdefault(repr(readable(each[name])), len(places)) for each in configurations)
            if len(places) < len(parts) or len(parts) == 2:
                alike.setdefault(parts, []).append(name)
        return [names for names in alike.values() if len(names) > 1]

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
    return [Group(*key, *_parted(members[key])) for key in sorted(members)]


def _parted(runs: list[Run]) -> tuple[list[Run], list[Run]]:
    """Those that compete, and those that do not because they were refitted; all compete where none else would."""
    competing: list[Run] = []
    refits: list[Run] = []
    for run in runs:
        (refits if _is_refit(run) else competing).append(run)
    return (competing, refits) if competing else (runs, [])


def _is_refit(run: Run) -> bool:
    """Whether it holds no images out, so that what its sweep goes by could not be measured."""
    return run.config.get(HELD_OUT) == 0 and run.value(run.objective) is None


def _refitted(config: dict[str, Any]) -> dict[str, Any]:
    return {name: readable(value) for name, value in config.items() if name != HELD_OUT}


def can_be_refitted(metric: Metric) -> bool:
    """Whether what was chosen by `metric` can then learn from all training images, some of which it was measured on."""
    return metric.name.startswith("val_")


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
