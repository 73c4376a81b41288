"""The best trial: that of the best seed of the configuration that won, with its metrics, its parameters and its folder.

What won is decided by means over seeds: a single run may do better by luck, and then its configuration does not win.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnlite.errors import NothingFoundError
from nnlite.queries import Entry
from nnlite.report.cells import finite
from nnlite.report.collection import collect, conflicts_among
from nnlite.report.edges import edges
from nnlite.report.groups import Group, group_runs
from nnlite.report.ranking import At, Configuration, Ranking, Trial, rank
from nnlite.report.ties import LEVEL, TEST, Ties, cheapest, ties
from nnlite.runs import METRICS, Conflict, Metric, Run, metric_named
from nnlite.runs.glance import uncollected


@dataclass(frozen=True)
class Best:
    """A configuration of a ranking, by its best trial.

    Attributes:
        ranking: the ranking that it comes from.
        configuration: the winner, or another of the best.
        trial: the best of its seeds.
        ties: what cannot be told apart from the winner; None if nobody won.
        conflicts: those of the runs that were ranked.
    """

    ranking: Ranking
    configuration: Configuration
    trial: Trial
    ties: Ties | None
    conflicts: list[Conflict]

    @property
    def metrics(self) -> dict[str, float]:
        """All that the run logged at the epoch of its value, then what its final summary adds, such as a test score."""
        epoch = self.trial.run.whole.find(self.trial.epoch) or {}
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

    def evidence(self) -> dict[str, Any]:
        """How sure it is that this is the best: its mean over seeds, what ties with the winner, the worth of luck."""
        known = self.ties
        told: dict[str, Any] = {
            "configuration": _summary(self.configuration),
            "configurations": len(self.ranking.configurations),
            "edges": [asdict(edge) for edge in edges(self.ranking)],
        }
        if known is None:
            return told | {"tie": None, "luck": None}
        members = [_summary(known.winner) | {"p": None}]
        members += [_summary(each.configuration) | {"p": each.p} for each in known.tied]
        test = {"test": TEST, "level": LEVEL, "tests": len(known.tested), "untested": len(known.untested)}
        return told | {"tie": {**test, "members": members} if known.tested else None, "luck": known.optimism}

    @property
    def refits(self) -> list[Run]:
        """The completed runs of this configuration that learned from all training images."""
        return [run for run in self.ranking.group.refits_of(self.trial.run) if run.status == "completed"]

    @property
    def folder(self) -> Path:
        """Where the run lies."""
        return self.trial.run.folder.path


@uncollected()
def best(
    root: Path,
    metric: str | None = None,
    at: At = "best",
    *,
    keep: Callable[[list[Run]], list[Run]] = list,
    top: int = 1,
    simplest: bool = False,
) -> list[Best]:
    """The best configurations of each group at or below `root`, by `metric` or by each sweep's own objective.

    Groups that have no finite value of it are left out. That a `test_*` metric selects on the test set is for the
    caller to say: `ranking.metric.on_test`.

    Args:
        root: a run's folder, a sweep's, or a folder of sweeps.
        metric: what to rank by.
        at: which of a run's epochs counts.
        keep: which of the runs found there to rank.
        top: how many configurations of each group.
        simplest: put the cheapest of the winner and those that cannot be told apart from it first.

    Raises:
        InputError: `root` does not exist, or there is no such metric.
        NothingFoundError: `root` holds no run, or none that counts has a value of the metric.
    """
    collection = collect(root)
    groups = group_runs(keep(collection.runs))
    chosen = _metric(metric, groups) if metric else None
    rankings = [rank(group, chosen, at) for group in groups]
    found = [
        Best(ranking, configuration, trial, known, conflicts_among(collection.conflicts, ranking.group.runs))
        for ranking in rankings
        for known in [ties(ranking)]
        for configuration in _first(ranking, known, simplest=simplest)[:top]
        if (trial := ranking.best_trial([configuration]))
    ]
    if not found:
        names = ", ".join(sorted({ranking.metric.name for ranking in rankings}))
        raise NothingFoundError(f"no run in {root} that neither failed nor diverged has logged {names}")
    return found


def _summary(configuration: Configuration) -> dict[str, Any]:
    """A configuration in numbers."""
    known = configuration.estimate
    return {
        "parameters": configuration.parameters,
        "mean": known.mean if known else None,
        "half_interval": known.half if known else None,
        "std": known.std if known and known.n > 1 else None,
        "runs": [each.run.id for each in configuration.counted],
        "seeds": [each.run.seed for each in configuration.counted],
        "seconds": configuration.seconds,
    }


def _first(ranking: Ranking, known: Ties | None, *, simplest: bool) -> list[Configuration]:
    """The configurations that have a value, in the order in which they are wanted."""
    if not simplest or known is None:
        return ranking.ranked
    chosen = cheapest(known.contenders)
    return [chosen, *(each for each in ranking.ranked if each is not chosen)]


def _metric(name: str, groups: list[Group]) -> Metric:
    """The metric called `name`; the logs are read only if it is not one of nnlite's own."""
    return METRICS.get(name) or metric_named(name, {each for group in groups for each in group.metric_names})
