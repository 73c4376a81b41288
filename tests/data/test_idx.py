"""The IDX format, its mapping into memory, and the files that lie."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from nnlite.data import idx
from nnlite.data.datafile import checksum, find, pieces
from nnlite.errors import InputError


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (0, 28, 28)])
def test_what_was_written_is_mapped_again(tmp_path: Path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    idx.write(tmp_path / "file", array)
    mapped = idx.map_file(tmp_path / "file", len(shape))
    np.testing.assert_array_equal(mapped, array)
    assert type(mapped) is np.ndarray


def test_a_mapped_file_cannot_be_written_to(tmp_path: Path):
    idx.write(tmp_path / "file", np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        idx.map_file(tmp_path / "file", 1)[0] = 1


def test_the_header_is_the_published_one():
    assert idx.encode(np.array([[7, 8]], np.uint8)) == b"\0\0\x08\x02\0\0\0\x01\0\0\0\x02\x07\x08"


def test_other_numbers_than_bytes_are_not_written():
    with pytest.raises(InputError, match="found float64"):
        idx.encode(np.zeros(3))


WRONG = {
    "empty": (b"", "found nothing"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "found 89 50 4e 47"),
    "floats": (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "found 00 00 0d 01"),
    "no axes": (b"\0\0\x08\0\0\0\0\0", "found 00 00 08 00"),
    "cut in the header": (b"\0\0\x08\x01\0\0", "lengths of 1 axes, found the end"),
    "too short": (b"\0\0\x08\x01\0\0\0\x03\1\2", "expected 11 bytes for 3 bytes and a header, found 10"),
    "too long": (b"\0\0\x08\x01\0\0\0\x03\1\2\3\4", "expected 11 bytes"),
    "2^32 - 1 rows": (b"\0\0\x08\x01\xff\xff\xff\xff\1\2", "expected 4,294,967,303 bytes"),
}


@pytest.mark.parametrize(("contents", "sentence"), WRONG.values(), ids=WRONG)
def test_a_lying_file_is_refused_by_name(tmp_path: Path, contents, sentence):
    path = tmp_path / "a b'é"
    path.write_bytes(contents)
    with pytest.raises(InputError, match="a b'é") as mapped:
        idx.map_file(path, 1)
    with pytest.raises(InputError, match="a b'é") as read:
        checksum(path)
    assert sentence in str(mapped.value)
    assert sentence in str(read.value)


def test_a_zipped_file_that_asks_for_too_much_is_refused_before_it_is_unzipped(tmp_path: Path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff"))
    with pytest.raises(InputError, match="at most 4,294,967,296 bytes once unzipped"):
        checksum(path)


def test_a_zipped_file_longer_than_its_header_is_read_no_further(tmp_path: Path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx.encode(np.zeros(3, np.uint8)) + bytes(100_000_000), 1))
    with pytest.raises(InputError, match=r"expected 11 bytes .* found more"):
        checksum(path)


@pytest.mark.parametrize("damage", [lambda zipped: zipped[:-9], lambda zipped: zipped[:30] + b"\xff" * 9 + zipped[39:]])
def test_a_damaged_gzip_file_is_refused_by_name(tmp_path: Path, damage):
    rows = np.random.default_rng(0).integers(0, 256, 1000, np.uint8)
    path = tmp_path / "damaged.gz"
    path.write_bytes(damage(gzip.compress(idx.encode(rows))))
    with pytest.raises(InputError, match=r"damaged\.gz"):
        checksum(path)


def test_whether_a_file_is_zipped_is_seen_not_believed(tmp_path: Path):
    contents = idx.encode(np.arange(3, dtype=np.uint8))
    (tmp_path / "plain.gz").write_bytes(contents)
    (tmp_path / "zipped").write_bytes(gzip.compress(contents))
    assert b"".join(pieces(tmp_path / "plain.gz")) == b"".join(pieces(tmp_path / "zipped")) == contents


def test_a_pipe_and_a_device_are_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="expected a regular file"):
            checksum(path)


def test_the_plain_file_goes_before_the_zipped_one(tmp_path: Path):
    assert find(tmp_path, "file") is None
    (tmp_path / "file.gz").touch()
    assert find(tmp_path, "file") == tmp_path / "file.gz"
    (tmp_path / "file").touch()
    assert find(tmp_path, "file") == tmp_path / "file"


@pytest.mark.parametrize("place", [3, 10, -6, -1])
def test_a_damaged_gzip_file_is_called_so_in_no_librarys_words(tmp_path, place):
    content = bytearray(gzip.compress(idx.encode(np.arange(200, dtype=np.uint8))))
    content[place] ^= 0xFF
    path = tmp_path / "data.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.gz: expected a (whole )?gzip file, found one that is"):
        list(pieces(path))


def test_no_bytes_along_axes_beyond_counting_are_refused(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"\0\0\x08\x03" + b"\0" * 4 + b"\xff" * 8)
    with pytest.raises(InputError, match="axes that can be counted"):
        idx.map_file(path, 3)
