"""Spaces: sets of configurations, as the tables of a sweep file describe them, and the configurations in them.

A space is the product of a grid (every combination), of rows of values that move together (zip), and of samples of a
search; `when` removes a hyperparameter from a configuration in which it does not exist, so that configurations which
differ in it alone are one; `require` drops what breaks it. Conditions see the values that training takes: defaults
where nothing is given, `learning_rate` for a `generator_lr` that is not.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from nnlite.errors import InputError
from nnlite.expressions import Expression
from nnlite.models import HYPERPARAMETERS, Hyperparameters
from nnlite.sweep.distributions import Distribution
from nnlite.sweep.tables import MOST_TRIALS

DRAWS_A_TRIAL = 100  # so many draws in a row that bring nothing new end a search

Point = Mapping[str, Any]  # a value for each swept hyperparameter


@dataclass(frozen=True)
class Configuration:
    """One assignment of values to all hyperparameters, and which of them the sweep varies in it."""

    config: Hyperparameters
    swept: tuple[str, ...] = field(compare=False)


@dataclass(frozen=True)
class Search:
    """What to sample.

    Attributes:
        strategy: "random": all is drawn before anything trains; "tpe": later draws follow from earlier results.
        trials: how many configurations in all.
        seed: of the draws.
        generation: of tpe: how many configurations are trained before their results count.
        distributions: what to sample from, by hyperparameter.
        start_with: values, by hyperparameter, that are tried first; the hyperparameters that one lacks are drawn.
        learn_from: of tpe: other sweeps, whose results are known to it from the start.
    """

    strategy: Literal["random", "tpe"]
    trials: int
    seed: int
    generation: int
    distributions: Mapping[str, Distribution]
    start_with: tuple[Point, ...] = ()
    learn_from: tuple[str, ...] = ()

    def draw(self, number: int) -> dict[str, float]:
        """Draw so many, counted from 0: a position between 0 and 1 for each hyperparameter.

        Each depends on the seed, the number and the hyperparameter's own name alone: another hyperparameter in the
        search changes nothing, and more trials extend it.
        """
        return {name: _uniform(self.seed, number, name) for name in self.distributions}

    def sample(self, number: int) -> dict[str, Any]:
        """So many, counted from 0, of the samples of a random search: first those that it starts with, then draws."""
        given = len(self.start_with)
        if number < given:
            return {**self.values(self.draw(number)), **self.start_with[number]}
        return self.values(self.draw(number - given))

    def values(self, positions: Mapping[str, float]) -> dict[str, Any]:
        """The values at these positions."""
        return {name: self.distributions[name].quantile(position) for name, position in positions.items()}


def _uniform(seed: int, number: int, name: str) -> float:
    return float(np.random.default_rng(np.random.SeedSequence([seed, number, *name.encode()])).random())


@dataclass(frozen=True)
class Space:
    """A set of configurations of one model.

    Attributes:
        model: a key of `HYPERPARAMETERS`.
        fixed: hyperparameters with one value.
        grid: hyperparameters with several, of which every combination is meant.
        zipped: rows of values that move together; a single empty row if there are none.
        when: conditions, by hyperparameter, each after those of the hyperparameters that it refers to.
        require: conditions that every configuration must meet.
        search: what is sampled, if anything.
    """

    model: str
    fixed: Point
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    zipped: tuple[Point, ...] = ({},)
    when: Mapping[str, Expression] = field(default_factory=dict)
    require: tuple[Expression, ...] = ()
    search: Search | None = None

    @property
    def swept(self) -> tuple[str, ...]:
        """Every hyperparameter that varies."""
        return (*self.grid, *self.zipped[0], *(self.search.distributions if self.search else ()))

    @property
    def size(self) -> int:
        """How many points grid and zip have."""
        return math.prod(len(values) for values in self.grid.values()) * len(self.zipped)

    @property
    def count(self) -> int:
        """How many configurations there are at most."""
        return self.search.trials if self.search else self.size

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The points of grid and zip."""
        return tuple(
            {**dict(zip(self.grid, values, strict=True)), **row}
            for values in itertools.product(*self.grid.values())
            for row in self.zipped
        )

    def values_of(self, name: str) -> tuple[Any, ...]:
        """The values that are listed for a hyperparameter, here or for all spaces."""
        searched = self.search.distributions.get(name) if self.search else None
        sampled = searched.listed(MOST_TRIALS) if searched else None
        rows = (row[name] for row in self.zipped if name in row)
        fixed = [self.fixed[name]] if name in self.fixed else []
        return (*fixed, *self.grid.get(name, ()), *rows, *(sampled or ()))

    def configuration(self, point: Point) -> Configuration:
        """The configuration at a point: what does not exist there is left at its default."""
        values = self._existing({**self.fixed, **point})
        return Configuration(self._config(values), tuple(name for name in point if name in values))

    def exists(self, name: str, point: Point) -> bool:
        """Whether a hyperparameter exists at a point that has values for all that its condition refers to."""
        if name not in self.when:
            return True
        return self.when[name].holds(self._config(self._existing({**self.fixed, **point})).effective())

    def broken(self, configuration: Configuration) -> Expression | None:
        """The first requirement that the configuration breaks."""
        if not self.require:
            return None
        values = configuration.config.effective()
        return next((condition for condition in self.require if not condition.holds(values)), None)

    def whole(self) -> list[Point] | None:
        """Every point, those of the search included, if they can be listed."""
        points: list[Point] = list(self.points)
        for name, distribution in (self.search.distributions if self.search else {}).items():
            values = distribution.listed(MOST_TRIALS // len(points))
            if values is None:
                return None
            points = [{**point, name: value} for point in points for value in values]
        return sorted(points, key=lambda point: not self._is_start(point))

    def _is_start(self, point: Point) -> bool:
        starts = self.search.start_with if self.search else ()
        return any(all(point[name] == value for name, value in start.items()) for start in starts)

    def _existing(self, values: dict[str, Any]) -> dict[str, Any]:
        for name, condition in self.when.items():
            if name in values and not condition.holds(self._config(values).effective()):
                del values[name]
        return values

    def _config(self, values: Point) -> Hyperparameters:
        return HYPERPARAMETERS[self.model].model_validate(dict(values))


class Collection:
    """Configurations that are being gathered, each once, and what was dropped on the way.

    Attributes:
        configurations: those that are new and meet every requirement, in order.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.configurations: list[Configuration] = []
        self._seen: set[Configuration] = set()
        self._points = 0
        self._broken: Counter[str] = Counter()

    def add(self, point: Point) -> Configuration | None:
        """Take up the configuration at `point`: it, or None if it breaks a requirement or is there already."""
        configuration = self.space.configuration(point)
        self._points += 1
        if condition := self.space.broken(configuration):
            self._broken[condition.text] += 1
            return None
        if configuration in self._seen:
            return None
        self._seen.add(configuration)
        self.configurations.append(configuration)
        return configuration

    def notes(self) -> Iterator[str]:
        """What a person should know of what was dropped."""
        for text, count in self._broken.items():
            yield f"{count:,} of {self._points:,} points break require: {text}"


def list_configurations(space: Space) -> tuple[list[Configuration], list[str]]:
    """The configurations of a space without results: its grid, whole, or what a random search draws.

    Returns:
        The configurations, and what a person should know about what was left out.

    Raises:
        InputError: nothing is left.
    """
    collected, notes = (_drawn if space.search else _listed)(space)
    notes = [*collected.notes(), *notes]
    if not collected.configurations:
        raise InputError(f"no configuration is left: {'; '.join(notes)}")
    return collected.configurations, notes


def all_of(space: Space) -> list[Configuration] | None:
    """Every configuration of a space with a search, if they are no more than its trials; else None."""
    points = space.whole()
    if points is None:
        return None
    collected = _collected(space, points)
    return collected.configurations if len(collected.configurations) <= space.count else None


def _listed(space: Space) -> tuple[Collection, list[str]]:
    return _collected(space, space.points), []


def _collected(space: Space, points: Iterable[Point]) -> Collection:
    collected = Collection(space)
    for point in points:
        collected.add(point)
    return collected


def _drawn(space: Space) -> tuple[Collection, list[str]]:
    search = space.search
    assert search is not None
    if (points := space.whole()) is not None:
        collected = _collected(space, points)
        found = len(collected.configurations)
        if found <= search.trials:
            return collected, [whole_note(found, search.trials)] if found < search.trials else []
    collected = Collection(space)
    wanted = samples_a_point(space)
    taken = in_vain = number = 0
    while taken < wanted and in_vain < DRAWS_A_TRIAL * max(DRAWS_A_TRIAL, wanted):
        sample = search.sample(number)
        # Each sample meets every point of the grid, so that points are compared on the same samples.
        new = [collected.add({**point, **sample}) for point in space.points]
        taken, in_vain = (taken + 1, 0) if any(new) else (taken, in_vain + 1)
        number += 1
    found = len(collected.configurations)
    if taken < wanted:
        return collected, [
            f"after {number:,} draws the search has {found:,} configurations, not trials = {search.trials}"
        ]
    if found < search.trials:
        return collected, [f"{found:,} of the {search.trials:,} trials are different and meet what is required"]
    return collected, []


def whole_note(found: int, trials: int) -> str:
    """What to say about a search that has fewer configurations than trials."""
    return f"the search has {found:,} different configurations, fewer than trials = {trials}: all of them are listed"


def samples_a_point(space: Space) -> int:
    """How many samples each point of grid and zip gets."""
    assert space.search is not None
    return space.search.trials // space.size
