"""Learning-rate schedules: functions from the number of updates made so far to the learning rate of the next."""

import bisect
import math
from collections.abc import Callable, Sequence

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """The same rate throughout."""
    return lambda _step: rate


def step_decay(rate: float, factor: float, every: int) -> Schedule:
    """`rate`, multiplied by `factor` after each `every` updates."""
    return lambda step: rate * factor ** (step // every)


def multi_step_decay(rate: float, factor: float, milestones: Sequence[int]) -> Schedule:
    """`rate`, multiplied by `factor` once after each number of updates in `milestones`, which are in order."""
    return lambda step: rate * factor ** bisect.bisect_right(milestones, step)


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


def one_cycle(rate: float, steps: int, *, rising: float = 0.3, first: float = 0.04) -> Schedule:
    """Along half a cosine up to `rate`, and along a longer one down to 0 after `steps` updates.

    Source: L. Smith, A disciplined approach to neural network hyper-parameters: part 1, 2018, section 4.1 (the 1cycle
    policy); with the cosines and the proportions of fastai and PyTorch, and a momentum that stays as it is.

    Args:
        rate: the highest.
        steps: in all.
        rising: share of them in which the rate rises.
        first: share of `rate` that the first update has.
    """
    peak = rising * steps

    def cycle(step: int) -> float:
        if step < peak:
            return rate * (first + (1.0 - first) * 0.5 * (1.0 - math.cos(math.pi * step / peak)))
        return 0.5 * rate * (1.0 + math.cos(math.pi * min((step - peak) / (steps - peak), 1.0)))

    return cycle


def warm_up(schedule: Schedule, steps: int) -> Schedule:
    """Up to the first rate of `schedule` in a straight line over `steps` updates; only then `schedule` begins.

    The first update has 1 / (steps + 1) of that rate, the one after the warm-up the whole.

    Source: P. Goyal et al., Accurate, large minibatch SGD, 2017, section 2.2 (gradual warmup).
    """
    first = schedule(0)
    return lambda step: first * (step + 1) / (steps + 1) if step < steps else schedule(step - steps)


def product(first: Schedule, second: Schedule) -> Schedule:
    """The rate of `first` times that of `second`."""
    return lambda step: first(step) * second(step)
