"""A data file: an IDX file as it lies in a folder, plain or gzipped.

Its contents come in pieces, unzipped on the way and held against the header: a file that is cut short, that goes on
for longer than it says, or that is a pipe or a device is refused before anything is allocated or written for it.
"""

import gzip
import hashlib
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from nnlite.data import idx
from nnlite.errors import InputError

_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
_LIMIT = 4 << 30  # a gzipped file may ask for so many bytes of the cache, no more


def find(folder: Path, name: str) -> Path | None:
    """Return `folder/name` or `folder/name.gz`, whichever is there; the plain one where both are."""
    for path in (folder / name, folder / f"{name}.gz"):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
        return path
    return None


def is_zipped(path: Path) -> bool:
    """Whether the file is gzipped, by its first bytes: names lie, and some servers unzip what they send."""
    try:
        with path.open("rb") as stream:
            return stream.read(2) == _GZIP
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the uncompressed bytes of an IDX file, header and all.

    Raises:
        InputError: unreadable, not a regular file, no IDX file, or of another length than its header says; raised
            when the iteration gets there, so nobody should trust the bytes before its end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: expected a regular file, plain or gzipped, found something else")
        zipped = is_zipped(path)
        with gzip.open(path, "rb") if zipped else path.open("rb") as stream:
            header = idx.read_header(stream, path)
            if zipped and header.size > _LIMIT:
                raise InputError(f"{path}: expected at most {_LIMIT:,} bytes once unzipped, found {header}")
            yield header.encoded
            position = header.offset
            while piece := stream.read(min(_PIECE, header.size - position)):
                yield piece
                position += len(piece)
            if position < header.size or stream.read(1):
                found = f"{position:,}" if position < header.size else "more"
                raise InputError(f"{path}: expected {header.size:,} bytes for {header} and a header, found {found}")
    except EOFError as error:
        raise InputError(f"{path}: expected a whole gzip file, found one that is cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: expected a gzip file, found one that is damaged") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def checksum(path: Path) -> str:
    """Return the SHA-256, in hex, of the uncompressed bytes of an IDX file; raises as `pieces` does."""
    digest = hashlib.sha256()
    for piece in pieces(path):
        digest.update(piece)
    return digest.hexdigest()
