"""A ranking: the configurations of a group, best first.

A configuration is everything that a run was given but its seed. It is worth the mean over its seeds of each run's value
(the best over the epochs, or the last), and that mean comes with an interval. Runs that diverged or failed never count,
and a configuration that lost a seed to either stands behind all that did not, however good the other seeds were:
otherwise the lucky survivors of an unstable setting would win. Runs that are not finished count only where none of
their configuration is.

A configuration that was pruned stands behind those that were not, by how far it got: its value is that of a shorter
training, and is never averaged with those of completed runs. `abreast` compares such configurations fairly.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from nnlite.report.cells import column_of, finite, readable, writable
from nnlite.report.groups import Group, natural
from nnlite.report.intervals import Estimate, estimate
from nnlite.runs import Metric, Run
from nnlite.runs.quantities import number

if TYPE_CHECKING:
    import pandas as pd

At = Literal["best", "last"]
UNFINISHED = ("interrupted", "running")
COUNTED = (("completed",), UNFINISHED, ("pruned",))  # whichever of these a configuration has first
LOST = ("diverged", "failed")
_CANONICAL = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True)
class Trial:
    """One run and its value of the metric (None: never logged), with the epoch of it (0: the end of the run)."""

    run: Run
    value: float | None
    epoch: int

    @property
    def seconds(self) -> float | None:
        """What the training took."""
        return self.run.training_seconds


@dataclass(frozen=True)
class Configuration:
    """The trials that differ in their seed alone, by seed; `parameters` are the hyperparameters that vary."""

    parameters: dict[str, Any]
    trials: list[Trial]

    @cached_property
    def counted(self) -> list[Trial]:
        """The trials whose values are averaged: those completed; if there is none, those on their way, or pruned."""
        for statuses in COUNTED:
            if counted := [each for each in self.trials if each.run.status in statuses and each.value is not None]:
                return counted
        return []

    @cached_property
    def estimate(self) -> Estimate | None:
        """The mean over the seeds; None if no trial counts."""
        values = [each.value for each in self.counted if each.value is not None]
        return estimate(values) if values else None

    @property
    def readable(self) -> dict[str, Any]:
        """Its parameters as `Ranking.trial_frame` has them."""
        return {name: readable(value) for name, value in self.parameters.items()}

    @property
    def lost(self) -> list[Trial]:
        """The trials that diverged or failed."""
        return [each for each in self.trials if each.run.status in LOST]

    @property
    def pruned_after(self) -> int | None:
        """After how many epochs the first of its seeds was stopped early; None if none was."""
        return min((len(each.run.epochs) for each in self.trials if each.run.status == "pruned"), default=None)

    @property
    def finished(self) -> bool:
        """Whether the mean is one of completed runs."""
        return any(each.run.status == "completed" for each in self.counted)

    @cached_property
    def seconds(self) -> float | None:
        """What training it takes, the mean over the runs that count; None if no log tells."""
        times = [each.seconds for each in self.counted if each.seconds is not None]
        return sum(times) / len(times) if times else None

    @property
    def label(self) -> str:
        """The configuration in a few words."""
        words = [f"{name} {number(value)}" for name, value in self.readable.items()]
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
        """The best configuration, if it has a value, lost no seed and was not pruned."""
        first = self.configurations[0]
        return first if first.estimate and not first.lost and first.pruned_after is None else None

    def best_trial(self, configurations: Sequence[Configuration] | None = None) -> Trial | None:
        """The best single trial of these configurations, or of all; a completed one if there is one."""
        return next(iter(self.best_trials(configurations)), None)

    def best_trials(self, configurations: Sequence[Configuration] | None = None) -> list[Trial]:
        """The trials that count, of these configurations or of all, best first."""
        return sorted((each for one in configurations or self.configurations for each in one.counted), key=self._place)

    def best_then_by_end(self) -> list[Trial]:
        """The trials that count: the first configuration's best, then all others by their last values, the worst last.

        Of those that were not trained to their end none is taken to have ended worst.
        """
        best = self.best_trials(self.ranked[:1])[:1]
        return best + sorted((each for each in self.best_trials() if each is not best[0]), key=self._end)

    def _end(self, trial: Trial) -> tuple[bool, float, str]:
        last = trial.run.value(self.metric, at="last")
        worth = math.nan if last is None else signed(self.metric, last.value)
        return trial.run.status == "completed", math.inf if math.isnan(worth) else worth, trial.run.id

    def _place(self, trial: Trial) -> tuple[bool, bool, float, str]:
        status = trial.run.status
        return status != "completed", status == "pruned", signed(self.metric, trial.value or 0.0), trial.run.id

    def trial_frame(self) -> "pd.DataFrame":
        """One row a trial: `rank` (from 1), `configuration`, `run`, `seed`, `status`, `counts`, `value`.

        Each hyperparameter that varies is a column `config.<name>`.
        """
        import pandas as pd  # noqa: PLC0415 - takes as long to load as 10,000 runs to rank

        rows = [
            {
                "rank": rank,
                "configuration": writable(configuration.label),
                "run": writable(trial.run.id),
                "seed": trial.run.seed,
                "status": trial.run.status,
                "counts": trial in configuration.counted,
                "value": float("nan") if trial.value is None else trial.value,
                **{column_of(name): value for name, value in configuration.readable.items()},
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
        members.setdefault(_CANONICAL.encode(group.varied_of(run)), []).append(run)
    configurations = [
        Configuration(
            group.varied_of(runs[0]),
            [_trial(run, metric, at) for run in sorted(runs, key=lambda each: (each.seed, each.id))],
        )
        for _, runs in sorted(members.items())
    ]
    return Ranking(group, metric, at, sorted(configurations, key=lambda each: _order(each, metric)))


def abreast(ranking: Ranking) -> tuple[Ranking, int | None]:
    """The ranking as it stood at the last epoch that all runs which are not lost were trained for, and that epoch.

    Without pruned runs it is the ranking itself, and None.
    """
    runs = ranking.group.runs
    if all(run.status != "pruned" for run in runs):
        return ranking, None
    epoch = min(len(run.epochs) for run in runs if run.epochs and run.status not in LOST)
    cut = [run if run.status in LOST else replace(run, epochs=run.epochs[:epoch], status="completed") for run in runs]
    return rank(replace(ranking.group, runs=cut), ranking.metric, ranking.at), epoch


def signed(metric: Metric, value: float) -> float:
    """The value such that less is better."""
    return -value if metric.higher_is_better else value


def _trial(run: Run, metric: Metric, at: At) -> Trial:
    value = run.value(metric, at=at)
    number = None if value is None else finite(value.value)
    return Trial(run, number, 0 if value is None or number is None else value.epoch)


def _order(configuration: Configuration, metric: Metric) -> tuple[object, ...]:
    known = configuration.estimate
    pruned_after = configuration.pruned_after
    tier = (known is None, bool(configuration.lost), pruned_after is not None, not configuration.finished)
    worth = signed(metric, known.mean) if known else 0.0
    return *tier, -(pruned_after or 0), worth, [natural(value) for value in configuration.parameters.values()]
