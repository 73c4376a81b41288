"""Whether a log is of a run, and whether this version may write to it: one answer for every reader.

A log is *usable* if its last attempt says what was trained: a start event with a table `config` and a whole number as
`seed`. Any other log is left out of every list, counts as no trial of a sweep, and is never truncated or deleted.

A log of a newer schema, or of one that is no whole number, is read as far as this version understands it, with a
warning, and never written to. A start event without a schema is one of schema 1.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from nnlite.runs.events import Event
from nnlite.runs.log import SCHEMA, schema_of
from nnlite.runs.quantities import counted

if TYPE_CHECKING:
    from nnlite.runs.history import Run


def why_unusable(run: "Run") -> str:
    """Why the log of `run` is of no run, in words that follow its path; empty if it is usable."""
    return unusable_start(run.start)


def unusable_start(start: Event) -> str:
    """Why an attempt that began with `start` (empty: with none) tells nothing of a run; empty if it does."""
    if not start:
        return "its log has no start event"
    seed = start.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        return f"its seed is {seed!r:.40}, not a whole number"
    if not isinstance(start.get("config"), dict):
        return "its start event has no config"
    return ""


def schema_warning(runs: Iterable["Run"]) -> str:
    """One sentence about the logs that are of another schema than this version writes; empty if there is none."""
    found = [run for run in runs if schema_of(run.start) is None]
    if not found:
        return ""
    logs = f"{counted(len(found), 'log')} {'is' if len(found) == 1 else 'are'}"
    schema: Any = found[0].start.get("schema")
    return (
        f"warning: {logs} of a schema that this version of nnlite does not know and may misread, such as "
        f"{found[0].folder.log} of schema {schema!r:.40} (known: {SCHEMA})"
    )
