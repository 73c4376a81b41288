"""Findings: what is to be said about a ranking, in the sentences that the page and the command line share.

Each function writes plain text; `name` says how a configuration is called there (in Markdown, or as it is).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from nnlite.report.cells import readable
from nnlite.report.edges import Edge
from nnlite.report.estimates import lead, score_with_interval
from nnlite.report.ranking import Configuration, Ranking
from nnlite.report.ties import LEVEL, Ties
from nnlite.runs.quantities import counted, is_share, number, score

Naming = Callable[[Configuration], str]
MOST_NAMED = 5  # configurations in a sentence
LEAST_SHARE = 1e-4  # of an accuracy: one image of 10,000


def worth(ranking: Ranking, configuration: Configuration) -> str:
    """The mean of a configuration with its interval, and what it is the mean of."""
    known = configuration.estimate
    if known is None:
        return "no value"
    interval = "" if known.half is None else ", 95 % interval"
    return f"{score_with_interval(ranking.metric, known)} ({of_seeds(known.n)}{interval})"


def about_the_winner(ranking: Ranking, found: Ties | None, name: Naming) -> list[str]:
    """All that is to be said about how sure the winner is."""
    if found is None:
        return []
    sentences = (tie(found, name), optimism(found, ranking), lucky_run(found, ranking, name), *together(ranking))
    return [each for each in sentences if each]


def caveats(ranking: Ranking) -> list[str]:
    """Why the values themselves may not be comparable."""
    metric = ranking.metric
    words = []
    if metric.against_itself:
        words.append(
            f"The {metric.label} is measured against an opponent that is trained as well, and says nothing of what is "
            "drawn: a GAN that has collapsed may have the best. Rank by fid."
        )
    judges = Counter(str(run.start.get("reference")) for run in ranking.group.runs if run.start.get("reference"))
    if metric.judged and len(judges) > 1:
        listed = _listed([f"{counted(count, 'run')} by {name}" for name, count in judges.most_common()])
        words.append(
            f"Different reference classifiers have judged these runs ({listed}), and what one says cannot be compared "
            "with what another says: train the fewer anew, here."
        )
    return words


def tie(found: Ties, name: Naming) -> str:
    """Which configurations cannot be told apart from the winner, by which test."""
    if not found.rivals:
        return ""
    if not found.tested:
        which = "each" if found.winner.estimate and found.winner.estimate.n == 1 else "each of the others"
        return (
            f"Which configuration is truly best cannot be told from one seed {which}: train more, with `seeds = 3` in "
            "the sweep file; what is trained already stays."
        )
    test = f"{_test(found)}, n = {_seeds(found)}"
    if not found.tied:
        others = (
            "The other configuration is" if len(found.tested) == 1 else f"Each of the {len(found.tested)} others is"
        )
        words = f"{others} worse: no tie ({test})."
    else:
        names = _listed([name(each.configuration) for each in found.tied])
        words = (
            f"A tie: {len(found.tied)} of the {counted(len(found.tested), 'other configuration')} cannot be told apart "
            f"from it ({test}): {names}."
        )
    if found.untested:
        words += f" {counted(len(found.untested), 'other')} with a single seed could not be tested."
    return words


def optimism(found: Ties, ranking: Ranking) -> str:
    """What picking the best of so many is worth; nothing where nothing tells."""
    if found.optimism is None:
        return ""
    luck = f"about {lead(ranking.metric, found.optimism, None)}"
    if is_share(ranking.metric) and found.optimism < LEAST_SHARE:
        luck = f"less than {lead(ranking.metric, LEAST_SHARE, None)}"
    return (
        f"Picking the best of {len(found.tested) + 1} means is worth {luck} of luck: by so "
        "much the best one is too good on average, if each is as uncertain as its seeds say."
    )


def lucky_run(found: Ties, ranking: Ranking, name: Naming) -> str:
    """That the best single run is of another configuration, where it is."""
    trial = ranking.best_trial()
    other = next((each for each in ranking.configurations if trial in each.counted), found.winner)
    if trial is None or trial.value is None or other is found.winner:
        return ""
    return (
        f"The best single run, {trial.run.id} with {score(ranking.metric, trial.value)}, is of another configuration, "
        f"{name(other)}: one seed more or less."
    )


def together(ranking: Ranking) -> list[str]:
    """Which hyperparameters never changed without one another."""
    return [
        f"{', '.join(names[:-1])} and {names[-1]} never changed without one another: which of them made a difference "
        "cannot be told."
        for names in ranking.group.together
    ]


def at_an_edge(found: Sequence[Edge]) -> str:
    """Which best values have no neighbour on one side; nothing where all have. The lines that look there follow."""
    if not found:
        return ""
    named = [f"{each.name} {number(readable(each.value))} (the {each.end} of {each.tried})" for each in found]
    return (
        f"At the edge of what was tried: {', '.join(named)}. The best may lie beyond; to look there, in the sweep file:"
    )


def of_seeds(count: int) -> str:
    """How many seeds."""
    return "one seed" if count == 1 else f"{count} seeds"


def _test(found: Ties) -> str:
    what = f" of the {found.scale.name}" if found.scale.name else ""
    together = f" for all {len(found.tested)} together, by Holm" if len(found.tested) > 1 else ""
    return f"Welch's one-sided t-test{what} at {100 * LEVEL:g} %{together}"


def _seeds(found: Ties) -> str:
    sizes = sorted({each.estimate.n for each in _compared(found) if each.estimate})
    return f"{sizes[0]} seeds each" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} seeds"


def _compared(found: Ties) -> Iterable[Configuration]:
    return [found.winner, *(each.configuration for each in found.tested)]


def _listed(names: Sequence[str]) -> str:
    shown = "; ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown}; and {more} more" if more > 0 else shown
