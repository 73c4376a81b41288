"""Markdown of strings that somebody else chose: names, values and errors from logs become text, never markup.

Each function returns something that is safe in a paragraph, in a list and in a table cell alike.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of one string; an error may hold a whole array
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}
PUNCTUATION = re.compile(r"[\\`*\[\]#~!]|(?<![^\W_])_|_(?![^\W_])|^[-+=]")
LIST_NUMBER = re.compile(r"^(\d+)([.)])(?=\s|$)")
PLAIN = re.compile(r"[\w ./:,=+-]*", re.ASCII)


def visible(value: object) -> str:
    r"""One line without control, direction and surrogate characters, which become `\x1b` and the like."""
    line = " ".join(str(value).split())
    line = "".join(
        f"\\x{ord(each):02x}" if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co") else each for each in line
    )
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"


def text(value: object) -> str:
    """Any string as it reads, whatever Markdown or HTML it holds."""
    line = PUNCTUATION.sub(r"\\\g<0>", visible(value))
    line = LIST_NUMBER.sub(r"\1\\\2", line)
    return "".join(ENTITIES.get(each, each) for each in line)


def code(value: object) -> str:
    """A name, a value or an id in the typewriter face."""
    line = visible(value)
    return f"`{line}`" if line and PLAIN.fullmatch(line) else f"<code>{text(line)}</code>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already; the columns `right` (from 0) are aligned to the right."""
    rules = ["---:" if column in set(right) else "---" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *rows))


def link(label: str, target: str) -> str:
    """A link; the label is Markdown already, the target a path that we have chosen."""
    return f"[{label}]({target})"


def image(description: str, target: str) -> str:
    """An image, described for those who cannot see it."""
    return f"![{text(description)}]({target})"


def slug(value: str) -> str:
    """A file name that is safe everywhere and close to `value`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", value)[:64].strip("-.")
    return name if re.match(r"[A-Za-z0-9]", name) else f"unnamed-{name}".rstrip("-")
