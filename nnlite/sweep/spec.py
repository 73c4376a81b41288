"""The sweep file: what it may say, and the checked `Sweep` that it becomes.

A file is read once and checked whole before anything trains. `read_table` parses TOML, `apply_settings` merges the
command line's `--set key=value`, and `check` turns the result into a `Sweep` whose every value has the type that its
hyperparameter wants. Each mistake is one sentence: the file, the key, what is wrong and what was expected.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from nnlite.errors import InputError, nearest
from nnlite.models import HYPERPARAMETERS, Hyperparameters
from nnlite.runs.history import Run
from nnlite.runs.metrics import DEFAULT_OBJECTIVE, METRICS_OF_MODEL, Direction

LARGEST_FILE = 1 << 20  # bytes
LONGEST_QUOTE = 80  # letters of a wrong value that its sentence repeats
MOST_SEEDS = 10_000
TABLES = ("objective", "fixed", "grid")

Table = dict[str, Any]


class ObjectiveTable(BaseModel):
    """What a sweep selects by."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    metric: str
    direction: Direction | None = None


class SweepTable(BaseModel):
    """The top level of a sweep file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    model: Literal["classifier", "gan"]
    dataset: Annotated[str, StringConstraints(min_length=1)] = "mnist"
    seeds: (
        Annotated[int, Field(ge=1, le=MOST_SEEDS)] | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    ) = 1
    objective: ObjectiveTable | None = None
    fixed: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}


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
        grid: hyperparameters that are swept, with their values in the file's order, each once.
        source: the file that it was read from.
    """

    name: str
    model: str
    dataset: str
    seeds: tuple[int, ...]
    objective: Objective
    fixed: Mapping[str, Any]
    grid: Mapping[str, tuple[Any, ...]]
    source: Path


def load_sweep(path: Path, settings: Iterable[str] = ()) -> Sweep:
    """The sweep that the TOML file at `path` describes, with `settings` (`key=value`) merged into it.

    Raises:
        InputError: the file cannot be read, or says something that it may not.
    """
    table = read_table(path)
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


def read_table(path: Path) -> Table:
    """Parse the TOML file at `path`.

    Raises:
        InputError: there is no such file, or it is no TOML.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than {LARGEST_FILE} bytes: that is no sweep file")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except RecursionError:
        raise InputError(f"{path}: brackets are nested too deeply") from None
    except ValueError as error:  # TOML, UTF-8 and oversized integers alike
        raise InputError(f"{path}: {error}") from None


def apply_settings(table: Table, settings: Iterable[str]) -> None:
    """Merge `key=value` texts into `table`, in place.

    A value is typed as TOML, else a plain string. A bare key of the top level is meant as such, any other bare key as
    `fixed.<key>`, and a dotted key reaches into any table. A hyperparameter that is set leaves all other tables.
    """
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InputError(f"--set {setting}: expected key=value")
        parts = key.split(".") if "." in key else [key] if key in SweepTable.model_fields else ["fixed", key]
        value = _toml_value(text)
        if len(parts) == 1:
            table[key] = value
            if key == "seeds" and isinstance(table.get("fixed"), dict):
                table["fixed"].pop("seed", None)
            continue
        section, *inner = parts
        if section not in TABLES or len(inner) != 1:
            raise InputError(f"--set {setting}: there is no table {section!r}; {nearest(section, TABLES)}")
        name = inner[0]
        if section in ("fixed", "grid"):
            for other in ("fixed", "grid"):
                if isinstance(table.get(other), dict):
                    table[other].pop(name, None)
            if name == "seed":
                table.pop("seeds", None)  # two ways to say the same
        place = table.setdefault(section, {})
        if not isinstance(place, dict):
            raise InputError(f"--set {setting}: {section} is no table")
        place[name] = value


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
    hyperparameters = HYPERPARAMETERS[parsed.model]
    fixed = dict(parsed.fixed)
    seeds = _seeds(parsed, fixed, source)
    for name in fixed:
        _check_name(name, "fixed", parsed.model, source)
    for name, values in parsed.grid.items():
        _check_name(name, "grid", parsed.model, source)
        if name in fixed:
            raise InputError(f"{source}: {name} stands in [fixed] and in [grid]; leave it in one of them")
        if not values:
            raise InputError(f"{source}: grid.{name} is empty; give it at least one value")
    return Sweep(
        name=parsed.name,
        model=parsed.model,
        dataset=parsed.dataset,
        seeds=seeds,
        objective=_objective(parsed, source),
        fixed={
            name: _checked(hyperparameters, name, value, f"{source}: fixed.{name}") for name, value in fixed.items()
        },
        grid={
            # Values that are equal once they have their type (1 and 1.0) are one.
            name: tuple(
                dict.fromkeys(
                    _checked(hyperparameters, name, value, f"{source}: grid.{name}[{position}]")
                    for position, value in enumerate(values)
                )
            )
            for name, values in parsed.grid.items()
        },
        source=source,
    )


def sentence(error: ValidationError) -> str:
    """The first thing that is wrong, as `key: what was expected, not what was found`."""
    first = error.errors()[0]
    # A union's error names the member of the union too; the key is what a person knows.
    place = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or str(part).isidentifier())
    return f"{place}: {_expectation(first)}"


def _expectation(error: Any) -> str:
    found = _shown(error["input"])
    match error["type"]:
        case "missing":
            return "this key is missing"
        case "extra_forbidden":
            return "there is no such key"
        case "tuple_type" | "list_type":
            return f"should be a list, not {found}"
        case "too_short":
            return "this list should not be empty"
        case "model_type":
            return f'should be a table, such as [objective] with metric = "val_loss", not {found}'
        case "string_pattern_mismatch":
            return f"{found} must be a letter or digit, then letters, digits, '.', '_' or '-', 64 at most"
    if error["loc"][0] == "seeds":
        return f"should be how many seeds (1 to {MOST_SEEDS:,}) or a list of whole numbers from 0, not {found}"
    text = str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    return f"{text.replace('a valid dictionary', 'a table')}, not {found}"


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}..."


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
    if "seed" in parsed.grid:
        raise InputError(f"{source}: grid.seed: list the seeds as `seeds` at the top level")
    if "seed" not in fixed:
        return tuple(range(parsed.seeds)) if isinstance(parsed.seeds, int) else tuple(dict.fromkeys(parsed.seeds))
    if "seeds" in parsed.model_fields_set:
        raise InputError(f"{source}: both seeds and fixed.seed are given; leave one of them")
    seed = fixed.pop("seed")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InputError(f"{source}: fixed.seed: should be a whole number from 0, not {seed!r}")
    return (seed,)


def _check_name(name: str, section: str, model: str, source: Path) -> None:
    known = HYPERPARAMETERS[model].model_fields
    if name in known:
        return
    others = [other for other, fields in HYPERPARAMETERS.items() if name in fields.model_fields]
    if others:
        raise InputError(f"{source}: {section}.{name} is a hyperparameter of the {others[0]}, not of the {model}")
    raise InputError(f"{source}: the {model} has no hyperparameter {name!r} ([{section}]); {nearest(name, known)}")


def _checked(hyperparameters: type[Hyperparameters], name: str, value: Any, place: str) -> Any:
    """The value with the type that its field wants."""
    try:
        return getattr(hyperparameters.model_validate({name: value}), name)
    except ValidationError as error:
        first = error.errors()[0]
        inner = "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
        raise InputError(f"{place}{inner}: {_expectation(first)}") from None


def _toml_value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    return table["value"] if len(table) == 1 else text.strip()
