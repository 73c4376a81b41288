"""Replay: what a pruning rule would have made of a sweep that was trained without one.

The rule is shown the stored curves as far as it has asked for them, until it asks for nothing more: the same functions
as in a sweep decide. The file's order, which settles ties and makes the median rule's generations, is taken to be that
in which the runs were started; of trials that several workers began at the same moment, the logs do not tell it.
"""

import json
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from nnlite.runs import Run
from nnlite.sweep.histories import History, contests, history_of, mean_at, sign
from nnlite.sweep.pruning import Rule
from nnlite.sweep.spec import Objective

WHOLE = ("completed", "diverged", "failed")  # runs of which there is nothing more to know


@dataclass(frozen=True)
class Rung:
    """A comparison of the replay.

    Attributes:
        epoch: after which it took place.
        arrived: how many configurations were compared.
        rank: the winner's place among them, from 1; None if it had been stopped before.
    """

    epoch: int
    arrived: int
    rank: int | None


@dataclass(frozen=True)
class Replay:
    """What a rule would have done to the runs of one budget.

    Attributes:
        budget: in epochs.
        configurations: the runs of each, by seed.
        trained: epochs that would have been trained, all runs together.
        of: epochs that were trained.
        winner: position of the configuration with the best mean over its seeds.
        named: position of the one that would have won.
        means: of each configuration, what it is compared by in the end, in units of the objective; infinite where a
            seed was lost.
        rungs: where the rule has fixed ones.
        stopped: by configuration, the last epoch that any of its seeds would have been trained.
    """

    budget: int
    configurations: list[list[Run]]
    trained: int
    of: int
    winner: int
    named: int
    means: list[float]
    rungs: list[Rung]
    stopped: list[int]

    @property
    def saved(self) -> float:
        """Which share of the epochs would not have been trained."""
        return 1 - self.trained / self.of if self.of else 0.0

    @property
    def keeps_winner(self) -> bool:
        """Whether the rule would have named the same configuration."""
        return self.named == self.winner

    @property
    def loss(self) -> float:
        """How much worse the named configuration is, 0 or more, in units of the objective."""
        return abs(self.means[self.winner] - self.means[self.named]) if not self.keeps_winner else 0.0


def replay(runs: Sequence[Run], objective: Objective, rule: Rule) -> tuple[list[Replay], list[Run]]:
    """Run `rule` over the curves of a sweep, for each budget in it.

    Args:
        runs: of one sweep, dataset and model.
        objective: what the rule compares by.
        rule: which trials go on.

    Returns:
        What would have happened, by budget; and the runs that had to be left out, because the curve of one seed of
        their configuration is not whole.
    """
    started = sorted(runs, key=lambda run: (str(run.start.get("time", "")), run.id))
    replays: list[Replay] = []
    left_out: list[Run] = []
    for budget, configurations in sorted(contests(started, _identity).items()):
        whole = [seeds for seeds in configurations if all(map(_is_whole, seeds))]
        left_out += [run for seeds in configurations if seeds not in whole for run in seeds]
        curves = [[history_of(replace(run, epochs=run.epochs[:budget]), objective) for run in seeds] for seeds in whole]
        if any(math.isfinite(value) for seeds in curves for history in seeds for value in history.best):
            replays.append(_replay(whole, curves, budget, objective, rule))
    return replays, left_out


def simulate(curves: Sequence[Sequence[History]], budget: int, rule: Rule) -> list[list[History]]:
    """How far each trial would have got under `rule`, with one worker; `curves` are whole, or of lost trials."""
    shown = [[history.until(0) for history in seeds] for seeds in curves]
    while steps := rule.next_steps(shown, budget):
        for step in steps[:1] if rule.asynchronous else steps:
            history = curves[step.configuration][step.seed]
            before, after = shown[step.configuration][step.seed], history.until(step.end_of(history))
            assert after != before, "a curve that ends before its budget never comes to an end"
            shown[step.configuration][step.seed] = after
    return shown


def _replay(
    configurations: list[list[Run]], curves: list[list[History]], budget: int, objective: Objective, rule: Rule
) -> Replay:
    shown = simulate(curves, budget, rule)
    scores = [mean_at(seeds, budget) for seeds in curves]
    winner = min(range(len(scores)), key=scores.__getitem__)
    complete = [each for each, seeds in enumerate(shown) if _have_come(seeds, budget)]
    return Replay(
        budget=budget,
        configurations=configurations,
        trained=sum(history.epochs for seeds in shown for history in seeds),
        of=sum(history.epochs for seeds in curves for history in seeds),
        winner=winner,
        named=min(complete, key=scores.__getitem__),
        means=[sign(objective) * score for score in scores],
        rungs=[_rung(shown, epoch, winner) for epoch in rule.rungs(budget, len(curves))],
        stopped=[max(history.epochs for history in seeds) for seeds in shown],
    )


def _rung(shown: Sequence[Sequence[History]], epoch: int, winner: int) -> Rung:
    arrived = [each for each, seeds in enumerate(shown) if _have_come(seeds, epoch)]
    ranked = sorted(arrived, key=lambda each: mean_at(shown[each], epoch))
    return Rung(epoch, len(arrived), ranked.index(winner) + 1 if winner in ranked else None)


def _have_come(seeds: Sequence[History], epoch: int) -> bool:
    return all(history.at(epoch) is not None for history in seeds)


def _identity(run: Run) -> tuple[Hashable, int]:
    config = {name: value for name, value in run.config.items() if name != "seed"}
    budget = config.get("epochs")
    return json.dumps(config, sort_keys=True), budget if isinstance(budget, int) else len(run.epochs)


def _is_whole(run: Run) -> bool:
    return run.status in WHOLE and (run.status != "completed" or len(run.epochs) >= _identity(run)[1])
