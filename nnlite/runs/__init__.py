"""What runs leave on disk, and how to ask about it: paths, the log format, histories, metrics."""

from nnlite.runs.history import FollowedRun, Run, Status, Unreadable, Value, read_run, read_runs
from nnlite.runs.log import LogWriter, is_locked, read_log
from nnlite.runs.metrics import METRICS, Metric, metric_named
from nnlite.runs.paths import RunFolder, find_runs

__all__ = [
    "METRICS",
    "FollowedRun",
    "LogWriter",
    "Metric",
    "Run",
    "RunFolder",
    "Status",
    "Unreadable",
    "Value",
    "find_runs",
    "is_locked",
    "metric_named",
    "read_log",
    "read_run",
    "read_runs",
]
