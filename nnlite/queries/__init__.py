"""Questions about runs: what a run can be asked for by name, which runs to take, and how runs differ."""

from nnlite.queries.differences import Differences, differences
from nnlite.queries.epochs import Epochs
from nnlite.queries.names import At, Column, Entry, Vocabulary
from nnlite.queries.ranges import Range, default_of, fallback_of, range_of
from nnlite.queries.selection import Query, Selection, select
from nnlite.queries.story import Change, Moment, changes, moments

__all__ = [
    "At",
    "Change",
    "Column",
    "Differences",
    "Entry",
    "Epochs",
    "Moment",
    "Query",
    "Range",
    "Selection",
    "Vocabulary",
    "changes",
    "default_of",
    "differences",
    "fallback_of",
    "moments",
    "range_of",
    "select",
]
