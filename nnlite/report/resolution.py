"""A resolution: which further seeds would tell the configurations of a tie set apart, a round at a time.

In a round those that have fewer seeds are brought level with the others; where all are level, each gets one more, and
three at the least, since two seeds tell little. After each round the tie set is made anew from all seeds: what has
fallen out of it gets no more.
"""

from nnlite.report.ranking import Configuration
from nnlite.report.ties import Ties

FEWEST_SEEDS = 3


def further_seeds(found: Ties, most: int) -> list[tuple[Configuration, int]]:
    """The next round: configurations with a new seed for each, at most so many; nothing where the winner stands alone.

    The first seed of all comes before the second of any, the best configuration first.
    """
    contenders = found.unresolved
    if len(contenders) < 2:
        return []
    counts = [len(each.counted) for each in contenders]
    level = max(counts)
    target = level if min(counts) < level else max(level + 1, FEWEST_SEEDS)
    new = {id(each): _unused(each, target - count) for each, count in zip(contenders, counts, strict=True)}
    rounds = max(map(len, new.values()))
    listed = [(each, new[id(each)][turn]) for turn in range(rounds) for each in contenders if turn < len(new[id(each)])]
    return listed[:most]


def _unused(configuration: Configuration, count: int) -> list[int]:
    """The smallest seeds that the configuration was not trained with."""
    taken = {each.run.seed for each in configuration.trials}
    free = (seed for seed in range(len(taken) + count) if seed not in taken)
    return [seed for seed, _ in zip(free, range(count), strict=False)]
