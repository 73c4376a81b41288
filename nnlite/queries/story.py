"""A run's story: where its configuration leaves the defaults, and all that befell it, attempt by attempt."""

from dataclasses import dataclass
from typing import Any

from nnlite.runs import Run, read_run


@dataclass(frozen=True)
class Change:
    """A hyperparameter that is not at its default."""

    name: str
    value: Any
    default: Any


@dataclass(frozen=True)
class Moment:
    """A start, resume or end of an attempt.

    Attributes:
        time: when, ISO 8601 in UTC.
        event: `start`, `resume`, or the status of an end.
        epochs: how many were trained by then, in this attempt.
        error: of an end: why.
    """

    time: str
    event: str
    epochs: int
    error: str = ""


def changes(run: Run) -> list[Change]:
    """Where the configuration leaves the defaults of its model, in the order of the documentation."""
    from nnlite.models import HYPERPARAMETERS  # noqa: PLC0415 - as in `nnlite.queries.names`

    fields = HYPERPARAMETERS[run.model].model_fields if run.model in HYPERPARAMETERS else {}
    known = [name for name in fields if name in run.config]
    names = [*known, *(name for name in run.config if name not in fields and name != "seed")]
    found = [Change(name, run.config[name], fields[name].default if name in fields else None) for name in names]
    return [each for each in found if _plain(each.value) != _plain(each.default)]


def moments(run: Run) -> list[Moment]:
    """Every start, resume and end in the log of `run`.

    Raises:
        OSError: the log cannot be read.
    """
    turns = read_run(run.folder).turns if run.turns is None else run.turns
    return [
        Moment(
            str(event.get("time", "")), str(event.get("status", event["event"])), epochs, str(event.get("error") or "")
        )
        for epochs, event in turns or ()
    ]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
