"""The checked `Sweep` that a sweep file becomes.

A file is read once and checked whole before anything trains: `check` turns its tables into a `Sweep` whose every value
has the type that its hyperparameter wants, and whose conditions refer to hyperparameters that there are. Each mistake
is one sentence: the file, the key, what is wrong and what was expected.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nnlite.errors import InputError, nearest
from nnlite.expressions import Expression, parse
from nnlite.models import HYPERPARAMETERS
from nnlite.runs.history import Run
from nnlite.runs.metrics import DEFAULT_OBJECTIVE, METRICS_OF_MODEL, Direction
from nnlite.sweep.distributions import Distribution, read_distribution
from nnlite.sweep.limits import Limits
from nnlite.sweep.settings import apply_settings
from nnlite.sweep.spaces import Search, Space
from nnlite.sweep.tables import (
    Axes,
    ObjectiveTable,
    PruningTable,
    SpaceTable,
    SweepTable,
    Table,
    sentence,
    shown,
)
from nnlite.sweep.toml_file import read_toml
from nnlite.sweep.values import hyperparameter

NEED_VALIDATION = ("val_loss", "val_acc", "fid")  # metrics of held-out images


@dataclass(frozen=True)
class Objective:
    """The metric that a sweep selects by, and which way is better."""

    metric: str
    direction: Direction

    def is_better(self, value: float, than: float) -> bool:
        """Whether `value` beats `than`."""
        return value > than if self.direction == "maximize" else value < than


@dataclass(frozen=True)
class Sweep:
    """A checked sweep.

    Attributes:
        name: of its folder under `experiments/`.
        model: which model, a key of `HYPERPARAMETERS`.
        dataset: its name, or a folder of IDX files.
        seeds: every configuration is trained with each.
        objective: what it selects by.
        fixed: hyperparameters that all trials share.
        spaces: sets of configurations, which are united; one at least.
        pruning: which trials to stop early, if any.
        limits: what a trial, and a sweep that goes wrong, may cost.
        source: the file that it was read from.
        notes: what in it is allowed, but is hardly what was meant, sentence by sentence.
    """

    name: str
    model: str
    dataset: str
    seeds: tuple[int, ...]
    objective: Objective
    fixed: Mapping[str, Any]
    spaces: tuple[Space, ...]
    source: Path
    pruning: PruningTable | None = None
    limits: Limits = field(default_factory=Limits)
    notes: tuple[str, ...] = ()

    @property
    def named(self) -> set[str]:
        """Every hyperparameter to which the file gives values."""
        return {*self.fixed, *(name for space in self.spaces for name in (*space.fixed, *space.swept))}


def load_sweep(path: Path, settings: Iterable[str] = ()) -> Sweep:
    """The sweep that the TOML file at `path` describes, with `settings` (`key=value`) merged into it.

    Raises:
        InputError: the file cannot be read, or says something that it may not.
    """
    table = read_toml(path)
    apply_settings(table, settings)
    return check(table, path)


def sweep_of_run(run: Run, source: Path, settings: Iterable[str] = ()) -> Sweep:
    """The sweep of one trial that repeats `run`, as its log in `source` describes it."""
    objective = run.start.get("objective") or {"metric": DEFAULT_OBJECTIVE.get(run.model, "val_acc")}
    table: Table = {
        "name": run.sweep,
        "model": run.model,
        "dataset": run.dataset,
        "seeds": [run.seed],
        "objective": objective,
        # JSON has null where TOML leaves a key out.
        "fixed": {key: value for key, value in run.config.items() if value is not None},
    }
    apply_settings(table, settings)
    return check(table, source)


def check(table: Table, source: Path) -> Sweep:
    """Turn a parsed file into a `Sweep`.

    Raises:
        InputError: an unknown key, a value of the wrong type or out of range, an empty grid …
    """
    for key in table:
        if key not in SweepTable.model_fields:
            raise InputError(
                f"{source}: there is no key {key!r} at the top level; {nearest(key, SweepTable.model_fields)}"
            )
    try:
        parsed = SweepTable.model_validate(table)
    except ValidationError as error:
        raise InputError(f"{source}: {sentence(error)}") from None
    reader = _Reader(parsed.model, source)
    fixed = dict(parsed.fixed)
    seeds = _seeds(parsed, fixed, source)
    if isinstance(parsed.seeds, list) and len(seeds) < len(parsed.seeds):
        reader.notes.append("seeds: what stands there more than once counts once")
    shared = reader.fixed(fixed, "fixed")
    requirements = tuple(reader.condition(text, f"require[{number}]") for number, text in enumerate(parsed.require))
    if parsed.space:
        for section in ("grid", "zip", "search"):
            if getattr(parsed, section):
                raise InputError(
                    f"{source}: [{section}] stands beside [[space]]; move it into each space that it is of"
                )
        spaces = [
            reader.space(space, f"space.{number}.", shared, parsed.when, requirements)
            for number, space in enumerate(parsed.space)
        ]
    else:
        top = parsed.model_copy(update={"when": {}})
        spaces = [reader.space(top, "", shared, parsed.when, requirements)]
    objective = _objective(parsed, source)
    if objective.metric in NEED_VALIDATION and any(0 in space.values_of("validation") for space in spaces):
        reader.notes.append(_blind(objective, parsed, spaces, source))
    metric = METRICS_OF_MODEL[parsed.model][objective.metric]
    if objective.direction != metric.direction:
        better = "higher" if metric.higher_is_better else "lower"
        reader.notes.append(
            f'objective.direction = "{objective.direction}": {better} {metric.name} is better, so the worst wins'
        )
    return Sweep(
        name=parsed.name,
        model=parsed.model,
        dataset=parsed.dataset,
        seeds=seeds,
        objective=objective,
        fixed=shared,
        spaces=tuple(spaces),
        pruning=parsed.pruning,
        limits=Limits(**parsed.limits.model_dump()),
        source=source,
        notes=tuple(reader.notes),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads what a file says about the hyperparameters of its model."""

    model: str
    source: Path
    notes: list[str] = field(default_factory=list)

    def space(
        self,
        table: SpaceTable,
        prefix: str,
        shared: Mapping[str, Any],
        shared_when: Mapping[str, str],
        require: tuple[Expression, ...],
    ) -> Space:
        """One space: what the file shares with all spaces, and the tables of its own, called `prefix` and so on."""
        for name in table.when:
            if name in shared_when:
                raise InputError(f"{self.source}: {name} stands in [when] and in {prefix}when; leave it in one of them")
        sections = {
            "fixed": shared,
            **({f"{prefix}fixed": table.fixed} if prefix else {}),
            f"{prefix}grid": table.grid,
            f"{prefix}zip": table.zip,
            f"{prefix}search": table.search.distributions if table.search else {},
        }
        self._refuse_doubles(sections)
        grid = self.axes(table.grid, f"{prefix}grid")
        if prefix:  # what is fixed in this space alone tells its configurations from those of the others
            grid = {name: (value,) for name, value in self.fixed(table.fixed, f"{prefix}fixed").items()} | grid
        # Values that are equal once they have their type (1 and 1.0) are one.
        space = Space(
            model=self.model,
            fixed=shared,
            grid={name: tuple(dict.fromkeys(values)) for name, values in grid.items()},
            zipped=self.rows(table.zip, f"{prefix}zip"),
            when=self.conditions(shared_when, "when", table.when, f"{prefix}when"),
            require=require,
        )
        if table.search is None:
            return space
        return self.with_search(space, table, prefix)

    def _refuse_doubles(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        places: dict[str, str] = {}
        for section, names in sections.items():
            for name in names:
                if name in places:
                    raise InputError(
                        f"{self.source}: {name} stands in [{places[name]}] and in [{section}]; leave it in one of them"
                    )
                places[name] = section

    def fixed(self, values: Table, section: str) -> dict[str, Any]:
        """Single values."""
        return {
            name: hyperparameter(self.model, section, name, self.source).checked(value)
            for name, value in values.items()
        }

    def axes(self, axes: Axes, section: str) -> dict[str, tuple[Any, ...]]:
        """Lists of values."""
        checked = {}
        for name, values in axes.items():
            known = hyperparameter(self.model, section, name, self.source)
            checked[name] = tuple(known.checked(value, f"[{number}]") for number, value in enumerate(values))
            value, count = Counter(checked[name]).most_common(1)[0]
            if count > 1 and section.endswith("grid"):
                listed = shown(list(value) if isinstance(value, tuple) else value)
                self.notes.append(f"{section}.{name}: {listed} stands there {count} times, and counts once")
        return checked

    def rows(self, axes: Axes, section: str) -> tuple[Mapping[str, Any], ...]:
        """Values that move together, each combination once."""
        checked = self.axes(axes, section)
        lengths = {name: len(values) for name, values in checked.items()}
        if len(set(lengths.values())) > 1:
            found = " and ".join(f"{length} of {name}" for name, length in lengths.items())
            raise InputError(f"{self.source}: {section}: its values move together, but there are {found}")
        rows = dict.fromkeys(zip(*checked.values(), strict=True)) if checked else {(): None}
        return tuple(dict(zip(checked, row, strict=True)) for row in rows)

    def with_search(self, space: Space, table: SpaceTable, prefix: str) -> Space:
        """The same space, with what its search samples."""
        search, section = table.search, f"{prefix}search"
        assert search is not None
        if not search.distributions:
            raise InputError(f"{self.source}: {section} has nothing to sample; name a hyperparameter and its values")
        if search.trials % space.size:
            below = search.trials // space.size * space.size
            offers = " or ".join(f"{count:,}" for count in (below, below + space.size) if count)
            raise InputError(
                f"{self.source}: {section}.trials: {search.trials:,} is no multiple of the {space.size:,} points of "
                f"grid and zip, which each sample is combined with; take {offers}"
            )
        distributions = {name: self.distribution(section, name, each) for name, each in search.distributions.items()}
        starts = [
            self.start(f"{section}.start_with[{number}]", each, distributions, search.distributions)
            for number, each in enumerate(search.start_with)
        ]
        options = (search.strategy, search.trials, search.seed, search.generation)
        once = tuple(each for number, each in enumerate(starts) if each not in starts[:number])
        sampled = Search(*options, distributions, once, tuple(dict.fromkeys(search.learn_from)))
        return Space(space.model, space.fixed, space.grid, space.zipped, space.when, space.require, sampled)

    def distribution(self, section: str, name: str, value: Any) -> Distribution:
        """What a hyperparameter is sampled from."""
        return read_distribution(hyperparameter(self.model, section, name, self.source), value)

    def start(
        self, place: str, values: Table, distributions: Mapping[str, Distribution], written: Table
    ) -> dict[str, Any]:
        """A point to start a search with: searched hyperparameters alone, each with a value that could be drawn."""
        checked = {}
        for name, value in values.items():
            if name not in distributions:
                raise InputError(f"{self.source}: {place}: {name} is not searched; {nearest(name, distributions)}")
            checked[name] = hyperparameter(self.model, place, name, self.source).checked(value)
            if distributions[name].position(checked[name]) is None:
                raise InputError(
                    f"{self.source}: {place}.{name}: {shown(value)} is no value that the search could draw from "
                    f"{shown(written[name])}; change one of them"
                )
        return checked

    def condition(self, text: str, place: str) -> Expression:
        """A condition over the hyperparameters, tried once on their defaults."""
        fields = HYPERPARAMETERS[self.model]
        try:
            condition = parse(text, fields.model_fields)
            condition.holds(fields().effective())
        except InputError as error:
            raise InputError(f"{self.source}: {place}: {error}") from None
        for name, word in condition.texts:
            hyperparameter(self.model, place, name, self.source).checked(word)
        return condition

    def conditions(
        self, shared: Mapping[str, str], shared_section: str, own: Mapping[str, str], section: str
    ) -> dict[str, Expression]:
        """When hyperparameters exist: each after those that its condition refers to."""
        conditions = {}
        for texts, place in ((shared, shared_section), (own, section)):
            for name, text in texts.items():
                hyperparameter(self.model, place, name, self.source)
                conditions[name] = self.condition(text, f"{place}.{name}")
        graph = {name: conditions.keys() & set(condition.names) for name, condition in conditions.items()}
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            raise InputError(f"{self.source}: {section}: these conditions go round in a circle: {circle}") from None
        return {name: conditions[name] for name in order}


def _blind(objective: Objective, parsed: SweepTable, spaces: Iterable[Space], source: Path) -> str:
    """What to say of a sweep that holds out no images to measure its objective on.

    Raises:
        InputError: it goes by the objective while it trains.
    """
    unmeasured = f"{objective.metric} is not measured with validation = 0"
    for goes_by_it, what in (
        (parsed.pruning is not None, "[pruning]"),
        (any(space.search and space.search.strategy == "tpe" for space in spaces), 'search.strategy = "tpe"'),
    ):
        if goes_by_it:
            raise InputError(f"{source}: {unmeasured}, and {what} goes by it: hold out images")
    return f"{unmeasured}: such a run keeps its last weights, and has no rank"


def _objective(parsed: SweepTable, source: Path) -> Objective:
    table = parsed.objective or ObjectiveTable(metric=DEFAULT_OBJECTIVE[parsed.model])
    metrics = {name: metric for name, metric in METRICS_OF_MODEL[parsed.model].items() if not metric.on_test}
    metric = METRICS_OF_MODEL[parsed.model].get(table.metric)
    if metric is None:
        raise InputError(
            f"{source}: objective.metric: the {parsed.model} has no metric {table.metric!r}; "
            f"{nearest(table.metric, metrics)}"
        )
    if metric.on_test:
        raise InputError(
            f"{source}: objective.metric: {table.metric} is measured once, after the selection; "
            f"known are {', '.join(sorted(metrics))}"
        )
    return Objective(table.metric, table.direction or metric.direction)


def _seeds(parsed: SweepTable, fixed: Table, source: Path) -> tuple[int, ...]:
    """The seeds; `fixed.seed = 3` is another way to say `seeds = [3]`."""
    if "seed" not in fixed:
        return tuple(range(parsed.seeds)) if isinstance(parsed.seeds, int) else tuple(dict.fromkeys(parsed.seeds))
    if "seeds" in parsed.model_fields_set:
        raise InputError(f"{source}: both seeds and fixed.seed are given; leave one of them")
    seed = fixed.pop("seed")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"{source}: fixed.seed: should be a whole number from 0, not {shown(seed)}")
    return (seed,)
