"""Proposals from results: the tree-structured Parzen estimator, through Optuna's ask-and-tell.

Proposals come in numbered generations of a fixed size. Those of the first are the first draws of a random search; those
of a later one follow from the search's seed and the results of all generations before, and from nothing else: a study
of Optuna's is built anew from them, in memory, and its sampler is seeded by the search's seed and the generation's
number. So the logs are all the history there is, and a resumed search, or one with other workers, goes the same way.

What was trained stays part of the search, even if the history behind it changes: a failed trial that is tried again,
another seed or a wider range lead to other proposals from there on. Where a generation is about to begin a new
proposal, it takes up an earlier run instead, as long as the folder has one that lies in the space and is no proposal of
the generations so far. An undisturbed search has none: no run of a later generation exists while one is incomplete.

What other sweeps have found (`learn_from`) is known as results are before the first generation, so already that one is
proposed. It should not grow any more while the search goes on: the proposals follow from it as well.

Source: J. Bergstra et al., Algorithms for hyper-parameter optimization, 2011, section 4.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np

from nnlite.errors import InputError
from nnlite.runs.metrics import Direction
from nnlite.sweep.distributions import Choice, Distribution, Steps
from nnlite.sweep.spaces import DRAWS_A_TRIAL, Configuration, Search, Space

ASKS_A_PROPOSAL = 20  # so many asks for each proposal that is wanted; what is then lacking is drawn at random


@dataclass(frozen=True)
class Proposal:
    """A configuration, and where it lies: the position between 0 and 1 of each searched hyperparameter in it."""

    positions: Mapping[str, float]
    configuration: Configuration


Values = tuple[float | None, ...]  # of a proposal, the value of each of its seeds; None if it failed or diverged


class Study:
    """The search of one point of grid and zip.

    Args:
        space: a space with that point alone.
        direction: which way values are better.
        learnt: proposals of other sweeps and their values, which the search knows from the start.
    """

    def __init__(self, space: Space, direction: Direction, learnt: Sequence[tuple[Proposal, "Values"]] = ()) -> None:
        self._learnt = list(learnt)
        assert space.search is not None
        self.space = space
        self.search: Search = space.search
        self.direction = direction
        free = [name for name in self.search.distributions if name not in space.when]
        # What a condition refers to is asked for before what depends on it.
        self._order = [*free, *(name for name in space.when if name in self.search.distributions)]
        self._known: dict[tuple[tuple[Configuration, Values], ...], list[Proposal]] = {}

    def generation(self, results: Sequence[tuple[Proposal, Values]]) -> list[Proposal]:
        """The next generation, given the results of all before it; empty when there are enough.

        Raises:
            InputError: Optuna is not installed.
        """
        history = tuple((proposal.configuration, values) for proposal, values in results)
        if history not in self._known:
            wanted = min(self.search.generation, self.search.trials - len(results))
            known = [*self._learnt, *results]
            found = _Found(self.space, [proposal.configuration for proposal, _ in known])
            self._start(found, wanted)
            if known and len(found.proposals) < wanted:
                self._ask(known, -(-len(results) // self.search.generation), found, wanted)
            self._draw(found, wanted)
            self._known[history] = found.proposals
        return self._known[history]

    def proposal_of(self, config: Mapping[str, Any]) -> Proposal | None:
        """The proposal that a logged configuration could have been, by its hyperparameters; None if it lies outside."""
        # JSON has lists where hyperparameters are tuples.
        own = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}
        point, positions = dict(self.space.points[0]), {}
        for name in self._order:
            if not self.space.exists(name, point):
                continue
            try:
                position = self.search.distributions[name].position(own.get(name))
            except (TypeError, ValueError):  # of another version: no such hyperparameter, or of another type
                return None
            if position is None:
                return None
            point[name], positions[name] = own[name], position
        configuration = self.space.configuration(point)
        return None if self.space.broken(configuration) else Proposal(positions, configuration)

    def _start(self, found: "_Found", wanted: int) -> None:
        """Begin with what the file wants to be tried first, unless it has been."""
        for number, values in enumerate(self.search.start_with):
            if len(found.proposals) < wanted:
                given = {name: self.search.distributions[name].position(value) for name, value in values.items()}
                positions = {name: place for name, place in given.items() if place is not None}
                found.add({**self.search.draw(number), **positions}, values)

    def _draw(self, found: "_Found", wanted: int) -> None:
        """Fill up with the numbered draws of a random search."""
        number = 0
        while len(found.proposals) < wanted and number < DRAWS_A_TRIAL * max(DRAWS_A_TRIAL, self.search.trials):
            found.add(self.search.draw(number))
            number += 1

    def _ask(self, results: Sequence[tuple[Proposal, Values]], generation: int, found: "_Found", wanted: int) -> None:
        import optuna  # noqa: PLC0415 - an extra, and slow to import

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seed = int(np.random.SeedSequence([self.search.seed, generation]).generate_state(1)[0])
        # The constant liar takes what has been asked for and is not known yet as bad, so that proposals spread.
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, constant_liar=True)
        study = optuna.create_study(direction=self.direction, sampler=sampler)
        values = mean_values([values for _, values in results], self.direction)
        for (proposal, _), value in zip(results, values, strict=True):
            axes = {name: _axis(optuna, self.search.distributions[name]) for name in proposal.positions}
            places = {
                name: _place(self.search.distributions[name], position) for name, position in proposal.positions.items()
            }
            study.add_trial(optuna.trial.create_trial(params=places, distributions=axes, value=value))
        for _ in range(ASKS_A_PROPOSAL * wanted):
            if len(found.proposals) == wanted:
                break
            asked = study.ask()
            positions: dict[str, float] = {}
            for name in self._order:
                point = {**self.space.points[0], **self.search.values(positions)}
                if self.space.exists(name, point):
                    positions[name] = _suggested(asked, name, self.search.distributions[name])
            if not found.add(positions):
                study.tell(asked, state=optuna.trial.TrialState.FAIL)


NOTHING: Mapping[str, Any] = {}


class _Found:
    """Proposals that are new and meet what is required."""

    def __init__(self, space: Space, known: Sequence[Configuration]) -> None:
        self._space = space
        self._seen = set(known)
        self.proposals: list[Proposal] = []

    def add(self, positions: Mapping[str, float], given: Mapping[str, Any] = NOTHING) -> bool:
        """Take up the configuration at these positions, unless it is known or not allowed.

        Args:
            positions: of all hyperparameters that are searched.
            given: values that some of these positions stand for, to the last digit.
        """
        search = self._space.search
        assert search is not None
        configuration = self._space.configuration({**self._space.points[0], **search.values(positions), **given})
        if configuration in self._seen or self._space.broken(configuration):
            return False
        self._seen.add(configuration)
        existing = {name: position for name, position in positions.items() if name in configuration.swept}
        self.proposals.append(Proposal(existing, configuration))
        return True


def studies(space: Space) -> list[Space]:
    """A space for each point of grid and zip, with its share of the trials: each point is searched for itself."""
    search = space.search
    assert search is not None
    share = replace(search, trials=search.trials // space.size)
    return [
        replace(space, grid={name: (value,) for name, value in point.items()}, zipped=({},), search=share)
        for point in space.points
    ]


def mean_values(values: Sequence[Values], direction: Direction) -> list[float]:
    """The value of each configuration: the mean over its seeds, where one that failed or diverged counts as the worst
    of all that did not.
    """  # noqa: D205 - one sentence
    known = [value for each in values for value in each if value is not None]
    if not known:
        return [0.0] * len(values)  # all alike
    worst = max(known) if direction == "minimize" else min(known)
    return [fmean(worst if value is None else value for value in each) for each in values]


def require_optuna(source: object) -> None:
    """See that Optuna is installed.

    Raises:
        InputError: it is not.
    """
    if importlib.util.find_spec("optuna") is None:
        raise InputError(f"{source}: search.strategy = \"tpe\" needs Optuna: pip install 'nnlite[optuna]'")


def _axis(optuna: Any, distribution: Distribution) -> Any:
    """How Optuna sees a distribution: as unordered or ordered levels, or as positions from 0 to 1."""
    match distribution:
        case Choice(choices):
            return optuna.distributions.CategoricalDistribution(range(len(choices)))
        case Steps(levels=levels):
            return optuna.distributions.IntDistribution(0, levels - 1)
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _levels(distribution: Distribution) -> int | None:
    match distribution:
        case Choice(choices):
            return len(choices)
        case Steps(levels=levels):
            return levels
    return None


def _place(distribution: Distribution, position: float) -> float:
    """A position as Optuna sees it."""
    levels = _levels(distribution)
    return position if levels is None else min(int(position * levels), levels - 1)


def _suggested(asked: Any, name: str, distribution: Distribution) -> float:
    """The position that Optuna suggests."""
    match distribution:
        case Choice(choices):
            return (int(asked.suggest_categorical(name, range(len(choices)))) + 0.5) / len(choices)
        case Steps(levels=levels):
            return (int(asked.suggest_int(name, 0, levels - 1)) + 0.5) / levels
    return float(asked.suggest_float(name, 0.0, 1.0))
