"""The best trial: its metrics, its parameters, where it lies, and the ranking that it comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlite.errors import NothingFoundError
from nnlite.queries import Entry
from nnlite.report.collection import collect, conflicts_among
from nnlite.report.frame import finite
from nnlite.report.groups import Group, group_runs
from nnlite.report.ranking import At, Configuration, Ranking, Trial, rank
from nnlite.runs import METRICS, Conflict, Metric, Run, metric_named, skim_run


@dataclass(frozen=True)
class Best:
    """The best trial of a group and the ranking that it comes from (the winner by mean may be another).

    `conflicts` are those of the runs that were ranked.
    """

    ranking: Ranking
    trial: Trial
    conflicts: list[Conflict]

    @property
    def metrics(self) -> dict[str, float]:
        """All that the run logged at the epoch of its value, then what its final summary adds, such as a test score."""
        epoch = next((each for each in self.trial.run.epochs if each["epoch"] == self.trial.epoch), {})
        logged = {name: finite(epoch.get(name)) for name in self.trial.run.metric_names()}
        at_epoch = {name: value for name, value in logged.items() if value is not None}
        return at_epoch | {name: value for name, value in self.trial.run.summary().items() if name not in at_epoch}

    @property
    def parameters(self) -> dict[str, Any]:
        """Every hyperparameter of the run and its seed."""
        return {**self.trial.run.config, "seed": self.trial.run.seed}

    @property
    def entry(self) -> Entry:
        """The run as a list of runs shows it, with the metric that it was ranked by."""
        parameters = {name: self.trial.run.config.get(name) for name in self.ranking.group.varied}
        return Entry(self.trial.run, self.ranking.metric, Configuration(parameters, []).label)

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self.trial.run.folder.path


def best(
    root: Path,
    metric: str | None = None,
    at: At = "best",
    *,
    keep: Callable[[list[Run]], list[Run]] = list,
    top: int = 1,
) -> list[Best]:
    """The best trials of each group at or below `root`, by `metric` or by each sweep's own objective.

    Groups that have no finite value of it are left out. That a `test_*` metric selects on the test set is for the
    caller to say: `ranking.metric.on_test`.

    Args:
        root: a run's folder, a sweep's, or a folder of sweeps.
        metric: what to rank by.
        at: which of a run's epochs counts.
        keep: which of the runs found there to rank.
        top: how many trials of each group.

    Raises:
        InputError: `root` does not exist, or there is no such metric.
        NothingFoundError: `root` holds no run, or none that counts has a value of the metric.
    """
    collection = collect(root, skim_run)
    groups = group_runs(keep(collection.runs))
    chosen = _metric(metric, groups) if metric else None
    rankings = [rank(group, chosen, at) for group in groups]
    found = [
        Best(ranking, trial, conflicts_among(collection.conflicts, ranking.group.runs))
        for ranking in rankings
        for trial in ranking.best_trials()[:top]
    ]
    if not found:
        names = ", ".join(sorted({ranking.metric.name for ranking in rankings}))
        raise NothingFoundError(f"no run in {root} that neither failed nor diverged has logged {names}")
    return found


def _metric(name: str, groups: list[Group]) -> Metric:
    """The metric called `name`; the logs are read only if it is not one of nnlite's own."""
    return METRICS.get(name) or metric_named(name, {each for group in groups for each in group.metric_names})
