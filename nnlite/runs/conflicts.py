"""Conflicts: runs of one id whose logs disagree on a number.

Folders of two machines merge by copying, since an id says what was trained. So a run may lie in two places, or a log
may hold an attempt of each machine. Where both tell the same numbers they are copies; where not, the training was not
repeatable (other kernels, other code), and somebody has to know.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from nnlite.runs.comparison import Difference, exactly, first_difference, first_parting
from nnlite.runs.fingerprint import discrepancies, fingerprint
from nnlite.runs.history import Run
from nnlite.runs.quantities import counted

MOST_LISTED = 6  # ids in a warning


@dataclass(frozen=True)
class Conflict:
    """Two results of the run `one`, with where they part first; `other` is `one` if a single log holds both."""

    one: Run
    other: Run
    difference: Difference

    @property
    def run(self) -> str:
        """The id that both have."""
        return self.one.id

    def __str__(self) -> str:
        values = exactly(self.difference.one), exactly(self.difference.other)
        if self.one is self.other:
            return f"{self.run}: {self.difference.place} is {values[0]} and later {values[1]} in {self.one.folder.log}"
        places = self.one.folder.path, self.other.folder.path
        told = f"{self.run}: {self.difference.place} is {values[0]} in {places[0]}, {values[1]} in {places[1]}"
        parts = discrepancies(fingerprint(self.one.start), fingerprint(self.other.start))
        why = ", ".join(f"{part.name} {part.one} and {part.other}" for part in parts)
        return f"{told} (trained under {why})" if why else told


def find_conflicts(runs: Iterable[Run]) -> list[Conflict]:
    """Every run whose log contradicts itself or a log of the same id, in the order given."""
    found: list[Conflict] = []
    firsts: dict[str, Run] = {}
    for run in runs:
        if run.contradiction:
            found.append(Conflict(run, run, run.contradiction))
        first = firsts.setdefault(run.id, run)
        if first is not run and (difference := _difference(first, run)):
            found.append(Conflict(first, run, difference))
    return found


def conflict_warning(conflicts: list[Conflict]) -> str:
    """One sentence about all of them, the first told in full; empty if there is none."""
    if not conflicts:
        return ""
    ids = list(dict.fromkeys(conflict.run for conflict in conflicts))
    more = f" and {len(ids) - MOST_LISTED} more" if len(ids) > MOST_LISTED else ""
    others = f"; likewise {', '.join(ids[1:MOST_LISTED])}{more}" if len(ids) > 1 else ""
    count = f"{counted(len(ids), 'run')} with two results under one id"
    return f"conflict: {count}, of which only one can count: {conflicts[0]}{others}"


def _difference(one: Run, other: Run) -> Difference | None:
    """The first number that the runs do not share, in the epochs that both have."""
    if found := first_parting(one.epochs, other.epochs):
        return found
    if len(one.epochs) != len(other.epochs):
        return None  # a summary is of all epochs
    return first_difference(0, one.end.get("metrics"), other.end.get("metrics"))
