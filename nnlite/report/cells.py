"""A value of a log as the cell of a table: something that one can read, sort, group by, and write to any file."""

import json
import math
from collections.abc import Collection

MOST_LISTED = 12  # more values than this were drawn, not listed
TYPED = 3  # digits: a fraction of more was drawn as well


def readable(value: object) -> object:
    """A hyperparameter as something that one can read, sort and group by."""
    if isinstance(value, list | tuple):
        return "-".join(str(readable(item)) for item in value) or "none"
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return writable(value) if isinstance(value, str) else value


def column_of(name: str) -> str:
    """The column of a hyperparameter."""
    return f"config.{writable(name)}"


def writable(word: str) -> str:
    """The text with what no file can hold (half of a surrogate pair, which JSON lets pass) as its escape."""
    return word.encode("utf-8", "backslashreplace").decode("utf-8")


def finite(value: object) -> float | None:
    """The logged value as a finite float, or None: no ranking and no plot can use anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON's integers have no limit
        return None
    return number if math.isfinite(number) else None


def are_drawn(values: Collection[object]) -> bool:
    """Whether nobody has listed these values: there are too many, or one has more digits than a person types."""
    sizes = (size for value in values if (size := finite(value)) is not None)
    fractions = (size for size in sizes if not size.is_integer())
    return len(values) > MOST_LISTED or any(size != float(f"{size:.{TYPED}g}") for size in fractions)
