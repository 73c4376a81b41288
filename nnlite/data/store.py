"""The store: uncompressed data files in the cache, each named by the SHA-256 of its bytes.

A name that is its content needs no lock: whoever writes a file writes the same one, aside and then in one rename. A
file whose bytes no longer fit its name counts as absent, and the next write replaces it.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from nnlite.data.cache import cache_dir, writing
from nnlite.data.datafile import checksum
from nnlite.errors import InputError

_ABANDONED = 3600.0  # seconds after which a temporary file has no writer any more


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
    with writing():
        _sweep(place)
        descriptor, temporary = tempfile.mkstemp(dir=place, prefix=f"{sha256[:12]}.", suffix=".tmp")
    try:
        digest = hashlib.sha256()
        with writing(), os.fdopen(descriptor, "wb") as file:
            for piece in contents:
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(descriptor)
            os.fchmod(descriptor, 0o444)  # it will be mapped: nobody shall write to it in place
        if digest.hexdigest() == sha256:
            with writing():
                return Path(temporary).replace(place / sha256)
    finally:
        Path(temporary).unlink(missing_ok=True)
    raise InputError(f"{source}: expected SHA-256 {sha256}, found {digest.hexdigest()}")


def _sweep(place: Path) -> None:
    """Remove what killed writers have left."""
    for path in place.glob("*.tmp"):
        with contextlib.suppress(OSError):  # another process sweeps too
            if time.time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
