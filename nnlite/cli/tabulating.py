"""A table in the format that was asked for: for people as text or Markdown, for programs as CSV.

For people a value is written as the reports write it (97.93 %), for programs in full precision. Values come from logs,
which anybody may have written: what could steer a terminal becomes visible, what a spreadsheet would take for a formula
gets an apostrophe before it, and Markdown stays text.
"""

import contextlib
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnlite.cli.options import Format
from nnlite.cli.output import answer, answer_json, answer_records, answer_table, room_for
from nnlite.errors import InputError, NothingFoundError
from nnlite.queries import At, Column, Entry
from nnlite.runs.quantities import duration, number, score
from nnlite.texts import harmless

MISSING = "-"


@dataclass(frozen=True)
class Table:
    """Columns and rows of values, with the text of each value for people.

    Attributes:
        header: a name for each column.
        rows: the values; None where there is none.
        texts: the same as a person reads them.
        right: which columns, from 0, are numbers, aligned to the right.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    texts: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()


def format_asked(chosen: Format | None, as_json: bool) -> Format:
    """The format that `--format` and `--json` ask for.

    Raises:
        InputError: they ask for two.
    """
    if as_json and chosen not in (None, "json"):
        raise InputError(f"--json and --format {chosen} ask for two formats; give one of them")
    return "json" if as_json else chosen or "table"


@contextlib.contextmanager
def document_at_least(chosen: Format, schema: str, **empty: Any) -> Iterator[None]:
    """Who asked for JSON gets a document, even where nothing was found."""
    try:
        yield
    except NothingFoundError:
        if chosen == "json":
            answer_json(schema, **empty)
        raise


def tabulate(entries: Sequence[Entry], columns: Sequence[Column], at: At, *, flat: bool) -> Table:
    """One row an entry; `flat` names columns as CSV does, so that each means one thing."""
    rows = [[column.value(entry, at) for column in columns] for entry in entries]
    texts = [
        [text_of(column, value, entry, at) for column, value in zip(columns, row, strict=True)]
        for entry, row in zip(entries, rows, strict=True)
    ]
    right = {
        position
        for position in range(len(columns))
        if columns[position].flat != "objective"  # whose text begins with the metric's name
        and any(_is_number(row[position]) for row in rows)
        and all(row[position] is None or _is_number(row[position]) for row in rows)
    }
    return Table([column.flat if flat else column.name for column in columns], rows, texts, frozenset(right))


def answer_as(shape: Literal["table", "csv", "markdown"], table: Table) -> None:
    """The table as the answer, in one of the formats that are no JSON."""
    if shape == "csv":
        answer(as_csv(table))
    elif shape == "markdown":
        answer(as_markdown(table))
    elif room_for(table.header, table.texts):
        answer_table(table.header, table.texts, right=table.right)
    else:
        answer_records(table.header, table.texts)


def as_csv(table: Table) -> str:
    """Comma-separated values as of RFC 4180, but with the line ends of Unix."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in (table.header, *table.rows):
        writer.writerow([_csv_cell(value) for value in row])
    return text.getvalue().removesuffix("\n")


def as_markdown(table: Table) -> str:
    """A table of GitHub's Markdown."""
    from nnlite.report import markdown  # noqa: PLC0415 - pandas, which comes with it, takes long to load

    cells = [[markdown.text(cell) for cell in row] for row in table.texts]
    return markdown.table([markdown.text(name) for name in table.header], cells, table.right)


def nested(entry: Entry, columns: Sequence[Column], at: At) -> dict[str, Any]:
    """The entry's values for JSON: facts by name, hyperparameters in `config`, metrics in `metrics`."""
    fields: dict[str, Any] = {}
    for column in columns:
        place = fields if column.kind == "fact" else fields.setdefault(column.kind, {})
        place[column.key] = column.value(entry, at)
    return fields


def text_of(column: Column, value: Any, entry: Entry, at: At) -> str:
    """A value as a person reads it."""
    if value is None:
        return MISSING
    if column.metric:
        return score(column.metric, value)
    if column.flat == "objective":
        measured = entry.measured(entry.objective, at)
        when = f" (epoch {measured.epoch})" if measured and measured.epoch else ""
        return f"{entry.objective.name} {score(entry.objective, value)}{when}"
    if column.flat == "seconds":
        return duration(value)
    return plain(value)


def plain(value: Any) -> str:
    """A hyperparameter or a fact as a person reads it: numbers and texts as they are, lists in brackets."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(plain, value))}]"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else number(value, 6)


def _csv_cell(value: Any) -> str:
    """A cell in full precision."""
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
