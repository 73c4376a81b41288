"""A tie set: the configurations that cannot be told apart from a ranking's winner, and what picking the best is worth.

Each rival that was trained as completely as the winner, with two seeds or more, is held against it by Welch's t-test
(the spreads may differ), one-sided, at 5 % for all of these tests together by the method of S. Holm (A simple
sequentially rejective multiple test procedure, 1979). What is not rejected stays in the set, which so contains the
truly best configuration with 95 % confidence (as S. Gupta asks of it: On some multiple decision rules, 1965).
Accuracies are compared by the logarithm of their error, losses and distances by theirs. Where there is one seed,
nothing can be told.

The winner's mean flatters it, since it was picked for being high. By how much is what the best of all means would be
above its own truth, on average, if each mean were drawn again around the one seen, with its standard error (the
parametric bootstrap of B. Efron and R. Tibshirani, An introduction to the bootstrap, 1993, section 6.5; its expectation
is an integral, so that nothing has to be drawn). Of k means that are equally good and equally certain it is the
expected largest of k standard normals, times that error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from nnlite.report.intervals import Estimate, estimate, worse
from nnlite.report.ranking import Configuration, Ranking, signed
from nnlite.report.scales import Scale, scale_of
from nnlite.runs import Metric

TEST = "Welch's one-sided t-test, Holm's correction"
LEVEL = 0.05  # of all tests together
REACH = 8.0  # standard errors: what is further away never comes out best
MOST_CONTENDERS = 200
POINTS = 201  # of the integral: the trapezoidal rule is exact to ten digits for errors of one order


@dataclass(frozen=True)
class Rival:
    """A configuration beside the winner: how much worse its mean is, and the probability `p` of that by luck alone.

    `p` is None where it or the winner has a single seed.
    """

    configuration: Configuration
    gap: float
    p: float | None


@dataclass(frozen=True)
class Ties:
    """The winner and its rivals, best first, and the scale that they were compared on."""

    winner: Configuration
    rivals: list[Rival]
    scale: Scale

    @cached_property
    def tested(self) -> list[Rival]:
        """The rivals that a test could be made for."""
        return [each for each in self.rivals if each.p is not None]

    @cached_property
    def tied(self) -> list[Rival]:
        """The rivals that were tested and cannot be told apart from the winner."""
        left = sorted(self.tested, key=lambda each: each.p or 0.0)
        while left and (left[0].p or 0.0) <= LEVEL / len(left):
            left = left[1:]
        kept = {id(each) for each in left}
        return [each for each in self.tested if id(each) in kept]

    @cached_property
    def untested(self) -> list[Rival]:
        """The rivals that nothing can be told about."""
        return [each for each in self.rivals if each.p is None]

    @property
    def contenders(self) -> list[Configuration]:
        """The winner and what is tied with it."""
        return [self.winner, *(each.configuration for each in self.tied)]

    @property
    def unresolved(self) -> list[Configuration]:
        """The winner and all that may be as good: what further seeds would have to tell apart."""
        open_ones = {id(each) for each in (*self.tied, *self.untested)}
        return [self.winner, *(each.configuration for each in self.rivals if id(each) in open_ones)]

    @cached_property
    def optimism(self) -> float | None:
        """By how much the winner's mean is expected to flatter it; None where nothing tells."""
        if not self.tested or self.winner.estimate is None:
            return None
        known = [each.configuration.estimate for each in self.tested]
        errors = [each.std / math.sqrt(each.n) for each in (self.winner.estimate, *known) if each]
        return luck_of_the_best([0.0, *(each.gap for each in self.tested)], errors)


def ties(ranking: Ranking) -> Ties | None:
    """The tie set of a ranking; None if nobody won."""
    winner = ranking.winner
    if winner is None:
        return None
    rivals = [
        each
        for each in ranking.ranked[1:]
        if not each.lost and each.pruned_after is None and each.finished == winner.finished
    ]
    scale = scale_of(ranking.metric, [value for each in (winner, *rivals) for value in _values(each)])
    best = estimate([scale.of(value) for value in _values(winner)])
    return Ties(winner, [_rival(winner, best, each, ranking.metric, scale) for each in rivals], scale)


def luck_of_the_best(gaps: Sequence[float], errors: Sequence[float]) -> float:
    """How much of the best of several noisy values is noise, on average.

    The sum, over all of them, of the noise that each has where it comes out best:
    e_i times the integral of z phi(z) times the product over j of Phi((gap_j - gap_i + e_i z) / e_j).

    Args:
        gaps: by how much each is worse than the first.
        errors: the standard deviation of each one's noise.
    """
    near = [index for index in range(len(gaps)) if gaps[index] <= REACH * math.hypot(errors[0], errors[index])]
    near = sorted(near, key=lambda index: gaps[index])[:MOST_CONTENDERS]
    gap, error = (np.array([each[index] for index in near])[:, None] for each in (gaps, errors))
    z = np.linspace(-REACH, REACH, POINTS)
    noise = 0.0
    for own in range(len(near)):
        if error[own, 0] == 0:
            continue
        ahead = gap - gap[own] + error[own] * z  # of each of the others
        with np.errstate(divide="ignore", invalid="ignore"):
            wins = ndtr(np.where(error > 0, ahead / error, np.where(ahead >= 0, math.inf, -math.inf)))
        wins[own] = 1.0
        density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        noise += float(error[own, 0]) * float(np.trapezoid(z * density * wins.prod(axis=0), z))
    return noise


def cheapest(configurations: Sequence[Configuration]) -> Configuration:
    """The configuration that takes the least time a run; the first of equals, and where no time is known."""
    return min(configurations, key=lambda each: math.inf if each.seconds is None else each.seconds)


def _values(configuration: Configuration) -> list[float]:
    return [each.value for each in configuration.counted if each.value is not None]


def _rival(winner: Configuration, best: Estimate, rival: Configuration, metric: Metric, scale: Scale) -> Rival:
    """The rival beside the winner, which is `best` on the scale."""
    assert winner.estimate is not None
    assert rival.estimate is not None
    gap = signed(metric, rival.estimate.mean) - signed(metric, winner.estimate.mean)
    return Rival(rival, gap, worse(best, estimate([scale.of(value) for value in _values(rival)])))
