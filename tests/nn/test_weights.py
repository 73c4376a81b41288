"""Weights on disk: what is written comes back to the bit, what is damaged or dangerous does not come back at all."""

import io
import pickle
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from nnlite.errors import InputError
from nnlite.nn import load_arrays, save_arrays

ARRAYS = {
    "0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "steps": np.array(7),
    "empty": np.zeros((0, 3)),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "special": np.array([np.nan, np.inf, -0.0]),
}


class Trap:
    """An object whose unpickling leaves a trace."""

    sprung = False

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung = True


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "weights.npz"
    save_arrays(path, ARRAYS)
    return path


def test_arrays_come_back_to_the_bit(path):
    loaded = load_arrays(path)
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()
        assert loaded[name].flags.c_contiguous


def test_saving_replaces_at_once_and_leaves_nothing_beside(path):
    save_arrays(path, {"only": np.ones(1)})
    assert list(load_arrays(path)) == ["only"]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_saved_leaves_the_old_file(path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save_arrays(path, {"object": np.array([Trap()], dtype=object)})
    assert list(load_arrays(path)) == list(ARRAYS)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there are no weights at .*nowhere\.npz"):
        load_arrays(tmp_path / "nowhere.npz")


def archive_of(member):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("x.npy", member)
    return buffer.getvalue()


def array_of_objects():
    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"PK\x03\x04 and then nothing",
        b"no archive at all",
        pickle.dumps(Trap()),
        pickle.dumps({"x": np.ones(1)}),
        archive_of(array_of_objects()),
        archive_of(pickle.dumps(Trap())),
        archive_of(b"\x93NUMPY\x01\x00"),
        archive_of(b""),
    ],
    ids=["empty", "torn", "text", "pickle", "pickled arrays", "objects", "pickled member", "header", "empty member"],
)
def test_a_damaged_or_dangerous_file_is_refused_and_never_executed(tmp_path, contents):
    path = tmp_path / "weights.npz"
    path.write_bytes(contents)
    with pytest.raises(InputError, match=r"weights.npz is damaged"):
        load_arrays(path)
    assert not Trap.sprung


def test_what_python_would_warn_of_in_a_damaged_header_is_told_to_nobody_else(tmp_path):
    header = rb"{'descr': '<U48', 'fortran\order': False, 'shape': (), }".ljust(0x75) + b"\n"
    path = tmp_path / "weights.npz"
    path.write_bytes(archive_of(b"\x93NUMPY\x01\x00\x76\x00" + header))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match="is damaged"):
            load_arrays(path)
    assert heard == []


def test_a_file_that_ends_anywhere_is_refused(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="is damaged"):
            load_arrays(path)


def test_a_flipped_bit_is_found(path):
    contents = bytearray(path.read_bytes())
    place = contents.index(ARRAYS["fortran"].tobytes(order="F"))
    contents[place + 9] ^= 1
    path.write_bytes(contents)
    with pytest.raises(InputError, match="is damaged"):
        load_arrays(path)


def header_of(shape, kind="<f4"):
    """An array's file that ends with its header."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": kind, "fortran_order": False, "shape": shape})
    return content.getvalue()


@pytest.mark.parametrize("shape", [(10**12,), (20_000, 20_000), (2**62, 4), (10**9,) * 9])
def test_an_array_larger_than_its_file_is_refused_before_there_is_room_for_it(tmp_path, shape):
    path = tmp_path / "weights.npz"
    path.write_bytes(archive_of(header_of(shape)))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="is damaged"):
            load_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_compressed_bomb_is_refused(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez_compressed(path, x=np.zeros(10_000_000, np.float32))
    with pytest.raises(InputError, match="is damaged"):
        load_arrays(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"PK\x03\x04", archive_of(b"no array"), archive_of(header_of((4,))), array_of_objects()],
    ids=["empty", "text", "a torn archive", "no array", "a torn array", "objects"],
)
def test_no_librarys_words_stand_in_the_sentence(tmp_path, content):
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_arrays(path)
    assert str(caught.value) == f"{path} is damaged, or not a file of arrays that nnlite has written; delete it"
