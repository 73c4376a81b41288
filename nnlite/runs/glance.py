"""Reading many runs at a glance: what their logs say, but for the epochs, and of most of them from an index.

For questions about runs as wholes, of which there may be 10,000: an epoch is read when somebody asks for it, and its
run's digest tells each metric's best and last value.
"""

import contextlib
import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nnlite.runs.history import Run, Unreadable, read_each, read_run
from nnlite.runs.index import Index, light
from nnlite.runs.paths import RunFolder, find_runs

FEWEST = 100  # runs in a folder: fewer are read as soon as an index is


def glance_at_runs(root: Path) -> tuple[list[Run], list[Unreadable]]:
    """Every run at or below `root`, and the folders that had to be left out, as `read_runs` tells them.

    Beside many runs that were not indexed yet, an index is left.
    """
    folders = list(find_runs(root))
    counts = Counter(folder.path.parent for folder in folders)
    with uncollected():
        indexes = {parent: Index(parent) for parent, count in counts.items() if count >= FEWEST}

    def read(folder: RunFolder) -> Run:
        index = indexes.get(folder.path.parent)
        return index.read(folder) if index else light(read_run(folder))

    with uncollected():
        found = read_each(folders, read)
    for index in indexes.values():
        index.save()
    return found


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the search for circles of garbage: so many new objects have none, and it takes half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
