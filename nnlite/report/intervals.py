"""Estimates from a few seeds: a mean, and how far from the true one it may well be.

The interval is Student's: mean +- t(n - 1) * s / sqrt(n).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

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
    # Two passes in floats: `statistics.stdev`, in fractions, takes a hundred times as long.
    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return Estimate(mean, std, len(values), t_quantile(len(values) - 1, confidence) * std / math.sqrt(len(values)))


def difference(first: Estimate, second: Estimate, confidence: float = CONFIDENCE) -> tuple[float, float | None]:
    """The difference of two means and half its interval (Welch's: the spreads may differ); None for single values."""
    gap = first.mean - second.mean
    if first.half is None or second.half is None:
        return gap, None
    error, freedom = _welch(first, second)
    return gap, t_quantile(freedom, confidence) * error if error else 0.0


def worse(best: Estimate, other: Estimate) -> float | None:
    """How likely the other mean is so much larger by luck alone: Welch's one-sided p; None for single values."""
    if best.half is None or other.half is None:
        return None
    gap = other.mean - best.mean
    error, freedom = _welch(best, other)
    if error == 0:
        return 0.0 if gap > 0 else 1.0
    return float(stdtr(freedom, -gap / error))


def _welch(first: Estimate, second: Estimate) -> tuple[float, float]:
    """The standard error of the difference of two means, and its degrees of freedom."""
    parts = [each.std**2 / each.n for each in (first, second)]
    error = math.fsum(parts)
    if error == 0:
        return 0.0, math.inf
    # As shares of their sum: the squares of very small ones would be 0.
    shares = [part / error for part in parts]
    return math.sqrt(error), 1 / (shares[0] ** 2 / (first.n - 1) + shares[1] ** 2 / (second.n - 1))


def t_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The t for which a variable with so many degrees of freedom lies in (-t, t) with probability `confidence`."""
    return float(stdtrit(freedom, (1.0 + confidence) / 2))
