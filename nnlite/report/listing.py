"""The list of runs: each with what it was ranked by and what tells it from the others, best configuration first."""

from collections.abc import Iterable

from nnlite.queries import Entry
from nnlite.report.groups import group_runs
from nnlite.report.ranking import rank
from nnlite.runs import Run


def entries(runs: Iterable[Run]) -> list[Entry]:
    """One entry a run: by sweep, in each the configurations best first, in each of these by seed."""
    return [
        Entry(trial.run, ranking.metric, configuration.label)
        for ranking in map(rank, group_runs(runs))
        for configuration in ranking.configurations
        for trial in configuration.trials
    ]
