"""A collection: the runs that a question or a report is about, each once, and the folders that tell nothing.

It is read from a run's folder, a sweep's, or a folder of sweeps. A log that cannot be read, or was written by something
else, costs itself alone; a run that lies in two places (experiments merged by copying) is taken from where it got on
furthest, and where the two tell other numbers, that is a conflict.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nnlite.errors import InputError, NothingFoundError
from nnlite.runs import Conflict, Run, Unreadable, find_conflicts, glance_at_runs

Read = Callable[[Path], tuple[list[Run], list[Unreadable]]]


@dataclass(frozen=True)
class Collection:
    """The readable runs by path, at least one, what was left out, and the runs that have two results."""

    root: Path
    runs: list[Run]
    left_out: list[Unreadable]
    conflicts: list[Conflict]


def collect(root: Path, read: Read = glance_at_runs) -> Collection:
    """Read every run at or below `root`.

    Args:
        root: a run's folder, a sweep's, or a folder of sweeps.
        read: how; `read_runs` where all epochs are gone through, again and again.

    Raises:
        InputError: `root` does not exist.
        NothingFoundError: it holds no readable run.
    """
    if not root.exists():
        raise InputError(f"{root} does not exist: give a run's folder, a sweep's folder or a folder of sweeps")
    found, left_out = read(root)
    conflicts = find_conflicts(found)
    runs, copies = _once(found, {conflict.run for conflict in conflicts})
    left_out.extend(copies)
    left_out.sort(key=lambda each: each.folder)
    if not runs:
        why = f" that can be read; {left_out[0].folder.log}: {left_out[0].reason}" if left_out else ""
        raise NothingFoundError(f"{root} holds no run{why}: `nnlite sweep` and `nnlite train` make runs")
    return Collection(root, runs, left_out, conflicts)


def conflicts_among(conflicts: list[Conflict], runs: Iterable[Run]) -> list[Conflict]:
    """The conflicts that one of `runs` is in."""
    ids = {run.id for run in runs}
    return [conflict for conflict in conflicts if conflict.run in ids]


def _once(runs: list[Run], in_conflict: set[str]) -> tuple[list[Run], list[Unreadable]]:
    furthest: dict[tuple[str, str, str, str], Run] = {}
    for run in runs:
        key = (run.sweep, run.dataset, run.model, run.id)
        if key not in furthest or _progress(run) > _progress(furthest[key]):
            furthest[key] = run
    kept = {id(run) for run in furthest.values()}
    copies = []
    for run in runs:
        if id(run) not in kept:
            other = "another result" if run.id in in_conflict else "another copy"
            copies.append(Unreadable(run.folder, f"{other} of run {run.id} is used"))
    return [run for run in runs if id(run) in kept], copies


def _progress(run: Run) -> tuple[bool, int]:
    return run.finished, len(run.epochs)
