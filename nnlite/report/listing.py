"""The list of runs: each with what it was ranked by and what tells it from the others, best configuration first.

Refits come last in their sweep: they have no rank.
"""

from collections.abc import Iterable

from nnlite.queries import Entry
from nnlite.report.groups import HELD_OUT, group_runs
from nnlite.report.ranking import Configuration, rank
from nnlite.runs import Run


def entries(runs: Iterable[Run]) -> list[Entry]:
    """One entry a run: by sweep, in each the configurations best first, in each of these by seed."""
    listed = []
    for ranking in map(rank, group_runs(runs)):
        for configuration in ranking.configurations:
            listed += [Entry(trial.run, ranking.metric, configuration.label) for trial in configuration.trials]
        for run in ranking.group.refits:
            parameters = {**ranking.group.varied_of(run), HELD_OUT: run.config.get(HELD_OUT)}
            listed.append(Entry(run, ranking.metric, Configuration(parameters, []).label))
    return listed
