"""How commands answer: data on stdout, as a table for people or as one JSON document, and news on stderr."""

import json
import math
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from textwrap import indent, wrap
from typing import Any, Literal, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

UNFOLDED = ("run", "status", "dataset", "metric", "name")  # columns that are useless in pieces
NARROWEST = 10  # columns of text to which one of a table may be folded
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
    _put([printable(line), "\n"])


def answer_json(schema: str, **fields: Any) -> None:
    """The whole answer as one document, in ASCII for any terminal; `schema` says what is in it.

    A field may be an iterator: of what it yields one is held at a time, and each is written to a line of its own.
    """
    _put(_document({"schema": schema, **fields}))


def _document(fields: Mapping[str, Any]) -> Iterator[str]:
    """The text of a document, piece by piece."""
    separator = "{\n  "
    for name, field in fields.items():
        yield f"{separator}{json.dumps(name)}: "
        separator = ",\n  "
        if isinstance(field, Iterator):
            before = "[\n    "
            for item in field:
                yield before + _on_one_line(item)
                before = ",\n    "
            yield "[]" if before.startswith("[") else "\n  ]"
        else:
            text = json.dumps(_strict(field), indent=2, allow_nan=False, default=str)
            yield text.replace("\n", "\n  ")
    yield "\n}\n"


def _on_one_line(item: Any) -> str:
    try:
        return json.dumps(item, allow_nan=False)
    except (TypeError, ValueError):  # what is no JSON: seldom, and looking for it takes longer than writing
        return json.dumps(_strict(item), allow_nan=False, default=str)


def answer_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None, right: Collection[int] = ()
) -> None:
    """The answer as a table; the columns `right` (from 0) are aligned to the right."""
    console = Console(highlight=False, width=terminal_width() or WIDTH_OF_A_PIPE)
    table = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for position, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if position in right else "left"
        table.add_column(
            escape(one_line(column)), overflow="fold", no_wrap=column in UNFOLDED or position in right, justify=justify
        )
    for row in rows:
        table.add_row(*(escape(one_line(cell)) for cell in row))
    with console.capture() as text:
        console.print(table)
    _put(f"{line.rstrip()}\n" for line in text.get().splitlines())


def answer_records(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The answer as a block of `name  value` lines for each row: what a table becomes on a narrow terminal."""
    margin = max(map(len, columns), default=0) + 2
    room = max(NARROWEST, (terminal_width() or sys.maxsize) - margin)
    for number, row in enumerate(rows):
        if number:
            answer("")
        folded = ["\n".join(wrap(one_line(value), room, break_long_words=False)) for value in row]
        fields = [indent(value, " " * margin).lstrip() for value in folded]
        answer_fields(dict(zip(columns, fields, strict=True)), indent=0)


def room_for(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table of these can be read on this terminal; without one there is always room."""
    width = terminal_width()
    if width is None:
        return True
    natural = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    least = [wide if name in UNFOLDED else min(wide, NARROWEST) for name, wide in zip(columns, natural, strict=True)]
    return sum(least) + 2 * (len(least) - 1) <= width


def terminal_width() -> int | None:
    """How many characters fit into a line of the answer; None if it does not go to a terminal."""
    return Console().width if sys.stdout.isatty() else None


def answer_fields(fields: Mapping[str, str], indent: int = 2) -> None:
    """The answer as `name  value` lines, aligned where the terminal is wide enough for that."""
    width, room = max(map(len, fields), default=0), terminal_width()
    for name, value in fields.items():
        line = f"{'':{indent}}{name:<{width}}  {value}"
        answer(line if room is None or len(line) <= room else f"{'':{indent}}{name}  {value}")


def _put(pieces: Iterable[str]) -> None:
    """Write to stdout; whoever read the answer may have seen enough, which is no error (typer would exit with 1)."""
    try:
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)


def silence(stream: TextIO) -> None:
    """Send what is left in `stream`, and what follows, nowhere: its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def one_line(text: str) -> str:
    """`printable`, without line breaks and tabs, which would tear a table."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def printable(text: str) -> str:
    """`text` without control characters, which could steer the terminal: each becomes its escape."""
    return "".join(each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in text)


def _strict(value: Any) -> Any:
    """The value in terms of JSON, which has no NaN: that is null."""
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
