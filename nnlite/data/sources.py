"""Sources: where a dataset comes from, in the order in which they are asked.

The data folder (`--data`, else `NNLITE_DATA`) with a folder a dataset in it, then the cache, then a download. A
dataset may also be a folder of four IDX files of one's own. Files that lie there uncompressed are mapped in place;
gzipped ones are unzipped into the store once.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnlite.data import store
from nnlite.data.catalogue import KNOWN, KnownDataset
from nnlite.data.datafile import checksum, find, is_zipped, pieces
from nnlite.data.dataset import FILE_NAMES, Dataset, Files
from nnlite.data.download import Announce, download, to_stderr
from nnlite.errors import InputError, nearest


@dataclass(frozen=True)
class Found:
    """Four files, plain or gzipped, with the checksums of their uncompressed bytes, in the order of `FILE_NAMES`."""

    place: Literal["folder", "cache"]
    paths: tuple[Path, ...]
    checksums: tuple[str, ...]

    def unzipped(self) -> Files:
        """Return uncompressed files of the same contents: those themselves, or the store's."""
        pairs = zip(self.paths, self.checksums, strict=True)
        return Files(*(_stored(path, sha) if is_zipped(path) else path for path, sha in pairs))


def locate(name: str, data_dir: Path | None = None, *, announce: Announce = to_stderr) -> Dataset:
    """Find a dataset, downloading it where need be, with every checksum verified.

    Args:
        name: "mnist", "fashion-mnist", or the path of a folder that holds `FILE_NAMES`, gzipped or not.
        data_dir: the folder to look in first, for `<data_dir>/<name>/<file>`; else `NNLITE_DATA` says.
        announce: is told each source of a download, a line each.

    Raises:
        InputError: no such name or folder, or files that are not what they should be.
        DataUnavailableError: a known dataset that could be neither found nor downloaded, or an unwritable cache.
    """
    if (known := KNOWN.get(name)) is None:
        return _own(name)
    found = search(known, data_dir) or _downloaded(known, data_dir, announce)
    return Dataset.of(name, found.unzipped(), found.checksums, known.class_names)


def fetch(name: str, data_dir: Path | None = None, *, announce: Announce = to_stderr) -> Dataset:
    """Bring a known dataset into the cache, from the data folder or a download, so that it is there without either.

    Raises:
        InputError: no such name, or files in the data folder that are not what they should be.
        DataUnavailableError: it could be neither found nor downloaded, or the cache can't be written.
    """
    if (known := KNOWN.get(name)) is None:
        raise InputError(f"dataset {name!r}: {nearest(name, KNOWN)}")
    found = search(known, data_dir) or _downloaded(known, data_dir, announce)
    files = Files(*(_stored(path, sha) for path, sha in zip(found.paths, found.checksums, strict=True)))
    return Dataset.of(name, files, found.checksums, known.class_names)


def search(known: KnownDataset, data_dir: Path | None = None) -> Found | None:
    """Look for a known dataset in the data folder and the cache; nothing is written or downloaded.

    Raises:
        InputError: the data folder holds it with other bytes.
    """
    if (folder := _folder_of(known, data_dir)) is not None:
        paths = [find(folder, name) for name in FILE_NAMES]
        if present := tuple(path for path in paths if path is not None):
            for path, expected in zip(paths, known.checksums, strict=True):
                if path is not None and (sha := checksum(path)) != expected:
                    raise InputError(f"{path}: expected {known.name}'s SHA-256 {expected}, found {sha}")
        if len(present) == len(FILE_NAMES):
            return Found("folder", present, known.checksums)
    stored = tuple(path for sha in known.checksums if (path := store.find(sha)) is not None)
    return Found("cache", stored, known.checksums) if len(stored) == len(FILE_NAMES) else None


def _downloaded(known: KnownDataset, data_dir: Path | None, announce: Announce) -> Found:
    folder = _folder_of(known, data_dir)
    notes = []
    if folder is not None:
        lacking = [name for name in FILE_NAMES if find(folder, name) is None]
        notes.append(f"{folder}: lacks {', '.join(lacking)}" if folder.is_dir() else f"{folder}: no such folder")
    download(known, folder=folder, notes=notes, announce=announce)
    paths = tuple(store.folder() / sha for sha in known.checksums)
    return Found("cache", paths, known.checksums)


def _own(name: str) -> Dataset:
    """Open a folder of IDX files."""
    if not os.path.isdir(os.path.expanduser(name)):  # noqa: PTH111, PTH112 - pathlib's raise for an odd name
        if os.sep in name:
            raise InputError(f"dataset {name!r}: expected a folder of IDX files, found none")
        raise InputError(f"dataset {name!r}: neither a known one nor a folder of IDX files; {nearest(name, KNOWN)}")
    folder = _absolute(name)
    paths = {file: find(folder, file) for file in FILE_NAMES}
    if lacking := [file for file, path in paths.items() if path is None]:
        raise InputError(f"{folder}: expected {', '.join(FILE_NAMES)}, .gz or not; it lacks {', '.join(lacking)}")
    present = tuple(path for path in paths.values() if path is not None)
    found = Found("folder", present, tuple(checksum(path) for path in present))
    names = next((known.class_names for known in KNOWN.values() if known.checksums == found.checksums), ())
    return Dataset.of(name, found.unzipped(), found.checksums, names)


def _folder_of(known: KnownDataset, data_dir: Path | None) -> Path | None:
    """Return where the data folder, if one is named, keeps that dataset."""
    if data_dir is not None and not _absolute(data_dir).is_dir():
        raise InputError(f"--data {data_dir}: expected a folder, found none")
    chosen = data_dir or os.environ.get("NNLITE_DATA")
    return _absolute(chosen) / known.name if chosen else None


def _absolute(path: str | Path) -> Path:
    """Make a user's path independent of the current folder, which worker processes may not share."""
    try:
        return Path(os.path.expanduser(path)).absolute()  # noqa: PTH111 - pathlib's raises for an unknown user
    except FileNotFoundError as error:
        raise InputError(f"{path}: expected an absolute path, as the current folder no longer exists") from error


def _stored(path: Path, sha256: str) -> Path:
    return store.find(sha256) or store.keep(pieces(path), sha256, path)
