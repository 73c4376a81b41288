"""Which files a run leaves on disk, and where.

A run's folder is `experiments/<sweep>/<run id>/`. `RunFolder` has one property per file in it, so that no other module
spells a file's name, and `find_runs` lists the run folders below any folder, from a single run to many sweeps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOG_NAME = "run.jsonl"


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
    def animation(self) -> Path:
        """The sample grids as one GIF."""
        return self.path / "samples.gif"

    def sample(self, epoch: int) -> Path:
        """The sample grid after `epoch`."""
        return self.samples / f"epoch_{epoch:04d}.png"


def find_runs(root: Path) -> Iterator[RunFolder]:
    """Every run folder at `root` or at most two folders below it (a run, a sweep, or a folder of sweeps), by path."""
    for pattern in (LOG_NAME, f"*/{LOG_NAME}", f"*/*/{LOG_NAME}"):
        for log in sorted(root.glob(pattern)):
            yield RunFolder(log.parent)
