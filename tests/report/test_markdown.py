"""Strings from logs become text, never markup."""

import html
import re

import pytest

from nnlite.report.markdown import code, slug, table, text

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "first\n# second",
    "`code`",
    "**bold** _soft_ ~~gone~~",
    "[link](http://example.org) ![image](x.png)",
    "&lt;already&gt;",
    "\\| backslash \\",
    "$x^2$ @someone #12",
    "1. item",
    "- item",
    "2) item",
]


def as_read(markdown):
    """The text that a reader sees, given that nothing in it is markup: entities and backslashes undone."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))


@pytest.mark.parametrize("value", HOSTILE)
def test_escaped_text_reads_as_it_was(value):
    assert as_read(text(value)) == " ".join(value.split())


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("write", [text, code])
def test_no_cell_ends_early_and_no_markup_starts(value, write):
    written = write(value)
    bare = re.sub(r"</?code>|^`[\w ./:,=+-]*`$", "", re.sub(r"\\.", "", written))
    assert not set(bare) & set("|<>`*[]~$@\n")
    assert not re.match(r"#|[-+=]|\d+[.)]\s", bare)


def test_a_name_with_underscores_stays_readable():
    assert text("val_acc of gan_lr 0.1.0") == "val_acc of gan_lr 0.1.0"
    assert code("learning_rate") == "`learning_rate`"


@pytest.mark.parametrize("value", ["\x1b]0;x\x07", "a\u202eb", "\ud800", "\x00"])
def test_invisible_characters_are_spelt_out(value):
    written = text(value)
    assert written.isprintable()
    assert "\\x" in written
    written.encode()


def test_long_strings_are_cut_off():
    assert len(text("x" * 100_000)) < 400


def test_each_row_of_a_table_is_a_line_of_as_many_cells():
    lines = table(["a", "b"], [[text(value), code(value)] for value in HOSTILE], [1]).splitlines()
    assert len(lines) == 2 + len(HOSTILE)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}


@pytest.mark.parametrize("value", ["../../etc", "", ".", "..", "a/b", "-x", "日本", "x" * 300, "con fig\n"])
def test_a_slug_is_one_safe_file_name(value):
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", slug(value))


def test_a_name_that_is_safe_is_its_own_slug():
    assert slug("gan_lr-2.b") == "gan_lr-2.b"
