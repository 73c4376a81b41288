"""Pruning: which trials go on, and which are stopped early, as pure functions of their histories.

A rule compares configurations, by the mean over their seeds of the best value so far, so that the seeds of one
configuration live and die together. A trial that failed or diverged counts as worst from there on, and of equals the
first in the file goes on. What a rule decides for an epoch depends on the histories up to that epoch alone: it decides
the same when the logs have grown, after a resume, and, but for `AsynchronousHalving`, for any number of workers.
Configurations with different budgets do not compete: each budget is a contest of its own.
"""

import itertools
import math
from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import ClassVar, Protocol

from nnlite.errors import InputError, nearest
from nnlite.runs import Run
from nnlite.sweep.histories import History, Seeds, contests, history_of, mean_at, sign
from nnlite.sweep.strategy import Everything, Strategy, Task
from nnlite.sweep.tables import PruningTable
from nnlite.sweep.trials import Trial

FACTOR, GENERATION = 3, 8


@dataclass(frozen=True)
class Step:
    """Train a seed of a configuration until it has so many epochs.

    Attributes:
        configuration: its position among the configurations of the contest.
        seed: its position among the seeds of that configuration.
        until: after which epoch to stop.
        bars: by epoch, the value that the best epoch so far must reach, or it is stopped there.
    """

    configuration: int
    seed: int
    until: int
    bars: Mapping[int, float] = field(default_factory=dict)

    def end_of(self, history: History) -> int:
        """After which epoch a trial with this history is stopped: at the first bar that it misses, or at `until`."""
        passed = (epoch for epoch in sorted(self.bars) if epoch <= history.epochs)
        return next((epoch for epoch in passed if history.best[epoch - 1] > self.bars[epoch]), self.until)


class Rule(Protocol):
    """Decides what is to be trained next in one contest."""

    asynchronous: ClassVar[bool]  # whether it is to be asked again as soon as any of its steps has ended

    def rungs(self, budget: int, count: int) -> list[int]:
        """The epochs at which so many configurations are compared, the budget last; empty: whenever there is news."""

    def next_steps(self, configurations: Sequence[Seeds], budget: int) -> list[Step]:
        """What is to be trained next, each trial once at most; empty: the contest is over."""


