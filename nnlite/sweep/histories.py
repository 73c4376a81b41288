"""Histories: what trials have shown so far, as pruning rules see it, and which of them compete.

Here less is better: a metric that is to be maximised comes in negated.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean
from typing import Literal, TypeVar

from nnlite.runs import Run
from nnlite.runs.digest import is_number
from nnlite.sweep.spec import Objective

T = TypeVar("T")


@dataclass(frozen=True)
class History:
    """What a trial has shown so far.

    Attributes:
        best: the best value so far, after each epoch; infinite before the first measurement and once it has diverged.
        state: "open" as long as its log has no end, "stopped" when it was stopped early, "lost" when it failed or
            diverged.
    """

    best: tuple[float, ...] = ()
    state: Literal["open", "stopped", "completed", "lost"] = "open"

    @property
    def epochs(self) -> int:
        """How many it has trained."""
        return len(self.best)

    def at(self, epoch: int) -> float | None:
        """The best value by this epoch, from 1; infinite if it was lost before, None if it has not got there yet."""
        if epoch <= self.epochs:
            return self.best[epoch - 1]
        return math.inf if self.state == "lost" else None

    def carried_to(self, epoch: int) -> float:
        """The best value by this epoch, or by its last."""
        value = self.at(epoch)
        return value if value is not None else self.best[-1] if self.best else math.inf

    def until(self, epoch: int) -> "History":
        """The same trial, had it been stopped after this epoch; before the first, it has not begun."""
        if epoch < self.epochs:
            return History(self.best[:epoch], "stopped" if epoch else "open")
        return self


Seeds = Sequence[History]  # of one configuration, in the file's order


def mean_at(seeds: Seeds, epoch: int) -> float:
    """A configuration's mean over its seeds of the best value by this epoch; infinite if it lost or lacks one."""
    values = [history.at(epoch) for history in seeds]
    return fmean(math.inf if value is None else value for value in values)


def history_of(run: Run | None, objective: Objective) -> History:
    """What the log says of a trial; None if it has none yet."""
    if run is None:
        return History()
    values = [epoch.get(objective.metric) for epoch in run.epochs]
    best = tuple(accumulate((sign(objective) * each if is_number(each) else math.inf for each in values), min))
    match run.status:
        case "completed":
            return History(best, "completed")
        case "pruned":
            return History(best, "stopped")
        case "failed":
            return History(best, "lost")
        case "diverged":
            return History((*best[:-1], math.inf) if best else (), "lost")
    return History(best)


def sign(objective: Objective) -> int:
    """What a value of the objective is multiplied with here."""
    return 1 if objective.direction == "minimize" else -1


def contests(items: Iterable[T], key: Callable[[T], tuple[Hashable, int]]) -> dict[int, list[list[T]]]:
    """Who competes: by budget the configurations, each with its seeds, all in the order given.

    Args:
        items: trials, or their runs.
        key: the configuration of one, and its budget in epochs.
    """
    found: dict[int, dict[Hashable, list[T]]] = {}
    for item in items:
        configuration, budget = key(item)
        found.setdefault(budget, {}).setdefault(configuration, []).append(item)
    return {budget: list(configurations.values()) for budget, configurations in found.items()}
