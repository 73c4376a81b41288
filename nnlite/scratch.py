"""Scratch folders: temporary folders that are removed after use, or, if their process was killed, by the next user.

They lie in one folder of each user, `nnlite-scratch-<uid>` in the system's folder for temporary files. A marker in each
of them says what nnlite lays there. A scratch folder is removed only if its marker is intact, it belongs to this user,
nothing else lies in it, and no process holds the lock on its marker; whatever is in doubt stays where it is.
"""

import contextlib
import fcntl
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnlite.files import is_aside

MARKER = ".nnlite-scratch"
LARGEST_MARKER = 1 << 16  # bytes
_NOTE = "nnlite made this folder, and removes it when no process holds the lock on this file"


@contextlib.contextmanager
def scratch(purpose: str, holds: str) -> Iterator[Path]:
    """Make a scratch folder, and remove it afterwards; abandoned ones are removed first.

    Args:
        purpose: a word, the beginning of the folder's name.
        holds: a regular expression of what may be laid there: paths relative to the folder, with slashes, those of
            subfolders with a slash at the end. Files that `nnlite.files.replacing` writes aside are always allowed.

    Raises:
        OSError: there is no folder for temporary files that can be written to.
    """
    folder = _new_folder(purpose)
    marker = os.open(folder / MARKER, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # Locked before it says anything: an empty marker proves nothing, so nobody removes the folder meanwhile.
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(marker, json.dumps({"note": _NOTE, "holds": holds, **_identity(folder)}).encode())
        yield folder
    finally:
        with contextlib.suppress(OSError):  # a process that is being killed may still write; the next user cleans up
            _remove(folder, re.compile(holds))
        os.close(marker)
        if folder.parent.name == _parent_name():
            with contextlib.suppress(OSError):  # other scratch folders are in it
                folder.parent.rmdir()


def remove_abandoned(parent: Path) -> None:
    """Remove the scratch folders in `parent` whose processes have ended."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(Path(entry.path))


def _new_folder(purpose: str) -> Path:
    while (parent := _parent()) is not None:
        remove_abandoned(parent)
        with contextlib.suppress(FileNotFoundError):  # whoever used it last has removed it
            return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=parent))
    return Path(tempfile.mkdtemp(prefix=f"nnlite-{purpose}-"))


def _parent_name() -> str:
    return f"nnlite-scratch-{os.geteuid()}"


def _parent() -> Path | None:
    """This user's folder of scratch folders, made if need be; None if something else is in its place."""
    path = Path(tempfile.gettempdir()) / _parent_name()
    with contextlib.suppress(OSError):
        path.mkdir(mode=0o700)
    try:
        found = path.lstat()
    except OSError:
        return None
    is_private = not stat.S_IMODE(found.st_mode) & 0o077
    return path if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and is_private else None


def _identity(folder: Path) -> dict[str, Any]:
    """What tells this folder from a copy of it, or from one whose name was changed."""
    found = folder.lstat()
    return {"folder": folder.name, "device": found.st_dev, "inode": found.st_ino}


def _remove_if_abandoned(folder: Path) -> None:
    marker = os.open(folder / MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(marker)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if holds := _allowed(folder, os.read(marker, LARGEST_MARKER)):
            _remove(folder, holds)
    finally:
        os.close(marker)


def _allowed(folder: Path, marker: bytes) -> re.Pattern[str] | None:
    """What may lie in `folder`, by its marker; None if that is not the marker of this very folder."""
    try:
        said = json.loads(marker)
        holds = said.pop("holds")
        return re.compile(holds) if said == {"note": _NOTE, **_identity(folder)} else None
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, re.error):
        return None


def _remove(folder: Path, holds: re.Pattern[str]) -> None:
    """Remove `folder`, if all that lies in it is of this user and allowed; the marker goes last."""
    folders, files = [], []
    for place, subfolders, names in os.walk(folder, onerror=_raise):
        folders += [Path(place, name) for name in subfolders]
        files += [Path(place, name) for name in names]
    if (folder / MARKER) not in files:
        return
    files.remove(folder / MARKER)
    if all(_is_ours(path, folder, holds) for path in (folder, *folders, *files)):
        for path in files:
            path.unlink()
        for path in reversed(folders):
            path.rmdir()
        (folder / MARKER).unlink()
        folder.rmdir()


def _is_ours(path: Path, folder: Path, holds: re.Pattern[str]) -> bool:
    found = path.lstat()
    if found.st_uid != os.geteuid():
        return False
    if path == folder:
        return True
    relative = path.relative_to(folder).as_posix()
    if stat.S_ISDIR(found.st_mode):
        return holds.fullmatch(f"{relative}/") is not None and not path.is_mount()
    return stat.S_ISREG(found.st_mode) and (holds.fullmatch(relative) is not None or is_aside(path.name))


def _raise(error: OSError) -> None:
    raise error
