"""Estimates from a few seeds: a mean, and how far from the true one it may well be.

The interval is Student's: mean +- t(n - 1) * s / sqrt(n). The quantile is found by halving, from the closed form that
the distribution has for whole degrees of freedom (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3
and 26.7.4), so that SciPy is not needed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """Mean and standard deviation of `n` values; `half` is half the width of the interval, None for a single value."""

    mean: float
    std: float
    n: int
    half: float | None


def estimate(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """What the values (at least one) say about their mean."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Estimate(mean, 0.0, 1, None)
    std = statistics.stdev(values)
    return Estimate(mean, std, len(values), t_quantile(len(values) - 1, confidence) * std / math.sqrt(len(values)))


def difference(first: Estimate, second: Estimate, confidence: float = CONFIDENCE) -> tuple[float, float | None]:
    """The difference of two means and half its interval (Welch's: the spreads may differ); None for single values."""
    gap = first.mean - second.mean
    if first.half is None or second.half is None:
        return gap, None
    parts = [each.std**2 / each.n for each in (first, second)]
    error = math.fsum(parts)
    if error == 0:
        return gap, 0.0
    freedom = error**2 / (parts[0] ** 2 / (first.n - 1) + parts[1] ** 2 / (second.n - 1))
    # The closed form wants a whole number; rounding down is the careful side.
    return gap, t_quantile(max(1, math.floor(freedom)), confidence) * math.sqrt(error)


@lru_cache
def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t for which a variable with so many degrees of freedom lies in (-t, t) with probability `confidence`."""
    low, high = 0.0, 1.0
    while central_probability(high, freedom) < confidence:
        high *= 2
    for _ in range(80):  # more halvings than a float has bits
        middle = (low + high) / 2
        if central_probability(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def central_probability(t: float, freedom: int) -> float:
    """P(-t < T < t) for Student's T."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2 == 1
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    # cos + 2/3 cos^3 + (2 4)/(3 5) cos^5 ...   or   1 + 1/2 cos^2 + (1 3)/(2 4) cos^4 ...
    for power in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= cosine**2 * (power + 1) / (power + 2)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
