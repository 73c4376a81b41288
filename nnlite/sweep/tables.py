"""What a sweep file may say, table by table, and the sentence for each way to get one wrong.

These models hold the shape of the file alone: which keys there are and what kind of value each wants. What values mean
for a model (which hyperparameters it has, of which type and range) is checked in `spec`.
"""

import difflib
import re
from datetime import date, time
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from nnlite.errors import nearest
from nnlite.runs.metrics import Direction

# What pydantic calls the kinds of values, and what TOML does.
WORDS = {
    "a valid dictionary": "a table",
    "a valid string": "a text in quotes",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid boolean": "true or false",
}
LONGEST_QUOTE = 80  # letters of a wrong value that its sentence repeats
MOST_SEEDS = 10_000
MOST_TRIALS = 10_000
LARGEST_SEED = 2**32 - 1
SWEEP_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Table = dict[str, Any]

DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
SECONDS = (86_400, 3600, 60, 1)


def seconds(duration: object) -> float:
    """A duration such as "2h", "1h30m" or "90s", or a number of seconds, in seconds.

    Raises:
        ValueError: it is neither, or no time at all.
    """
    total = 0.0
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        total = float(duration)
    elif isinstance(duration, str) and (match := DURATION.fullmatch(duration.replace(" ", ""))):
        total = sum(float(count) * unit for count, unit in zip(match.groups(), SECONDS, strict=True) if count)
    if not 0 < total < float("inf"):
        raise ValueError('should be a duration, such as "2h", "1h30m", "90s" or a number of seconds')
    return total


Duration = Annotated[float, BeforeValidator(seconds)]
Axes = dict[str, Annotated[list[Any], Field(min_length=1)]]  # hyperparameters, each with its values


class FileTable(BaseModel):
    """A table without room for what is not listed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ObjectiveTable(FileTable):
    """What a sweep selects by."""

    metric: str
    direction: Direction | None = None


class SearchTable(BaseModel):
    """How to sample; every further key is a hyperparameter with its distribution."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    strategy: Literal["random", "tpe"] = "random"
    trials: int = Field(ge=1, le=MOST_TRIALS)
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    generation: int = Field(8, ge=1, le=MOST_TRIALS)
    start_with: list[Annotated[dict[str, Any], Field(min_length=1)]] = []
    learn_from: list[Annotated[str, StringConstraints(pattern=SWEEP_NAME)]] = []

    @model_validator(mode="after")
    def _has_the_options_of_its_strategy(self) -> Self:
        for name in ("generation", "learn_from"):
            if self.strategy == "random" and name in self.model_fields_set:
                raise ValueError(f'{name} is an option of strategy = "tpe"')
        return self

    @property
    def distributions(self) -> Table:
        """What to sample from, by hyperparameter, as the file says it."""
        return self.model_extra or {}


class PruningTable(FileTable):
    """Which trials to stop early: the options of the rules in `nnlite.sweep.pruning`."""

    strategy: Literal["halving", "asha", "median"]
    factor: int = Field(3, ge=2)
    min_epochs: int | None = Field(None, ge=1)
    generation: int = Field(8, ge=1)

    @model_validator(mode="after")
    def _has_the_options_of_its_strategy(self) -> Self:
        foreign = "factor" if self.strategy == "median" else "generation"
        if foreign in self.model_fields_set:
            raise ValueError(f'{foreign} is no option of strategy = "{self.strategy}"')
        return self


class LimitsTable(FileTable):
    """What a trial, and a sweep that goes wrong, may cost: see `nnlite.sweep.limits`."""

    timeout: Duration | None = None
    stall: Duration | None = None
    total: Duration | None = None
    retries: int = Field(0, ge=0)
    max_failures: int = Field(5, ge=0)


class SpaceTable(FileTable):
    """A set of configurations."""

    fixed: Table = {}
    grid: Axes = {}
    zip: Axes = {}
    when: dict[str, str] = {}
    search: SearchTable | None = None


class SweepTable(SpaceTable):
    """The top level of a sweep file."""

    name: Annotated[str, StringConstraints(pattern=SWEEP_NAME)]
    model: Literal["classifier", "gan"]
    dataset: Annotated[str, StringConstraints(min_length=1)] = "mnist"
    seeds: (
        Annotated[int, Field(ge=1, le=MOST_SEEDS)] | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    ) = 1
    objective: ObjectiveTable | None = None
    require: Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = []
    space: list[SpaceTable] = []
    pruning: PruningTable | None = None
    limits: LimitsTable = LimitsTable()


def sentence(error: ValidationError) -> str:
    """One thing that is wrong, as `key: what was expected, not what was found`: a misspelt key before a missing one."""
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    return f"{_place(first['loc'])}: {expectation(first)}"


def _place(location: tuple[int | str, ...]) -> str:
    """The key that a person knows, `space.0.grid.hidden`; a union's error names the member of the union too."""
    words = [str(part) for part in location if isinstance(part, int) or str(part).isidentifier()]
    return ".".join(word for word in words if word not in {"str", "int", "float", "bool"})


def expectation(error: Any) -> str:
    """What one of pydantic's errors expected, and what it found."""
    found = shown(error["input"])
    match error["type"]:
        case "missing":
            return f"this key is missing{_misspelt(error['loc'][-1], error['input'])}"
        case "extra_forbidden":
            return f"there is no such key; {nearest(str(error['loc'][-1]), _table_at(error['loc']).model_fields)}"
        case "string_too_short":
            return "this text is empty; it should not be empty"
        case "tuple_type" | "list_type":
            return f"should be a list, not {found}"
        case "too_short":
            return "this list is empty; it should not be empty"
        case "model_type" if error["loc"][0] == "objective":
            return f'should be a table, such as [objective] with metric = "val_loss", not {found}'
        case "model_type":
            return f"should be a table, not {found}"
        case "string_pattern_mismatch":
            return f"{found} must be a letter or digit, then letters, digits, '.', '_' or '-', 64 at most"
    if error["loc"] and error["loc"][0] == "seeds":
        return f"should be how many seeds (1 to {MOST_SEEDS:,}) or a list of whole numbers from 0, not {found}"
    text = str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ")
    for word, own in WORDS.items():
        text = text.replace(word, own)
    if error["type"] == "value_error" and isinstance(error["input"], dict):  # about the table as a whole
        return text
    return f"{text}, not {found}"


def _misspelt(name: object, table: object) -> str:
    """The end of a sentence about a key that is missing, if `table` has one that looks like it."""
    close = difflib.get_close_matches(str(name), table, n=1) if isinstance(table, dict) else []
    return f"; is it what {close[0]!r} was to be?" if close else ""


def _table_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    """What describes the table that holds the key at `location`."""
    tables: dict[object, type[BaseModel]] = {
        "objective": ObjectiveTable,
        "pruning": PruningTable,
        "limits": LimitsTable,
        "space": SpaceTable,
    }
    return tables.get(location[0], SweepTable)


def shown(value: object) -> str:
    """A value as a sentence repeats it, cut if it is long."""
    text = str(value).lower() if isinstance(value, bool | date | time) else repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}..."
