"""Which files a run leaves on disk, and where.

A run's folder is `experiments/<sweep>/<run id>/`. `RunFolder` has one property per file in it, so that no other module
spells a file's name, and `find_runs` lists the run folders below any folder, from a single run to many sweeps.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnlite.files import asides_in, remove_asides

LOG_NAME = "run.jsonl"
# What a run's folder may hold, as a regular expression of paths in it; that of a subfolder ends with a slash.
RUN_FILES = r"run\.jsonl|checkpoint\.npz|best\.npz|samples\.gif|mistakes\.png|samples/(epoch_[0-9]{4,9}\.png)?"


@dataclass(frozen=True, order=True)
class RunFolder:
    """The folder that one run owns."""

    path: Path

    @property
    def name(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def log(self) -> Path:
        """What happened, one JSON object a line."""
        return self.path / LOG_NAME

    @property
    def checkpoint(self) -> Path:
        """Everything that training needs to go on after the last finished epoch."""
        return self.path / "checkpoint.npz"

    @property
    def best(self) -> Path:
        """The weights after the best epoch, by the sweep's objective."""
        return self.path / "best.npz"

    @property
    def samples(self) -> Path:
        """Folder of a GAN's sample grids, one PNG an epoch."""
        return self.path / "samples"

    @property
    def mistakes(self) -> Path:
        """The test images that a classifier was most confidently wrong about, as the `end` of its log lists them."""
        return self.path / "mistakes.png"

    @property
    def animation(self) -> Path:
        """The sample grids as one GIF."""
        return self.path / "samples.gif"

    def sample(self, epoch: int) -> Path:
        """The sample grid after `epoch`."""
        return self.samples / f"epoch_{epoch:04d}.png"

    def leftovers(self) -> list[Path]:
        """The files that killed processes were still writing, if nobody holds the log's lock."""
        return [*asides_in(self.path), *asides_in(self.samples)]

    def remove_leftovers(self) -> None:
        """Remove `leftovers`; for whoever holds the log's lock."""
        remove_asides(self.path)
        remove_asides(self.samples)


def find_runs(root: Path) -> Iterator[RunFolder]:
    """Every run folder at `root` or at most three folders below it, by path.

    `root` may be a run, a sweep, a folder of sweeps, or a folder of such folders: those of several machines, say.
    """
    found: list[str] = []
    _find_runs(os.fspath(root), 3, found)
    return (RunFolder(Path(path)) for path in found)


def _find_runs(folder: str, levels: int, found: list[str]) -> None:
    """Add to `found`; a list instead of nested generators, which take twice as long over 10,000 folders."""
    try:
        with os.scandir(folder) as entries:
            names = {entry.name: entry.is_dir() for entry in entries}
    except OSError:  # not a folder, or not ours to read
        return
    if LOG_NAME in names:
        found.append(folder)
    if levels:
        for name in sorted(name for name, is_folder in names.items() if is_folder):
            _find_runs(os.path.join(folder, name), levels - 1, found)  # noqa: PTH118 - as text: 10,000 times as a Path tells
