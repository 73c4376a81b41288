"""How commands answer: data on stdout, as a table for people or as one JSON document, and news on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH_OF_A_PIPE = 200  # columns of a table that no terminal limits

news = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """A line of news."""
    news.print(escape(printable(line)), soft_wrap=True)


def answer(line: str) -> None:
    """A line of the answer."""
    print(printable(line))  # noqa: T201


def answer_json(schema: str, **fields: Any) -> None:
    """The whole answer as one document; `schema` says what is in it."""
    print(json.dumps({"schema": schema, **fields}, indent=2, allow_nan=False, ensure_ascii=False, default=str))  # noqa: T201


def answer_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """The answer as a table."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    console.print(table)


def answer_fields(fields: Mapping[str, str]) -> None:
    """The answer as aligned `name  value` lines."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        answer(f"  {name:<{width}}  {value}")


def printable(text: str) -> str:
    """`text` without control characters, which could steer the terminal: each becomes its escape."""
    return "".join(each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text)
