"""Arrays on disk, a network's or any: .npz files that are never half-written, and never unpickled."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff.tensor import plain
from nnlite.errors import InputError

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
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


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
