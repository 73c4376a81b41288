"""Arrays on disk, a network's or any: .npz files that are never half-written, and never unpickled."""

import math
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff.tensor import plain
from nnlite.errors import InputError
from nnlite.files import replacing

_PIECE = 1 << 18  # bytes read at a time: pieces of this size find room that is warm

Arrays = dict[str, NDArray[Any]]
PathLike = str | os.PathLike[str]


class Stateful(Protocol):
    """A layer, a network, an optimizer or a `WeightAverage`."""

    def state(self) -> Arrays:
        """A copy of what is to be saved."""

    def load_state(self, state: Arrays) -> None:
        """Go on from it."""


def save(path: PathLike, what: Stateful | Mapping[str, NDArray[Any]]) -> None:
    """Write a network's parameters and buffers to an .npz file, which NumPy can read as well.

    Args:
        path: of the file, exactly; what was there is replaced at once or not at all.
        what: a layer, a network, an optimizer or a `WeightAverage`, or arrays by name.

    Raises:
        TypeError: the arguments are in the other order, or cannot be saved.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"the path comes first: nnlite.save(path, model), not {type(path).__name__}")
    if not isinstance(what, Mapping) and not hasattr(what, "state"):
        raise TypeError(f"nnlite.save takes a layer, an optimizer or a dict of arrays, not {type(what).__name__}")
    arrays = what if isinstance(what, Mapping) else what.state()
    save_arrays(Path(path), {name: plain(each) for name, each in arrays.items()})


def load(path: PathLike, into: Stateful | None = None) -> Arrays:
    """Read what `save` has written.

    Args:
        path: of the file.
        into: the network, or whatever was saved, to load it into; it is unchanged if anything is wrong.

    Returns:
        The arrays by name.

    Raises:
        InputError: there is no such file, it is damaged, or it is of another network: a name is missing or unknown, or
            a shape is another.
        TypeError: the arguments are in the other order, or nothing can be loaded into `into`.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"the path comes first: nnlite.load(path, model), not {type(path).__name__}")
    if into is not None and not hasattr(into, "load_state"):
        raise TypeError(f"nnlite.load takes a layer or an optimizer to load into, not {type(into).__name__}")
    arrays = load_arrays(Path(path))
    if into is not None:
        try:
            into.load_state(arrays)
        except InputError as error:
            raise InputError(f"{os.fspath(path)}: {error}") from None
    return arrays


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` to the .npz file at `path`; what was there is replaced at once or not at all."""
    with replacing(path, sync=True) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_arrays(path: Path) -> Arrays:
    """Read the .npz file at `path`.

    Raises:
        InputError: there is none, it is damaged, or it holds Python objects.
    """
    return _load(path, None)


def load_array(path: Path, name: str) -> NDArray[Any]:
    """Read one array of the .npz file at `path`, and no other.

    Raises:
        InputError: there is no such file, it is damaged, or it has no array of that name.
    """
    return _load(path, name)[name]


def _load(path: Path, only: str | None) -> Arrays:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            # `save_arrays` compresses nothing: what is larger than the file it is in does not come from there.
            room = os.fstat(file.fileno()).st_size
            arrays = {}
            for member in archive.infolist() if only is None else [archive.getinfo(f"{only}.npy")]:
                arrays[member.filename.removesuffix(".npy")] = _read(archive, member, room)
                room -= member.file_size
            return arrays
    except FileNotFoundError:
        raise InputError(f"there are no weights at {path}") from None
    except Exception as error:  # NumPy and zipfile raise whatever they stumble over, in their own terms
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path} cannot be read: {error.strerror.lower()}") from None
        raise InputError(f"{path} is damaged, or not a file of arrays that nnlite has written; delete it") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, room: int) -> NDArray[Any]:
    """One array, in C order, of no more than `room` bytes.

    Raises:
        ValueError: it is larger, says so, or holds Python objects.
    """
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():  # NumPy parses it as Python, which warns of what is odd in a damaged one
            warnings.simplefilter("ignore")
            shape, in_fortran_order, dtype = header(stream)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or max(size, member.file_size) > room or min(shape, default=0) < 0:
            raise ValueError(member.filename)
        content, read = np.empty(size, np.uint8), 0
        while piece := stream.read(_PIECE):
            content[read : read + len(piece)] = np.frombuffer(piece, np.uint8)  # ValueError where there are more
            read += len(piece)
    if read != size:
        raise ValueError(member.filename)
    array: NDArray[Any] = np.ndarray(shape, dtype, content, order="F" if in_fortran_order else "C")
    return np.array(array, order="C") if in_fortran_order else array
