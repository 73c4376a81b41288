"""What travels between the driver and a worker: the files of one run, as bytes.

The driver's log is the single truth, and the driver alone writes it. A worker trains on a copy and sends the lines that
the copy gains, at once; files follow with each checkpoint, since a resume needs no others. In a message they are never
ahead of the lines, as in a run's folder.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nnlite.errors import InputError
from nnlite.files import replace_file
from nnlite.models.reference import REFERENCE
from nnlite.runs import RunFolder
from nnlite.runs.paths import RUN_FILES
from nnlite.sweep.worker import Outcome

CACHED_NAME = re.compile(rf"reference/{REFERENCE}")


@dataclass(frozen=True)
class News:
    """A message from a worker.

    Attributes:
        errand: which errand it is about.
        token: of this try at the errand: a backend that tries one again by itself makes another.
        number: of the message, from 0.
        lines: what the log has gained, whole lines.
        files: what is new, by the path in the run's folder.
        outcome: how the errand ended, with the last message.
    """

    errand: str
    token: str
    number: int
    lines: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    outcome: Outcome | None = None


def pack(folder: RunFolder) -> dict[str, bytes]:
    """All files of a run, by their path in its folder."""
    paths = [path for path in (folder.log, *_artifacts(folder)) if path.exists()]
    return {path.relative_to(folder.path).as_posix(): path.read_bytes() for path in paths}


def unpack(folder: RunFolder, files: Mapping[str, bytes]) -> None:
    """Put what `pack` or `Changes` took into `folder`, each file whole or not at all.

    Raises:
        InputError: a file is none of a run's.
    """
    for name, content in files.items():
        if not re.fullmatch(RUN_FILES, name) or name.endswith("/"):
            raise InputError(f"{name!r} is no file of a run, and was not written")
        replace_file(folder.path / name, content)


def unpack_cache(cache: Path, files: Mapping[str, bytes]) -> None:
    """Put what an errand brings for the cache into the folder `cache`.

    Raises:
        InputError: a file is none that an errand brings.
    """
    for name, content in files.items():
        if not CACHED_NAME.fullmatch(name):
            raise InputError(f"{name!r} is no file of the cache, and was not written")
        replace_file(cache / name, content)


class Changes:
    """What a run's folder gains from now on.

    Args:
        folder: the run's; its log may not exist yet.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._offset = folder.log.stat().st_size if folder.log.exists() else 0
        self._sent = {path: _version(path) for path in _artifacts(folder)}

    def take(self, *, everything: bool = False) -> tuple[bytes, dict[str, bytes]]:
        """The new lines and files since the last call; files only if the checkpoint is among them, or `everything`."""
        versions = {path: _version(path) for path in _artifacts(self._folder)}
        new = {path: version for path, version in versions.items() if version != self._sent.get(path)}
        files = {}
        if everything or self._folder.checkpoint in new:
            files = {path.relative_to(self._folder.path).as_posix(): path.read_bytes() for path in new}
            self._sent.update(new)
        return self._new_lines(), files  # read last: no file is ahead of them

    def _new_lines(self) -> bytes:
        try:
            with self._folder.log.open("rb") as log:
                log.seek(self._offset)
                text = log.read()
        except FileNotFoundError:
            return b""
        lines = text[: text.rfind(b"\n") + 1]
        self._offset += len(lines)
        return lines


def _artifacts(folder: RunFolder) -> list[Path]:
    known = (
        folder.checkpoint,
        folder.best,
        folder.animation,
        folder.mistakes,
        *sorted(folder.samples.glob("epoch_*.png")),
    )
    return [path for path in known if path.exists()]


def _version(path: Path) -> tuple[int, int, int]:
    """What changes when a file is replaced."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
