"""The order in which a generation's trials are begun: any will do, and one leaves no worker idle for long at the end.

What is begun last decides how long the other workers wait for the last one: so the dearest trials come first, and the
cheapest fill up what is left (R. L. Graham, Bounds on Multiprocessing Timing Anomalies, 1969: the longest first takes
at most 4/3 of the shortest time that there is). The seeds stay in turn: all configurations are trained with the first,
before any is with the second. What runs out of memory or time is thus also found out soon.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from nnlite.models.cost import cost_of
from nnlite.sweep.strategy import Task
from nnlite.sweep.trials import Trial

Work = TypeVar("Work", bound="OfTrial")

UPDATE = 1e7  # multiply-adds that take as long as what an update costs beside its products: some 0.1 ms


class OfTrial(Protocol):
    """Whatever is a part of a trial's training."""

    @property
    def trial(self) -> Trial:
        """Of which."""


def dearest_first(work: Sequence[Work], cost: Callable[[Work], float]) -> list[Work]:
    """`work` seed by seed, in the order in which these come, and of each seed's the dearest first."""
    places: dict[int, int] = {}
    for each in work:
        places.setdefault(each.trial.seed, len(places))
    return sorted(work, key=lambda each: (places[each.trial.seed], -cost(each)))


def expected_cost(task: Task) -> float:
    """What `task` costs from its first epoch on, in multiply-adds, give or take what one log or another knows."""
    cost = cost_of(task.trial.config, task.trial.dataset)
    return task.until * (cost.multiply_adds + UPDATE * cost.updates)
