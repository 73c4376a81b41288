"""Arrays on disk: .npz files that are never half-written, and never unpickled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.errors import InputError
from nnlite.files import replacing

Arrays = dict[str, NDArray[Any]]


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
        # Opened here, because NumPy leaves a file that is no archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            loaded = {name: arrays[name] for name in (arrays.files if only is None else [only])}
        return {name: np.ascontiguousarray(array) if array.ndim else array for name, array in loaded.items()}
    except FileNotFoundError:
        raise InputError(f"there are no weights at {path}") from None
    except Exception as error:
        raise InputError(f"{path} is damaged: {error}") from error
