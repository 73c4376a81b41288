"""A ranking: the configurations of a group, best first.

A configuration is everything that a run was given but its seed. It is worth the mean over its seeds of each run's value
(the best over the epochs, or the last), and that mean comes with an interval. Runs that diverged or failed never count,
and a configuration that lost a seed to either stands behind all that did not, however good the other seeds were:
otherwise the lucky survivors of an unstable setting would win. Runs that are not finished count only where none of
their configuration is.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from nnlite.report.frame import finite, readable
from nnlite.report.groups import Group, natural
from nnlite.report.intervals import Estimate, estimate
from nnlite.runs import Metric, Run
from nnlite.runs.quantities import number

At = Literal["best", "last"]
FINISHED = ("completed", "pruned")
UNFINISHED = ("interrupted", "running")


@dataclass(frozen=True)
class Trial:
    """One run and its value of the metric (None: never logged), with the epoch of it (0: the end of the run)."""

    run: Run
    value: float | None
    epoch: int

    @property
    def seconds(self) -> float | None:
        """What the training took: its epochs, or what the summary says where they tell no time."""
        times = [finite(epoch.get("seconds")) for epoch in self.run.epochs]
        known = [time for time in times if time is not None]
        return sum(known) if known else finite(self.run.summary().get("total_seconds"))


@dataclass(frozen=True)
class Configuration:
    """The trials that differ in their seed alone, by seed; `parameters` are the hyperparameters that vary."""

    parameters: dict[str, Any]
    trials: list[Trial]

    @cached_property
    def counted(self) -> list[Trial]:
        """The trials whose values are averaged: the finished ones; if there is none, those on their way."""
        for statuses in (FINISHED, UNFINISHED):
            if counted := [each for each in self.trials if each.run.status in statuses and each.value is not None]:
                return counted
        return []

    @cached_property
    def estimate(self) -> Estimate | None:
        """The mean over the seeds; None if no trial counts."""
        values = [each.value for each in self.counted if each.value is not None]
        return estimate(values) if values else None

    @property
    def lost(self) -> list[Trial]:
        """The trials that diverged or failed."""
        return [each for each in self.trials if each.run.status not in (*FINISHED, *UNFINISHED)]

    @property
    def finished(self) -> bool:
        """Whether the mean is one of finished runs."""
        return any(each.run.status in FINISHED for each in self.counted)

    @property
    def label(self) -> str:
        """The configuration in a few words."""
        words = [f"{name} {number(readable(value))}" for name, value in self.parameters.items()]
        return ", ".join(words) or "the only configuration"


@dataclass(frozen=True)
class Ranking:
    """The configurations of a group by one metric, best first; those without a value stand at the end."""

    group: Group
    metric: Metric
    at: At
    configurations: list[Configuration]

    @property
    def ranked(self) -> list[Configuration]:
        """The configurations that have a value."""
        return [each for each in self.configurations if each.estimate]

    @property
    def winner(self) -> Configuration | None:
        """The best configuration, if it has a value and lost no seed."""
        first = self.configurations[0]
        return first if first.estimate and not first.lost else None

    def best_trial(self, configurations: Sequence[Configuration] | None = None) -> Trial | None:
        """The best single trial of these configurations, or of all; a finished one if there is one."""
        counted = [each for one in configurations or self.configurations for each in one.counted]
        return min(counted, key=self._place, default=None)

    def _place(self, trial: Trial) -> tuple[bool, float, str]:
        return trial.run.status not in FINISHED, signed(self.metric, trial.value or 0.0), trial.run.id

    def trial_frame(self) -> pd.DataFrame:
        """One row a trial: `rank` (from 1), `configuration`, `run`, `seed`, `status`, `counts`, `value`.

        Each hyperparameter that varies is a column `config.<name>`.
        """
        rows = [
            {
                "rank": rank,
                "configuration": configuration.label,
                "run": trial.run.id,
                "seed": trial.run.seed,
                "status": trial.run.status,
                "counts": trial in configuration.counted,
                "value": float("nan") if trial.value is None else trial.value,
                **{f"config.{name}": readable(value) for name, value in configuration.parameters.items()},
            }
            for rank, configuration in enumerate(self.configurations, start=1)
            for trial in configuration.trials
        ]
        return pd.DataFrame(rows)


def rank(group: Group, metric: Metric | None = None, at: At = "best") -> Ranking:
    """Rank the configurations of a group, by its objective unless another metric is given."""
    metric = metric or group.objective
    members: dict[str, list[Run]] = {}
    for run in group.runs:
        config = {name: value for name, value in run.config.items() if name != "seed"}
        members.setdefault(json.dumps(config, sort_keys=True), []).append(run)
    configurations = [
        Configuration(
            {name: runs[0].config.get(name) for name in group.varied},
            [_trial(run, metric, at) for run in sorted(runs, key=lambda each: (each.seed, each.id))],
        )
        for _, runs in sorted(members.items())
    ]
    return Ranking(group, metric, at, sorted(configurations, key=lambda each: _order(each, metric)))


def signed(metric: Metric, value: float) -> float:
    """The value such that less is better."""
    return -value if metric.higher_is_better else value


def _trial(run: Run, metric: Metric, at: At) -> Trial:
    value = run.value(metric, at=at)
    number = None if value is None else finite(value.value)
    return Trial(run, number, 0 if value is None or number is None else value.epoch)


def _order(configuration: Configuration, metric: Metric) -> tuple[object, ...]:
    known = configuration.estimate
    tier = (known is None, bool(configuration.lost), not configuration.finished)
    worth = signed(metric, known.mean) if known else 0.0
    return *tier, worth, [natural(value) for value in configuration.parameters.values()]
