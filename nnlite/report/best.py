"""The best trial: its metrics, its parameters, where it lies, and the ranking that it comes from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlite.errors import NothingFoundError
from nnlite.report.collection import collect
from nnlite.report.frame import finite
from nnlite.report.groups import group_runs
from nnlite.report.ranking import At, Ranking, Trial, rank
from nnlite.runs import metric_named


@dataclass(frozen=True)
class Best:
    """The best trial of a group and the ranking that it comes from (the winner by mean may be another)."""

    ranking: Ranking
    trial: Trial

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
    def folder(self) -> Path:
        """Where the run lies."""
        return self.trial.run.folder.path


def best(root: Path, metric: str | None = None, at: At = "best") -> list[Best]:
    """The best trial of each group at or below `root`, by `metric` or by each sweep's own objective.

    Groups that have no finite value of it are left out. That a `test_*` metric selects on the test set is for the
    caller to say: `ranking.metric.on_test`.

    Raises:
        InputError: `root` does not exist, or there is no such metric.
        NothingFoundError: `root` holds no run, or none that counts has a value of the metric.
    """
    groups = group_runs(collect(root).runs)
    chosen = metric_named(metric, {name for group in groups for name in group.metric_names}) if metric else None
    rankings = [rank(group, chosen, at) for group in groups]
    found = [Best(ranking, trial) for ranking in rankings if (trial := ranking.best_trial())]
    if not found:
        names = ", ".join(sorted({ranking.metric.name for ranking in rankings}))
        raise NothingFoundError(f"no run in {root} that neither failed nor diverged has logged {names}")
    return found
