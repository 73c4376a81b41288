"""The store: uncompressed data files in the cache, each named by the SHA-256 of its bytes.

A name that is its content needs no lock: whoever writes a file writes the same one, aside and then in one rename. A
file whose bytes no longer fit its name counts as absent, and the next write replaces it.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from nnlite.data.cache import cache_dir, writing
from nnlite.data.datafile import checksum
from nnlite.errors import InputError
from nnlite.files import remove_asides, replacing


def folder() -> Path:
    """Return the store's folder, made where it is missing.

    Raises:
        DataUnavailableError: it can't be made.
    """
    path = cache_dir() / "idx"
    with writing():
        path.mkdir(parents=True, exist_ok=True)
    return path


def find(sha256: str) -> Path | None:
    """Return the stored file of that content, read through and verified, or None."""
    path = cache_dir() / "idx" / sha256
    try:
        return path if checksum(path) == sha256 else None
    except InputError:
        return None


def keep(contents: Iterable[bytes], sha256: str, source: object) -> Path:
    """Store `contents` under its checksum and return the file; `source` is what to name in an error.

    Raises:
        InputError: the bytes have another checksum; nothing is stored.
        DataUnavailableError: the cache can't be written.
    """
    place = folder()
    digest = hashlib.sha256()
    with writing():
        remove_asides(place)
        # It will be mapped into memory: nobody shall write to it in place.
        with replacing(place / sha256, sync=True, mode=0o444) as file:
            for piece in contents:
                digest.update(piece)
                file.write(piece)
            if digest.hexdigest() != sha256:
                raise InputError(f"{source}: expected SHA-256 {sha256}, found {digest.hexdigest()}")
    return place / sha256
