"""From logs to answers: the tidy frame, rankings, figures, and the report as Markdown pages."""

from nnlite.report.best import Best, best
from nnlite.report.collection import Collection, collect
from nnlite.report.edges import edges
from nnlite.report.frame import load_runs
from nnlite.report.groups import Group, group_runs
from nnlite.report.listing import entries
from nnlite.report.ranking import Configuration, Ranking, Trial, rank
from nnlite.report.resolution import further_seeds
from nnlite.report.write import write_report

__all__ = [
    "Best",
    "Collection",
    "Configuration",
    "Group",
    "Ranking",
    "Trial",
    "best",
    "collect",
    "edges",
    "entries",
    "further_seeds",
    "group_runs",
    "load_runs",
    "rank",
    "write_report",
]
