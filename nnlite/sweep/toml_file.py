"""A TOML file: its tables, and a sentence for each way in which a file is no TOML.

Python's parser says what it stumbled over in terms of its grammar, and without the key. The sentences here name the
line and the key, and what to write instead.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from nnlite.errors import InputError

LARGEST_FILE = 1 << 20  # bytes
LONGEST_QUOTE = 60  # characters of a line that a sentence repeats

# How files begin that people hand over by mistake.
FORMATS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"PK\x03\x04", "a zip archive, as checkpoints are"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a gzipped file"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "a text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "a text in UTF-16; save it as UTF-8"),
)
# What Python's parser says, and what it means to whoever wrote the file. Where there are groups, its words are used.
REASONS = (
    (r"Duplicate inline table key (.+)", "{key} has the key {0} twice; give it once"),
    (r"Cannot overwrite|Cannot declare|Cannot redefine", "{key} is there already; give it once"),
    (r"Cannot mutate", "{key} would add to a list or to a table in braces; write it there"),
    (r"Expected '='", "expected key = value, and quotes around a key of more than letters a to z, digits, _ and -"),
    (r"Invalid statement", "expected key = value, [table] or # and a comment"),
    (r"Invalid initial character", "expected a key of letters, digits, _ and -; any other stands in quotes"),
    (r"Expected newline", "expected the end of the line after the value of {key}"),
    (r"Expected '\]", "expected the name of a table in brackets, such as [fixed]"),
    (r"Invalid value", "{key} has no value that TOML knows; a text stands in quotes"),
    (r"Invalid date", "{key} is no date that there is"),
    (r"Unclosed array", "the list of {key} is not closed; a comma or ] is missing"),
    (r"Unclosed inline table", "the table of {key} is not closed on its line; a comma or }} is missing"),
    (
        r"Unterminated|Expected [\"']|Illegal character '\\n'",
        "the text of {key} is not closed; its last quote is missing",
    ),
    (r"(?:Illegal|Found invalid) character (.+)", "the character {0} has no place here; leave it out"),
    (r"Unescaped", r"a backslash within double quotes starts an escape such as \n; double it, or use single quotes"),
    (r"Invalid hex|Escaped character", r"\u and \U are followed by the 4 or 8 hexadecimal digits of a character"),
)
HEADER = re.compile(r"""\s*\[\[?\s*([A-Za-z_"'][^\[\],]*?)\s*\]\]?\s*(?:#.*)?$""")  # and no item of a list
ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of the TOML file at `path`.

    Raises:
        InputError: there is no such file, it is too large, or it is no TOML; the sentence names line and key.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than {LARGEST_FILE} bytes: that is no sweep file")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    text = _text(content, path)
    try:
        return parsed(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: {_explained(str(error), text)}") from None
    except RecursionError:
        raise InputError(f"{path}: brackets are nested too deeply") from None
    except ValueError:  # Python reads no longer integers
        digits = sys.get_int_max_str_digits()
        raise InputError(f"{path}: a number has more than {digits:,} digits") from None


def parsed(text: str) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        ValueError: it is no TOML, or a number has more digits than Python writes.
        RecursionError: brackets are nested too deeply.
    """
    tables = tomllib.loads(text)
    str(tables)  # fails where a hexadecimal number is too long to be written in decimal, as an error would have to
    return tables


def _text(content: bytes, path: Path) -> str:
    """The file as text, without a byte order mark."""
    for beginning, kind in FORMATS:
        if content.startswith(beginning) and not _is_text(content):
            raise InputError(f"{path} is no sweep file but {kind}")
    if b"\0" in content:
        raise InputError(f"{path}: line {_line_of(content, content.index(0))}: there is a NUL byte, as in no text file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line_of(content, error.start)
        written = content.splitlines()[line - 1].decode("latin-1")
        raise InputError(
            f"{path}: line {line}: the byte {content[error.start]:#04x} is not UTF-8, in which sweep files are written "
            f"({_quoted(written)} if it is Latin-1); save the file as UTF-8"
        ) from None


def _is_text(content: bytes) -> bool:
    """Whether it could be: a sweep file may well begin with BM."""
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _line_of(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _explained(said: str, text: str) -> str:
    """What Python's parser `said` of `text`, in terms of its lines and keys."""
    lines = text.splitlines() or [""]
    place = re.search(r"at line (\d+)", said)
    number = min(int(place[1]), len(lines)) if place else len(lines)
    # The parser misses the end of a list where the next key stands.
    before = said.startswith("Unclosed array") and number > 1 and ASSIGNMENT.match(lines[number - 1])
    number -= bool(before)
    key, opened = _key_at(lines, number)
    meant = ((match, reason) for pattern, reason in REASONS if (match := re.match(pattern, said)))
    match, reason = next(meant, (None, "this is no TOML"))
    found = [_character(group) for group in match.groups()] if match else []
    start = f", which starts in line {opened}," if opened < number and "{key}" in reason else ""
    explained = reason.format(*found, key=f"{key}{start}" if key else "what stands here")
    return f"line {number}: {explained}: {_quoted(lines[number - 1])}"


def _key_at(lines: list[str], number: int) -> tuple[str, int]:
    """The key to which line `number` belongs, with its table, and the line in which it starts; empty if none."""
    key, start = "", number
    for place in range(number, 0, -1):
        line = lines[place - 1]
        if header := HEADER.match(line):
            if not key:
                return f"[{_short(header[1])}]", place
            return f"{_short(header[1])}.{key}", start
        if not key and (assignment := ASSIGNMENT.match(line)):
            key, start = _short(assignment[1]), place
    return key, start


def _character(representation: str) -> str:
    """A character that the parser names by its representation, as one that can be seen."""
    return representation.split(" (at ", maxsplit=1)[0]


def _short(text: str) -> str:
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return line if len(line) <= LONGEST_QUOTE else f"{line[: LONGEST_QUOTE - 3]}..."


def _quoted(line: str) -> str:
    return f"`{_short(line.strip())}`"
