"""A collection: the runs that a question or a report is about, each once, and the folders that tell nothing.

It is read from a run's folder, a sweep's, or a folder of sweeps. A log that cannot be read, or was written by something
else, costs itself alone; a run that lies in two places (experiments merged by copying) is taken from where it got on
furthest.
"""

from dataclasses import dataclass
from pathlib import Path

from nnlite.errors import InputError, NothingFoundError
from nnlite.runs import Run, Unreadable, read_runs


@dataclass(frozen=True)
class Collection:
    """The readable runs by path, at least one, and what was left out."""

    root: Path
    runs: list[Run]
    left_out: list[Unreadable]


def collect(root: Path) -> Collection:
    """Read every run at or below `root`.

    Raises:
        InputError: `root` does not exist.
        NothingFoundError: it holds no readable run.
    """
    if not root.exists():
        raise InputError(f"{root} does not exist: give a run's folder, a sweep's folder or a folder of sweeps")
    found, left_out = read_runs(root)
    runs: list[Run] = []
    for run in found:
        if reason := _foreign(run):
            left_out.append(Unreadable(run.folder, reason))
        else:
            runs.append(run)
    runs, copies = _once(runs)
    left_out.extend(copies)
    left_out.sort(key=lambda each: each.folder)
    if not runs:
        why = f" that can be read; {left_out[0].folder.log}: {left_out[0].reason}" if left_out else ""
        raise NothingFoundError(f"{root} holds no run{why}: `nnlite sweep` and `nnlite train` make runs")
    return Collection(root, runs, left_out)


def _foreign(run: Run) -> str:
    """Why the start event is not one of nnlite's, or an empty string."""
    seed = run.start.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        return f"its seed is {seed!r:.40}, not a whole number"
    if not isinstance(run.start.get("config"), dict):
        return "its start event has no config"
    return ""


def _once(runs: list[Run]) -> tuple[list[Run], list[Unreadable]]:
    furthest: dict[tuple[str, str, str, str], Run] = {}
    for run in runs:
        key = (run.sweep, run.dataset, run.model, run.id)
        if key not in furthest or _progress(run) > _progress(furthest[key]):
            furthest[key] = run
    kept = {id(run) for run in furthest.values()}
    copies = [Unreadable(run.folder, f"another copy of run {run.id} is used") for run in runs if id(run) not in kept]
    return [run for run in runs if id(run) in kept], copies


def _progress(run: Run) -> tuple[bool, int]:
    return run.finished, len(run.epochs)
