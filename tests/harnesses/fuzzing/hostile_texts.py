"""The target that writes what somebody else chose: texts in terminals, tables, Markdown, HTML and spreadsheets."""

import html
import html.parser
import re
import unicodedata
from pathlib import Path

from fuzzing.target import Read, Target
from fuzzing.texts import words
from hypothesis import strategies as st

from nnlite.cli.output import one_line, printable
from nnlite.interactive import page
from nnlite.report import markdown
from nnlite.texts import FORMULA, harmless


class _Tags(html.parser.HTMLParser):
    """What of a page is markup, and what is text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object = None) -> None:  # noqa: ARG002 - as the parser calls it
        """An element."""
        self.tags.append(tag)

    handle_endtag = handle_startendtag = handle_starttag

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 - as the parser calls it
        """A comment."""
        self.tags.append("!")

    handle_decl = unknown_decl = handle_pi = handle_comment

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def _texts(_: Path) -> Read:
    def read(data: bytes) -> None:
        text = data.decode("utf-8", "surrogatepass") if _decodes(data) else data.decode("latin-1")
        for shown in (harmless(text), one_line(text)):
            assert shown.isprintable(), f"{shown!r} can steer a terminal"
        steering = {unicodedata.category(each) for each in markdown.visible(text)} & {
            "Cc",
            "Cf",
            "Cs",
            "Co",
            "Zl",
            "Zp",
        }
        assert not steering, "it can steer a terminal"
        assert not harmless(text).startswith(FORMULA), "a spreadsheet computes it"
        assert all(each.isprintable() or each in "\n\t" for each in printable(text))
        _check_html(text)
        _check_markdown(text)
        assert "<" not in page._script({text: [text]})
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", markdown.slug(text))

    return read


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _check_html(text: str) -> None:
    tags = _Tags()
    tags.feed(f"<p>{page.text(text)}</p>")
    tags.close()
    assert tags.tags == ["p", "p"], "markup gets into the page"
    assert tags.text == markdown.visible(text)


def _check_markdown(text: str) -> None:
    """A row of a table is a row still, and its HTML reads as the text does."""
    cell = markdown.text(text)
    assert "|" not in cell
    assert "\n" not in cell
    tags = _Tags()
    tags.feed(re.sub(r"\\([\\`*\[\]#~!_+=-])", lambda match: html.escape(match[1]), cell))
    tags.close()
    assert not tags.tags, "markup gets into the report"
    assert "`" not in re.sub(r"\\.", "", cell)


TARGETS = (
    Target(
        "texts",
        _texts,
        lambda: [
            b"<script>alert(1)</script>",
            b"=cmd|' /C calc'!A0",
            b"\x1b[2J",
            b"a|b\n# x",
            b"[x](y)",
            b"`x`",
            b"1. a",
        ],
        (words | st.text(max_size=30)).map(lambda text: text.encode("utf-8", "surrogatepass")),
        words=(
            "<script>",
            "</script>",
            "<!--",
            "|",
            "`",
            "](",
            "\n",
            "\x1b[",
            "&lt;",
            "&#",
            "\\",
            "![",
            "***",
            "~~~",
            "- ",
        ),
        longest=120,
        share=3.0,
        generated=0.03,
    ),
)
