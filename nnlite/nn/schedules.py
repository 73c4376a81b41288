"""Learning-rate schedules: functions from the number of updates made so far to the learning rate of the next."""

import bisect
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

Schedule = Callable[[int], float]
Arguments = ParamSpec("Arguments")


class Made:
    """A schedule that knows how it was made, and so can be pickled with its optimizer."""

    def __init__(self, make: Callable[..., Schedule], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._how = make, args, kwargs
        self._rate: Schedule = make.__wrapped__(*args, **kwargs)  # type: ignore[attr-defined]

    def __call__(self, step: int) -> float:
        """The rate of the update after `step` others."""
        return self._rate(step)

    def __reduce__(self) -> tuple[Any, ...]:
        return Made, self._how


def remembered(make: Callable[Arguments, Schedule]) -> Callable[Arguments, Schedule]:
    """Let the schedules of `make` know how they were made."""

    @functools.wraps(make)
    def outer(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Schedule:
        return Made(outer, args, kwargs)

    return outer


def _counted(name: str, count: int) -> int:
    if not count >= 1:
        raise ValueError(f"the {name} of a schedule is {count!r}, not 1 or more")
    return count


@remembered
def constant(rate: float) -> Schedule:
    """The same rate throughout."""
    return lambda _step: rate


@remembered
def step_decay(rate: float, factor: float, every: int) -> Schedule:
    """`rate`, multiplied by `factor` after each `every` updates."""
    _counted("every", every)
    return lambda step: rate * factor ** (step // every)


@remembered
def multi_step_decay(rate: float, factor: float, milestones: Sequence[int]) -> Schedule:
    """`rate`, multiplied by `factor` once after each number of updates in `milestones`, which are in order."""
    return lambda step: rate * factor ** bisect.bisect_right(milestones, step)


@remembered
def exponential_decay(rate: float, factor: float, every: int) -> Schedule:
    """As `step_decay`, but smoothly: multiplied by `factor` over any `every` updates."""
    _counted("every", every)
    return lambda step: rate * factor ** (step / every)


@remembered
def linear_decay(rate: float, steps: int) -> Schedule:
    """From `rate` down to 0 after `steps` updates, in a straight line."""
    _counted("steps", steps)
    return lambda step: rate * max(0.0, 1.0 - step / steps)


@remembered
def cosine_decay(rate: float, steps: int) -> Schedule:
    """From `rate` down to 0 after `steps` updates, along half a cosine.

    Source: I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, eq. 5.
    """
    _counted("steps", steps)
    return lambda step: 0.5 * rate * (1.0 + math.cos(math.pi * min(step / steps, 1.0)))


@remembered
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
    peak = rising * _counted("steps", steps)

    def cycle(step: int) -> float:
        if step < peak:
            return rate * (first + (1.0 - first) * 0.5 * (1.0 - math.cos(math.pi * step / peak)))
        return 0.5 * rate * (1.0 + math.cos(math.pi * min((step - peak) / (steps - peak), 1.0)))

    return cycle


@remembered
def warm_up(schedule: Schedule, steps: int) -> Schedule:
    """Up to the first rate of `schedule` in a straight line over `steps` updates; only then `schedule` begins.

    The first update has 1 / (steps + 1) of that rate, the one after the warm-up the whole.

    Source: P. Goyal et al., Accurate, large minibatch SGD, 2017, section 2.2 (gradual warmup).
    """
    first = schedule(0)
    return lambda step: first * (step + 1) / (steps + 1) if step < steps else schedule(step - steps)


@remembered
def product(first: Schedule, second: Schedule) -> Schedule:
    """The rate of `first` times that of `second`."""
    return lambda step: first(step) * second(step)
