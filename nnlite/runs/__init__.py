"""What runs leave on disk, and how to ask about it: paths, the log format, histories, metrics."""

from nnlite.runs.conflicts import Conflict, conflict_warning, find_conflicts
from nnlite.runs.digest import Digest, Value
from nnlite.runs.events import Event
from nnlite.runs.glance import glance_at_runs
from nnlite.runs.history import FollowedRun, Run, Status, Unreadable, read_run, read_runs
from nnlite.runs.log import LogWriter, is_locked, read_log
from nnlite.runs.metrics import METRICS, Metric, metric_named
from nnlite.runs.paths import RunFolder, find_runs
from nnlite.runs.references import find_run
from nnlite.runs.skim import skim_run
from nnlite.runs.usable import schema_warning, why_unusable

__all__ = [
    "METRICS",
    "Conflict",
    "Digest",
    "Event",
    "FollowedRun",
    "LogWriter",
    "Metric",
    "Run",
    "RunFolder",
    "Status",
    "Unreadable",
    "Value",
    "conflict_warning",
    "find_conflicts",
    "find_run",
    "find_runs",
    "glance_at_runs",
    "is_locked",
    "metric_named",
    "read_log",
    "read_run",
    "read_runs",
    "schema_warning",
    "skim_run",
    "why_unusable",
]
