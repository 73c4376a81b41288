"""A file that is no TOML: the sentence names the line and the key, and says what to write instead."""

import io
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nnlite.errors import InputError
from nnlite.sweep.toml_file import read_toml

# The text, the line and key that the sentence has to name, and a word of its advice.
FAULTS = {
    "a value twice": ("[fixed]\nepochs = 1\nmomentum = 0.5\nepochs = 2\n", 4, "fixed.epochs", "once"),
    "a list twice": ("[grid]\nhidden = [[1]]\nhidden = [\n  [1],\n  [2],\n]\n", 6, "grid.hidden", "starts in line 3"),
    "a table twice": ("[fixed]\nepochs = 1\n[fixed]\n", 3, "[fixed]", "once"),
    "a value and a table": ("fixed = 1\n[fixed]\n", 2, "[fixed]", "once"),
    "a value below a value": ("[fixed]\nepochs = 1\n[fixed.epochs]\n", 3, "[fixed.epochs]", "once"),
    "a key twice in braces": ("[search]\nrate = { low = 1, low = 2 }\n", 2, "search.rate", "'low'"),
    "more for a table in braces": ("[search]\nrate = { low = 1 }\nrate.high = 2\n", 3, "search.rate.high", "braces"),
    "a text without quotes": ("[fixed]\noptimizer = sgd\n", 2, "fixed.optimizer", "quotes"),
    "no value": ("name =\n", 1, "name", "quotes"),
    "two values": ('name = "a" "b"\n', 1, "name", "end of the line"),
    "a number that none is": ("[fixed]\nepochs = 012\n", 2, "fixed.epochs", "end of the line"),
    "no such day": ("day = 2026-02-30\n", 1, "day", "date"),
    "an open quote": ('name = "a\nmodel = "b"\n', 1, "name", "quote"),
    "an open long text": ('name = """a\nb\n', 2, "name", "quote"),
    "an open list": ("[grid]\nepochs = [1, 2\nseeds = 3\n", 2, "grid.epochs", "comma or ]"),
    "an open table": ("rate = { low = 1\n}\n", 1, "rate", "comma or }"),
    "a colon": ("name: x\n", 1, "", "key = value"),
    "a letter with an accent": ("größe = 1\n", 1, "", "quotes around a key"),
    "no key": ("= 3\n", 1, "", "key = value"),
    "an open header": ("[fixed\nepochs = 1\n", 1, "", "[fixed]"),
    "a backslash": ('dataset = "C:\\data"\n', 1, "", "double it"),
    "half a character": ('name = "\\u12"\n', 1, "", "hexadecimal"),
    "a control character": ('name = "a\x01"\n', 1, "", "leave it out"),
}
PARSERS_WORDS = re.compile(r"\(at line|Cannot|Expected|Invalid|Un(closed|escaped|terminated)|namespace|codec|Errno")


@pytest.fixture
def refusal(tmp_path):
    """The sentence about a file of these bytes, without the file's name."""

    def read(content):
        path = tmp_path / "sweep.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(InputError) as caught:
            read_toml(path)
        assert str(caught.value).startswith(str(path))
        return str(caught.value).removeprefix(str(path))

    return read


@pytest.mark.parametrize("text", FAULTS.values(), ids=FAULTS)
def test_line_key_and_what_to_write_are_named(refusal, text):
    content, line, key, advice = text
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(content)
    sentence = refusal(content)
    assert sentence.startswith(f": line {line}: ")
    assert key in sentence
    assert advice in sentence
    assert not PARSERS_WORDS.search(sentence)


@pytest.mark.parametrize("before", [0, 2, 70])
def test_a_file_in_latin_1_is_told_by_its_line(refusal, before):
    sentence = refusal("# café\n".encode() * before + 'name = "café"\n'.encode("latin-1"))
    assert sentence.startswith(f": line {before + 1}: the byte 0xe9 is not UTF-8")
    assert '`name = "café"`' in sentence
    assert sentence.endswith("save the file as UTF-8")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_an_image_is_called_one(refusal, kind):
    content = io.BytesIO()
    Image.new("L", (3, 3)).save(content, kind)
    assert refusal(content.getvalue()) == f" is no sweep file but a {kind} image"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_a_text_in_utf_16_is_to_be_saved_as_utf_8(refusal, encoding):
    mark = b"" if encoding == "utf-16" else "\ufeff".encode(encoding)
    assert refusal(mark + 'name = "x"\n'.encode(encoding)).endswith("UTF-16; save it as UTF-8")


def test_zeros_are_told_by_their_line(refusal):
    assert refusal(b"a = 1\n\0").startswith(": line 2: there is a NUL byte")


def test_a_sweep_file_may_begin_like_an_image(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text("BM = 1\n", "utf-8")
    assert read_toml(path) == {"BM": 1}


@pytest.mark.parametrize(("text", "word"), [(f"x = {'9' * 5000}", "digits"), (f"x = {'[' * 5000}", "nested")])
def test_what_is_too_much_for_the_parser_is_said(refusal, text, word):
    assert word in refusal(text)


@given(st.binary(max_size=60) | st.text('[]{}"=.,#\n\\ abu1é\x00', max_size=60).map(str.encode))
def test_any_bytes_are_tables_or_a_sentence_of_ours(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    try:
        expected = tomllib.loads(content.decode("utf-8-sig"))
    except ValueError:
        with pytest.raises(InputError) as caught:
            read_toml(path)
        assert not PARSERS_WORDS.search(str(caught.value).partition("`")[0])
    else:
        assert read_toml(path) == expected
