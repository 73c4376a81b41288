"""Importance: how much of what sets the runs apart lies between the values of one hyperparameter.

The runs are ranked from the best to the worst, what diverged or failed last, so that neither the metric's scale nor one
outlier decides. Of the variance of these ranks, a hyperparameter explains

    eta^2 = (H - k + 1) / (n - k),   H = (n - 1) * SS_between / SS_total

for k values and n runs: H is the statistic of W. Kruskal and W. Wallis' test (1952), eta^2 its effect size, adjusted
for the number of values (M. Tomczak and E. Tomczak, The need to report effect size estimates revisited, 2014); without
an effect it is 0 on average. A hyperparameter that was drawn, with many values, is cut into four groups of equal size.
What two explain together beyond each alone, by their pairs of values, is how they depend on each other. Those of a full
grid explain different parts; others may share what they explain.
"""

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from nnlite.report.cells import finite, readable
from nnlite.report.groups import natural
from nnlite.report.ranking import Ranking, abreast, signed
from nnlite.runs.quantities import number

FEWEST_RUNS = 6
MOST_LEVELS = 8  # more numbers than this are cut into groups
GROUPS = 4
LEAST_PAIR = 0.05
MOST_PAIRS = 3


@dataclass(frozen=True)
class Explained:
    """A share of the variance of the ranks, and how likely so much or more is without any effect."""

    share: float
    p: float


@dataclass(frozen=True)
class Importance:
    """What one hyperparameter explains.

    Attributes:
        name: of the hyperparameter.
        share: of the variance of the ranks.
        p: how likely so much or more is without any effect.
        groups: how many values or groups of values were compared.
        best: the value, or from which to which, whose runs rank best.
    """

    name: str
    share: float
    p: float
    groups: int
    best: str


@dataclass(frozen=True)
class Decomposition:
    """What each hyperparameter explains, most first, and what is left.

    Attributes:
        parts: of the hyperparameters.
        pairs: what two of them explain beyond each alone, most first; little is left out.
        seeds: what differs between runs of the same configuration; None with one seed each.
        runs: how many were ranked.
        epoch: after which they were compared, where some were pruned.
    """

    parts: list[Importance]
    pairs: list[tuple[str, str, float]]
    seeds: float | None
    runs: int
    epoch: int | None


def decompose(ranking: Ranking) -> Decomposition | None:
    """What explains the differences between the runs of a ranking; None where there are too few, or no difference."""
    ranking, epoch = abreast(ranking)
    names = ranking.group.varied
    rows: list[tuple[dict[str, Any], float]] = []
    for configuration in ranking.configurations:
        for trial in (*configuration.counted, *configuration.lost):
            is_lost = trial in configuration.lost or trial.value is None
            worth = math.inf if is_lost or trial.value is None else signed(ranking.metric, trial.value)
            rows.append((configuration.parameters, worth))
    if len(rows) < FEWEST_RUNS or len({worth for _, worth in rows}) < 2:
        return None
    ranks = _ranked([worth for _, worth in rows])
    levels = {name: _levels([parameters.get(name) for parameters, _ in rows]) for name in names}
    parts = [part for name in names if (part := _importance(name, rows, levels[name], ranks))]
    if not parts:
        return None
    whole = _explained([repr([parameters.get(name) for name in names]) for parameters, _ in rows], ranks)
    return Decomposition(
        sorted(parts, key=lambda each: -each.share),
        _pairs(parts, levels, ranks),
        1 - whole.share if whole else None,
        len(rows),
        epoch,
    )


def by_importance(names: Sequence[str], explained: Decomposition | None) -> list[str]:
    """The hyperparameters in the order to show them in: as they are or, of more than two, what explains most first."""
    first = [part.name for part in explained.parts] if explained and len(names) > 2 else []
    return list(dict.fromkeys([*first, *names]))


def _pairs(
    parts: Sequence[Importance], levels: Mapping[str, Sequence[Hashable]], ranks: NDArray[np.float64]
) -> list[tuple[str, str, float]]:
    found = []
    for one, other in itertools.combinations(parts, 2):
        both = _explained(list(zip(levels[one.name], levels[other.name], strict=True)), ranks)
        more = both.share - one.share - other.share if both else 0.0
        if more >= LEAST_PAIR:
            found.append((one.name, other.name, more))
    return sorted(found, key=lambda each: -each[2])[:MOST_PAIRS]


def _importance(
    name: str, rows: Sequence[tuple[Mapping[str, Any], float]], levels: Sequence[Hashable], ranks: NDArray[np.float64]
) -> Importance | None:
    found = _explained(levels, ranks)
    if found is None:
        return None
    means = {level: ranks[[each == level for each in levels]].mean() for level in dict.fromkeys(levels)}
    best = min(means, key=lambda level: means[level])
    values = [parameters.get(name) for parameters, _ in rows]
    members = sorted((value for value, level in zip(values, levels, strict=True) if level == best), key=natural)
    ends = [number(readable(members[0])), number(readable(members[-1]))]
    about = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    return Importance(name, found.share, found.p, len(means), about)


def _levels(values: Sequence[Any]) -> list[Hashable]:
    """The value itself, or where there are many numbers, which group of equal size it is in; equals stay together."""
    sizes = [finite(value) for value in values]
    known = [size for size in sizes if size is not None]
    if len(set(known)) <= MOST_LEVELS or len(known) < len(sizes):
        return [repr(readable(value)) for value in values]
    places = (_ranked(known) - 0.5) / len(known)
    return [int(place * GROUPS) for place in places]


def _explained(levels: Sequence[Hashable], ranks: NDArray[np.float64]) -> Explained | None:
    """The share of the variance between the levels, and the p of Kruskal and Wallis; None if nothing is within them."""
    counts = Counter(levels)
    runs, groups = len(levels), len(counts)
    if not 1 < groups < runs:
        return None
    total = float(np.sum((ranks - ranks.mean()) ** 2))
    sums = dict.fromkeys(counts, 0.0)
    for level, deviation in zip(levels, ranks - ranks.mean(), strict=True):
        sums[level] += float(deviation)
    between = math.fsum(sums[level] ** 2 / counts[level] for level in counts)
    statistic = (runs - 1) * between / total
    share = (statistic - groups + 1) / (runs - groups)
    return Explained(min(1.0, max(0.0, share)), float(chdtrc(groups - 1, statistic)))


def _ranked(values: Sequence[float]) -> NDArray[np.float64]:
    """The rank of each value from 1, equals sharing theirs."""
    return np.asarray(pd.Series(values, dtype=float).rank(), dtype=np.float64)
