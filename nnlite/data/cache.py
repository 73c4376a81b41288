"""The cache: the folder where nnlite keeps what it can make or fetch again.

`NNLITE_CACHE` names it, else this system's folder for such things (`~/.cache/nnlite`, `~/Library/Caches/nnlite`).
Everything in it may be removed at any time, as long as nothing is running.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from nnlite.errors import DataUnavailableError


def cache_dir() -> Path:
    """Return the absolute path of the cache folder, which need not exist yet."""
    with writing():  # a relative path needs a current folder
        return _chosen().absolute()


@contextmanager
def writing() -> Iterator[None]:
    """Turn an OSError on the way into the cache into a sentence that names the way out.

    Raises:
        DataUnavailableError: the folder can't be written, or its disk is full.
    """
    try:
        yield
    except OSError as error:
        way_out = "set NNLITE_CACHE to a folder that can be written"
        raise DataUnavailableError(f"cache folder {_chosen()}: {error.strerror or error}; {way_out}") from error


def _chosen() -> Path:
    chosen = os.environ.get("NNLITE_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("nnlite", appauthor=False)
