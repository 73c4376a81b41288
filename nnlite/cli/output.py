"""How commands answer: data on stdout, as a table for people or as one JSON document, and news on stderr."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

UNFOLDED = ("run", "status", "dataset")  # columns that are useless in pieces
WIDTH_OF_A_PIPE = 10_000  # columns; a line of a table is one line wherever no terminal limits it

# Whether there is a terminal is for the stream to say: FORCE_COLOR must not send control codes into a file.
news = Console(stderr=True, highlight=False, force_terminal=sys.stderr is not None and sys.stderr.isatty())


def say(line: str) -> None:
    """A line of news. Nobody has to be there to read it: training goes on when the pipe has been closed."""
    try:
        print(printable(line), file=sys.stderr, flush=True)  # noqa: T201
    except OSError:  # a closed pipe, or a terminal that has been closed
        silence(sys.stderr)


def answer(line: str) -> None:
    """A line of the answer."""
    _put(printable(line))


def answer_json(schema: str, **fields: Any) -> None:
    """The whole answer as one document, in ASCII for any terminal; `schema` says what is in it."""
    _put(json.dumps({"schema": schema, **fields}, indent=2, allow_nan=False, default=str))


def answer_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """The answer as a table."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in UNFOLDED)
    for row in rows:
        table.add_row(*(escape(printable(cell)) for cell in row))
    with console.capture() as text:
        console.print(table)
    _put("\n".join(line.rstrip() for line in text.get().splitlines()))


def answer_fields(fields: Mapping[str, str]) -> None:
    """The answer as aligned `name  value` lines."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        answer(f"  {name:<{width}}  {value}")


def _put(text: str) -> None:
    """Print to stdout; whoever read the answer may have seen enough, which is no error (typer would exit with 1)."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        silence(sys.stdout)


def silence(stream: TextIO) -> None:
    """Send what is left in `stream`, and what follows, nowhere: its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def printable(text: str) -> str:
    """`text` without control characters, which could steer the terminal: each becomes its escape."""
    return "".join(each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text)
