"""IDX: the format in which MNIST is published, an array of bytes behind a short header.

    00 00 08 ndim | length of each axis, big-endian uint32 | the elements, one byte each, in C order

Only unsigned bytes (08) are read. An uncompressed file is mapped into memory instead of read, so that all worker
processes of a machine share one copy of it, the one in the page cache.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nnlite.errors import InputError

_MAGIC = b"\x00\x00\x08"  # two zeros, then the type code of unsigned bytes


class Readable(Protocol):
    """What a header can be read from: a plain or an unzipping stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; fewer at the end alone."""
        ...


@dataclass(frozen=True)
class Header:
    """What an IDX file says of itself before its elements."""

    shape: tuple[int, ...]

    @property
    def offset(self) -> int:
        """Where the elements begin."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """Bytes of the whole uncompressed file."""
        return self.offset + math.prod(self.shape)

    @property
    def encoded(self) -> bytes:
        """The header as bytes."""
        return _MAGIC + struct.pack(f">B{len(self.shape)}I", len(self.shape), *self.shape)

    def __str__(self) -> str:
        return f"{' x '.join(map(str, self.shape))} bytes"


def read_header(stream: Readable, source: Path) -> Header:
    """Read the header that `stream` begins with; `source` is the file to name in an error.

    Raises:
        InputError: these are no unsigned bytes in the IDX format.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != _MAGIC or magic[3] == 0:
        expected = "00 00 08 and the number of axes"
        raise InputError(f"{source}: expected an IDX file of bytes, {expected}, found {magic.hex(' ') or 'nothing'}")
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise InputError(f"{source}: expected the lengths of {magic[3]} axes, found the end of the file")
    return Header(struct.unpack(f">{magic[3]}I", lengths))


def encode(array: NDArray[np.uint8]) -> bytes:
    """Return `array`, uint8 of any shape but (), as the bytes of an IDX file."""
    if array.dtype != np.uint8 or array.ndim == 0:
        raise InputError(f"IDX: expected an array of uint8, found {array.dtype} of shape {array.shape}")
    return Header(array.shape).encoded + array.tobytes()


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write `array`, uint8, as an uncompressed IDX file."""
    path.write_bytes(encode(array))


def map_file(path: Path, ndim: int) -> NDArray[np.uint8]:
    """Map the elements of an uncompressed IDX file, read-only.

    Args:
        path: the file; it must stay as it is for as long as the array is used.
        ndim: how many axes it must have: 3 for images (N, height, width), 1 for labels (N,).

    Returns:
        A read-only uint8 array of the shape that the header gives.

    Raises:
        InputError: the file can't be read, is no IDX file, or is shorter or longer than its header says.
    """
    try:
        with path.open("rb") as stream:
            header = read_header(stream, path)
            found = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    if len(header.shape) != ndim:
        raise InputError(f"{path}: expected {ndim} axes, found {len(header.shape)} ({header})")
    if found != header.size:
        raise InputError(f"{path}: expected {header.size:,} bytes for {header} and a header, found {found:,}")
    if header.size == header.offset:  # an empty range can't be mapped
        try:
            empty = np.empty(header.shape, np.uint8)
        except ValueError:  # of no bytes, and of more along the other axes than NumPy can count
            raise InputError(f"{path}: expected axes that can be counted, found {header}") from None
        empty.flags.writeable = False
        return empty
    return np.asarray(np.memmap(path, np.uint8, mode="r", offset=header.offset, shape=header.shape))
