"""Learning-rate schedules: functions from the number of updates made so far to the learning rate of the next."""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """The same rate throughout."""
    return lambda _step: rate


def step_decay(rate: float, factor: float, every: int) -> Schedule:
    """`rate`, multiplied by `factor` after each `every` updates."""
    return lambda step: rate * factor ** (step // every)


def exponential_decay(rate: float, factor: float, every: int) -> Schedule:
    """As `step_decay`, but smoothly: multiplied by `factor` over any `every` updates."""
    return lambda step: rate * factor ** (step / every)


def linear_decay(rate: float, steps: int) -> Schedule:
    """From `rate` down to 0 after `steps` updates, in a straight line."""
    return lambda step: rate * max(0.0, 1.0 - step / steps)


def cosine_decay(rate: float, steps: int) -> Schedule:
    """From `rate` down to 0 after `steps` updates, along half a cosine.

    Source: I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, eq. 5.
    """
    return lambda step: 0.5 * rate * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))