@dataclass(frozen=True)
class Halving:
    """Successive halving: all configurations are trained a little, the best of them longer, the best of those longer.

    At each rung the best `1 / factor` of the configurations goes on (rounded down, but at least one). Rungs are at
    `min_epochs`, `min_epochs * factor`, ... and at the budget. Without `min_epochs` there are just as many as it takes
    to come down to one configuration, so that each costs about as much as the next.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.
    """

    factor: int = FACTOR
    min_epochs: int | None = None
    asynchronous: ClassVar[bool] = False

    def rungs(self, budget: int, count: int) -> list[int]:
        """See `Rule`."""
        first = self.min_epochs
        if first is None:
            rounds = 0
            while count > 1:
                count //= self.factor
                rounds += 1
            first = -(-budget // self.factor**rounds)
        below = itertools.takewhile(lambda rung: rung < budget, (first * self.factor**k for k in itertools.count()))
        return [*below, budget]

    def next_steps(self, configurations: Sequence[Seeds], budget: int) -> list[Step]:
        """All who have come to a rung wait there for the others."""
        alive: Sequence[int] = range(len(configurations))
        closing: list[Step] = []
        for rung in self.rungs(budget, len(configurations)):
            if steps := _steps_to(rung, configurations, alive, budget):
                return closing + steps
            kept = _best(alive, configurations, rung, len(alive) // self.factor) if rung < budget else alive
            closing += _closing(configurations, set(alive).difference(kept), budget)
            alive = kept
        return closing


@dataclass(frozen=True)
class AsynchronousHalving(Halving):
    """Successive halving without waiting: a configuration goes on as soon as it is among the best of its rung so far.

    The rungs are those of `Halving`. Whoever has gone on stays, even if better ones come to its rung later: which
    configurations go on depends on the order in which they arrive, and thereby on the number of workers. Steps are
    listed by urgency, those to the highest rung first.

    Source: Li et al., "A system for massively parallel hyperparameter tuning" (ASHA), 2020.
    """

    asynchronous: ClassVar[bool] = True

    def next_steps(self, configurations: Sequence[Seeds], budget: int) -> list[Step]:
        """All that could be trained now; what is being trained already is among it."""
        by_rung: list[list[Step]] = []
        members: Sequence[int] = range(len(configurations))
        nobody_else_comes = True
        for rung in self.rungs(budget, len(configurations)):
            coming = _steps_to(rung, configurations, members, budget)
            on_the_way = {step.configuration for step in coming}
            # Whoever has gone on keeps its place here, though its log is open until it has an epoch more.
            arrived = [each for each in members if each not in on_the_way]
            nobody_else_comes = nobody_else_comes and not coming
            places = len(arrived) // self.factor
            best = _best(arrived, configurations, rung, places) if places or nobody_else_comes else []
            gone_on = [each for each in arrived if any(history.epochs > rung for history in configurations[each])]
            members = sorted({*best, *gone_on})
            by_rung.append(_closing(configurations, set(arrived).difference(members), budget) + coming)
        return [step for steps in reversed(by_rung) for step in steps]


@dataclass(frozen=True)
class Median:
    """The median rule: a configuration is stopped at the first epoch that finds it in the worse half.

    The configurations are taken in generations of so many, in the file's order. The first generation is trained to the
    end. From then on a configuration is compared, after every epoch from `min_epochs` on, with the median of all
    configurations of the generations before, each by its best value so far (one that was stopped, by its last). Its
    seeds are trained one after another, the mean of those that there are is compared, and none is begun once one was
    stopped or lost.

    Source: Golovin et al., "Google Vizier: a service for black-box optimization", 2017, section 3.2.
    """

    generation: int = GENERATION
    min_epochs: int = 1
    asynchronous: ClassVar[bool] = False

    def rungs(self, budget: int, count: int) -> list[int]:  # noqa: ARG002 - no rungs, whatever the contest
        """See `Rule`."""
        return []

    def next_steps(self, configurations: Sequence[Seeds], budget: int) -> list[Step]:
        """One generation is brought to its end before the next one begins."""
        earlier: list[list[float]] = [[] for _ in range(budget)]  # by epoch, the sorted means of the generations before
        for first in range(0, len(configurations), self.generation):
            members = range(first, min(first + self.generation, len(configurations)))
            medians = [_middle(values) for values in earlier if values]
            races = [self._race(each, configurations[each], medians, budget) for each in members]
            if steps := [step for steps, _ in races for step in steps]:
                return steps
            for _, curve in races:
                for values, mean in zip(earlier, curve, strict=True):
                    insort(values, mean)
        return []

    def _race(
        self, position: int, seeds: Seeds, medians: Sequence[float], budget: int
    ) -> tuple[list[Step], list[float]]:
        """What is left to train of a configuration, and, if nothing, the mean of its seeds after each epoch.

        Args:
            position: of the configuration.
            seeds: its histories.
            medians: what to compare it with after each epoch; empty: with nothing.
            budget: in epochs.
        """
        if not medians:
            return _steps_to(budget, {position: seeds}, [position], budget), _mean_curve(seeds, budget)
        raced: list[History] = []
        for seed, history in enumerate(seeds):
            # The mean with this seed reaches the median where the seed reaches what is missing from the sum.
            missing = {
                epoch: (seed + 1) * medians[epoch - 1] - sum(each.carried_to(epoch) for each in raced)
                for epoch in range(self.min_epochs, budget)
            }
            bars = {epoch: bar for epoch, bar in missing.items() if math.isfinite(bar)}
            step = Step(position, seed, budget, bars)
            end = step.end_of(history)
            if end == budget and not _is_settled(history, budget, budget):
                return [step], []
            raced.append(history.until(end))
            if end < budget or history.state == "lost":
                return _closing({position: seeds}, [position], budget), _mean_curve(raced, budget)
        return [], _mean_curve(raced, budget)


RULES = ("halving", "asha", "median")


def rule_named(name: str, *, factor: int = FACTOR, min_epochs: int | None = None, generation: int = GENERATION) -> Rule:
    """The rule that a sweep file or the command line names.

    Args:
        name: one of `RULES`.
        factor: of the halving rules: one in so many goes on, for so many times as long; 2 or more.
        min_epochs: how long every trial is trained; default: 1 for the median rule, for the others see `Halving`.
        generation: of the median rule: how many configurations make a generation; 1 or more.

    Raises:
        InputError: there is no such rule.
    """
    match name:
        case "halving":
            return Halving(factor, min_epochs)
        case "asha":
            return AsynchronousHalving(factor, min_epochs)
        case "median":
            return Median(generation, min_epochs or 1)
    raise InputError(f"there is no pruning rule {name!r}: {nearest(name, RULES)}")


def inner_strategy(table: PruningTable | None) -> Callable[[Sequence[Trial]], Strategy]:
    """How a generation of trials is trained: each to its end, or as the `[pruning]` table of a sweep file says."""
    if table is None:
        return Everything
    rule = rule_named(table.strategy, factor=table.factor, min_epochs=table.min_epochs, generation=table.generation)
    return lambda trials: Pruned(trials, rule)


@dataclass(frozen=True)
class Pruned:
    """The strategy that trains `trials`, but stops by `rule` those that fall behind."""

    trials: Sequence[Trial]
    rule: Rule
    foreseen: ClassVar[bool] = False

    @property
    def asynchronous(self) -> bool:
        """Whether to ask again as soon as any task has ended, and to begin the first that is not under way."""
        return self.rule.asynchronous

    def next_tasks(self, runs: Mapping[str, Run]) -> list[Task]:
        """See `Strategy`."""
        tasks = []
        for budget, configurations in contests(self.trials, lambda each: (each.config, each.config.epochs)).items():
            histories = [[history_of(runs.get(each.id), each.objective) for each in seeds] for seeds in configurations]
            for step in self.rule.next_steps(histories, budget):
                trial = configurations[step.configuration][step.seed]
                bars = {epoch: sign(trial.objective) * bar for epoch, bar in step.bars.items()}
                tasks.append(Task(trial, step.until, bars))
        return tasks


Contest = Sequence[Seeds] | Mapping[int, Seeds]  # by position


def _best(positions: Iterable[int], contest: Contest, epoch: int, places: int) -> list[int]:
    """The best so many by this epoch, in the file's order: none that lost a seed, but always one."""
    scores = {each: mean_at(contest[each], epoch) for each in positions}
    ranked = sorted(scores, key=lambda each: scores[each])  # stable: of equals, the first in the file
    return sorted([each for each in ranked[:places] if math.isfinite(scores[each])] or ranked[:1])


def _steps_to(rung: int, contest: Contest, positions: Iterable[int], budget: int) -> list[Step]:
    """What it takes for these configurations to come to the rung."""
    return [
        Step(position, seed, rung)
        for position in positions
        for seed, history in enumerate(contest[position])
        if not _is_settled(history, rung, budget)
    ]


def _is_settled(history: History, until: int, budget: int) -> bool:
    """Whether there is nothing left to train up to there; whoever has come to the budget is still to be scored."""
    return history.state == "lost" or (history.epochs >= until and (until < budget or history.state == "completed"))


def _closing(contest: Contest, positions: Iterable[int], budget: int) -> list[Step]:
    """Steps that end the logs of trials that are out, but were killed before their logs could say so."""
    return [
        Step(position, seed, min(history.epochs, budget))
        for position in sorted(positions)
        for seed, history in enumerate(contest[position])
        if history.state == "open" and history.epochs
    ]


def _middle(values: Sequence[float]) -> float:
    """The median of sorted values."""
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def _mean_curve(seeds: Seeds, budget: int) -> list[float]:
    return [fmean(each.carried_to(epoch) for each in seeds) for epoch in range(1, budget + 1)]
