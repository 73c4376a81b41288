"""A selection: those entries for which a condition holds, in the order asked for, so many at most."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnlite.errors import InputError
from nnlite.expressions import Expression, parse
from nnlite.queries.names import At, Column, Entry, Vocabulary, split_names


@dataclass(frozen=True)
class Query:
    """What was asked: as the options of the command line say it.

    Attributes:
        where: a condition.
        sort: names with commas between them; a metric comes best first, anything else in rising order, and a minus
            before a name turns that round.
        top: how many.
        at: which of a run's epochs its metrics are of.
    """

    where: str | None = None
    sort: str | None = None
    top: int | None = None
    at: At = "best"


@dataclass(frozen=True)
class Selection:
    """The entries that were asked for, and the columns that the question was about."""

    entries: list[Entry]
    columns: list[Column]
    hint: str = ""  # why there may be none


def select(entries: Sequence[Entry], query: Query, vocabulary: Vocabulary | None = None) -> Selection:
    """Answer `query`.

    Args:
        entries: among which; without a `sort` they keep their order.
        query: what is asked.
        vocabulary: of the entries, if it is there already.

    Raises:
        InputError: it refers to what there is not, or compares what has no order.
    """
    vocabulary = vocabulary or Vocabulary(entries)
    columns: dict[str, Column] = {}
    found, hint = list(entries), ""
    if query.where is not None:
        condition, names = _condition(query.where, vocabulary)
        columns |= {column.flat: column for column in names.values()}
        found = [entry for entry in found if condition.holds(_Values(entry, names, query.at))]
        hint = "" if found else _hint(condition, names, entries, query.at)
    order = _order(query.sort, vocabulary, higher_is_better=all(entry.objective.higher_is_better for entry in entries))
    columns = {column.flat: column for column, _ in order} | columns
    for column, falling in reversed(order):
        found = in_order(found, column, query.at, falling=falling)
    return Selection(found[: query.top], list(columns.values()), hint)


def in_order(entries: Sequence[Entry], column: Column, at: At, *, falling: bool = False) -> list[Entry]:
    """The entries by their value in `column`; equals keep their order, and those that have none come last."""
    keyed = [(column.value(entry, at), entry) for entry in entries]
    known = sorted((each for each in keyed if each[0] is not None), key=lambda each: _key(each[0]), reverse=falling)
    return [entry for _, entry in known] + [entry for value, entry in keyed if value is None]


def _condition(text: str, vocabulary: Vocabulary) -> tuple[Expression, dict[str, Column]]:
    condition = parse(text)
    try:
        return condition, {name: vocabulary.column(name) for name in condition.names}
    except InputError as error:
        raise InputError(f"--where: {error} (a text stands in quotes)") from None


def _order(text: str | None, vocabulary: Vocabulary, *, higher_is_better: bool) -> list[tuple[Column, bool]]:
    """The columns to sort by, the first one first, and whether the largest value of each is to stand first."""
    order = []
    for word in split_names(text) if text is not None else []:
        try:
            column = vocabulary.column(word.removeprefix("-"))
        except InputError as error:
            raise InputError(f"--sort: {error}") from None
        best_first = (
            column.metric.higher_is_better if column.metric else column.flat == "objective" and higher_is_better
        )
        order.append((column, word.startswith("-") != best_first))
    return order


class _Values(Mapping[str, Any]):
    """The values that a condition refers to, each looked up when it is needed: not every one is cheap."""

    def __init__(self, entry: Entry, columns: Mapping[str, Column], at: At) -> None:
        self._entry, self._columns, self._at = entry, columns, at

    def __getitem__(self, name: str) -> Any:
        return self._columns[name].value(self._entry, self._at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def _hint(condition: Expression, columns: Mapping[str, Column], entries: Sequence[Entry], at: At) -> str:
    """What may be the matter where no run was found: a text that none has, a metric that none has logged."""
    for name, word in condition.texts:
        words = {value for entry in entries if isinstance(value := columns[name].value(entry, at), str)}
        if word not in words:
            close = difflib.get_close_matches(word, sorted(words), n=1)
            return f"none has {name} {word!r}{f'; did you mean {close[0]!r}?' if close else ''}"
    for name, column in columns.items():
        if all(column.value(entry, at) is None for entry in entries):
            return f"none has any {name}"
    return ""


def _key(value: Any) -> tuple[int, Any]:
    """A key by which values of any kinds can be sorted: numbers, texts, lists item by item, then the rest."""
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return (2, tuple(map(_key, value))) if isinstance(value, list | tuple) else (3, repr(value))
