"""Where trials run: the interface between the runner and this machine's processes, or a cluster's workers."""

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Protocol, Self

from joblib import cpu_count

from nnlite.models import Training
from nnlite.runs import RunFolder
from nnlite.sweep.limits import Limits
from nnlite.sweep.slot import Slot
from nnlite.sweep.strategy import Task
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome


class Place(Protocol):
    """A place for one trial at a time."""

    def submit(self, task: Task, folder: RunFolder, context: dict[str, Any]) -> "Future[Outcome]":
        """Have `task` carried out; whoever does writes what comes of it to `folder`."""

    def outcome_of(self, future: "Future[Outcome]", task: Task, folder: RunFolder) -> Outcome:
        """What came of a task that is done.

        Raises:
            NnliteError: it is not the trial that is at fault, and no other can be trained either.
        """

    def end(self, task: Task, folder: RunFolder, reason: str) -> Outcome:
        """End a task that is under way as failed for `reason`, and make the place fit for another."""

    def close(self, *, kill: bool) -> None:
        """Give the place up; with `kill`, end what it is at."""


class Places(Protocol):
    """A source of places, to be opened before the first and closed after the last.

    Attributes:
        count: how many trials there is room for at a time, once entered.
        keep_limits: whether a place sees to a trial's time itself, because it alone knows when the trial began.
    """

    count: int
    keep_limits: bool

    def place(self, make: Callable[[Trial], Training], limits: Limits) -> Place:
        """A further place, for trials whose training `make` makes."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Let go of everything."""


class LocalPlaces:
    """Processes of this machine, one a core."""

    keep_limits = False

    def __init__(self) -> None:
        self.count = cpu_count()

    def place(self, make: Callable[[Trial], Training], _limits: Limits) -> Place:
        """A slot of its own."""
        return Slot(make)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass
