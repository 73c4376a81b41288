"""Files that take their place as a whole: written aside first, then moved, so that no reader ever sees half of one.

A writer that is killed leaves its file aside. Such a file is recognized by its name, which nobody else makes: it holds
a random token and a digest of the token and the file's final name. While a writer lives, it holds the operating
system's lock on its file. So `remove_asides` removes what was left behind, and nothing else.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nnlite.errors import InputError

LONGEST_NAME = 100  # characters of the final name that the name aside repeats; file systems allow 255 bytes in all
_ASIDE = re.compile(r"\.(?P<name>.{1,100})\.(?P<token>[0-9a-f]{16})(?P<digest>[0-9a-f]{16})\.part", re.DOTALL)


def aside(path: Path) -> Path:
    """A new name beside `path` for a file that will take its place."""
    name = path.name[: LONGEST_NAME // 4] if not path.name.isascii() else path.name[:LONGEST_NAME]
    token = secrets.token_hex(8)
    return path.with_name(f".{name}.{token}{_digest(name, token)}.part")


def is_aside(name: str) -> bool:
    """Whether `name` was made by `aside`."""
    match = _ASIDE.fullmatch(name)
    return match is not None and _digest(match["name"], match["token"]) == match["digest"]


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends, and is removed if the block raises.

    Args:
        path: the file; its folder must exist.
        sync: whether the content reaches the disk before the file takes its place, to outlive a power failure.
        mode: the permissions of the file, less the process's umask.

    Raises:
        OSError: the file cannot be written, or `path` is a folder.
    """
    place, descriptor = _new_aside(path, mode)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            os.replace(place, path)  # noqa: PTH105 - the call whose atomicity is meant
    except BaseException:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of `path`; folders are made as needed.

    Raises:
        OSError: the file cannot be written, or `path` is a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)


def must_be_new(path: Path) -> None:
    """See that nothing is at `path`, where somebody wants a new file.

    Raises:
        InputError: something is.
    """
    if os.path.lexists(path):
        raise InputError(f"{path} exists, and is never overwritten; give another --out, or remove it")


def move_onto_nothing(place: Path, path: Path) -> None:
    """Rename the file or folder `place` to `path`, unless something has come to be there, which it would replace.

    Raises:
        InputError: something has.
    """
    try:
        # The rename replaces what is made here, which fails if anything is there.
        path.mkdir() if place.is_dir() else path.touch(exist_ok=False)
    except FileExistsError:
        must_be_new(path)
        raise
    os.replace(place, path)  # noqa: PTH105 - the call whose atomicity is meant


def asides_in(folder: Path) -> list[Path]:
    """The files in `folder`, not in its subfolders, whose names were made by `aside`."""
    if folder.is_symlink():  # what it leads to is not ours
        return []
    try:
        with os.scandir(folder) as entries:
            return [folder / entry.name for entry in entries if is_aside(entry.name)]
    except OSError:
        return []


def remove_asides(folder: Path) -> None:
    """Remove what killed writers left in `folder`: regular files of this user, which no writer holds any more."""
    for path in asides_in(folder):
        with contextlib.suppress(OSError):  # somebody else was faster, or still writes it
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                found = os.fstat(file)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
            finally:
                os.close(file)


def is_ours(path: Path, beginning: bytes) -> bool:
    """Whether `path` is a regular file, not a link, that nnlite made: it is empty, or starts with `beginning`."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return is_open_ours(file, beginning)
    finally:
        os.close(file)


def is_open_ours(file: int, beginning: bytes) -> bool:
    """The same of an open file."""
    return stat.S_ISREG(os.fstat(file).st_mode) and os.pread(file, len(beginning), 0) in (b"", beginning)


def _new_aside(path: Path, mode: int) -> tuple[Path, int]:
    """A new file beside `path` whose lock is held, and its descriptor."""
    while True:
        place = aside(path)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: nobody cleans up there, either
            return place, descriptor
        if os.fstat(descriptor).st_nlink:
            return place, descriptor
        os.close(descriptor)  # `remove_asides` took it for left behind before it was locked


def _digest(name: str, token: str) -> str:
    text = f"{name}/{token}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=8, key=b"nnlite, written aside").hexdigest()
