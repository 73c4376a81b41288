"""A scale: what a metric's values are turned into, so that seeds spread alike whether they are good or bad.

Accuracies are compared by the logarithm of their error, losses and distances by theirs: seeds differ more the worse a
configuration is, and on the plain scale that would hide that each of them is worse. Less is better on every scale.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlite.report.ranking import signed
from nnlite.runs import Metric
from nnlite.runs.quantities import is_share

SMALLEST_ERROR = 0.5e-4  # half an image of 10,000


@dataclass(frozen=True)
class Scale:
    """The function `of` a value, and what it gives, in words; empty for the value itself."""

    name: str
    of: Callable[[float], float]


def scale_of(metric: Metric, values: Sequence[float]) -> Scale:
    """The scale that suits these `values` of a metric."""
    if metric.higher_is_better and is_share(metric) and all(0 <= value <= 1 for value in values):
        return Scale("log error", lambda value: math.log(max(1 - value, SMALLEST_ERROR)))
    if not metric.higher_is_better and all(value > 0 for value in values):
        return Scale(f"log {metric.label}", math.log)
    return Scale("", lambda value: signed(metric, value))
