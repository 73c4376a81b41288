"""From logs to answers: the tidy frame, rankings, figures, and the report as Markdown pages."""

from typing import TYPE_CHECKING, Any

from nnlite.report.best import Best, best
from nnlite.report.collection import Collection, collect
from nnlite.report.edges import edges
from nnlite.report.groups import Group, group_runs
from nnlite.report.listing import entries
from nnlite.report.ranking import Configuration, Ranking, Trial, rank
from nnlite.report.resolution import further_seeds

if TYPE_CHECKING:
    from nnlite.report.frame import load_runs
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


def __getattr__(name: str) -> Any:
    # pandas and matplotlib take as long to load as 10,000 runs to rank: who asks for the best does without.
    match name:
        case "load_runs":
            from nnlite.report.frame import load_runs  # noqa: PLC0415

            return load_runs
        case "write_report":
            from nnlite.report.write import write_report  # noqa: PLC0415

            return write_report
    raise AttributeError(f"module 'nnlite.report' has no attribute {name!r}")
