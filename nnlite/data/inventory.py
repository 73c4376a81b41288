"""The inventory: for each known dataset whether it is here, where, and under which licence.

Nothing is written or downloaded to answer that.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nnlite.data.catalogue import KNOWN, KnownDataset
from nnlite.data.sources import search
from nnlite.errors import InputError


@dataclass(frozen=True)
class Holding:
    """One known dataset as this machine has it.

    Args:
        name: as in a sweep file.
        place: "folder" (`--data`, `NNLITE_DATA`), "cache", "missing" (it would be downloaded) or "broken".
        path: the folder that holds it, or None.
        bytes: what its files take there, zipped or not; 0 where there are none.
        training_images: how many, validation among them.
        test_images: how many.
        licence: under which the images are published.
        credit: whose work they are.
        problem: what is wrong with the files of a broken one, else "".
    """

    name: str
    place: Literal["folder", "cache", "missing", "broken"]
    path: Path | None
    bytes: int
    training_images: int
    test_images: int
    licence: str
    credit: str
    problem: str = ""


def inventory(data_dir: Path | None = None) -> list[Holding]:
    """Return what is here of every known dataset, verified; `data_dir` as for `locate`."""
    return [_holding(known, data_dir) for known in KNOWN.values()]


def _holding(known: KnownDataset, data_dir: Path | None) -> Holding:
    problem = ""
    try:
        found = search(known, data_dir)
    except InputError as error:
        found, problem = None, str(error)
    return Holding(
        name=known.name,
        place=found.place if found else "broken" if problem else "missing",
        path=found.paths[0].parent if found else None,
        bytes=sum(path.stat().st_size for path in found.paths) if found else 0,
        training_images=known.training_images,
        test_images=known.test_images,
        licence=known.licence,
        credit=known.credit,
        problem=problem,
    )
