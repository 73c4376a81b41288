"""The display of any folder of runs, fed by their logs alone: it holds no lock, asks no driver and disturbs nobody.

What is known is what has been begun: trials that a sweep has not started yet are in no log, so a time that is left is
a lower bound.
"""

import errno
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nnlite.errors import InputError
from nnlite.runs import FollowedRun, Metric, Run, RunFolder, find_runs, skim_run, why_unusable
from nnlite.sweep.display.screens import Screen
from nnlite.sweep.display.standing import (
    BAD,
    SHOWN_ID,
    Best,
    Row,
    Standing,
    best_of,
    better,
    end_text,
    objective_of,
    row_of,
)
from nnlite.sweep.signals import stop_requests
from nnlite.sweep.trials import describe

LOOK_SECONDS = 0.25  # how often the logs of running trials are read
SEARCH_SECONDS = 1.0  # how often the folder is searched for others, unless that takes long
SEARCHING_SHARE = 0.1  # of the time may be spent with that
QUIET_SECONDS = 10.0  # between two trials, nothing may be running for a moment


def watch(root: Path, screen: Screen, *, quiet_seconds: float = QUIET_SECONDS) -> int:
    """Show on `screen` how the runs at or below `root` go, until nothing has been running for `quiet_seconds`.

    If nothing is running yet, that is said, and waited for.

    Returns:
        0, or the number of the signal that ended it.

    Raises:
        InputError: there is no such folder.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    folder = WatchedFolder(root)
    with stop_requests() as request, screen:
        folder.look()  # what has happened so far is no news
        if not folder.running:
            screen.tell(f"nothing is running in {root} yet; Ctrl-C ends the waiting")
        seen, last = folder.running, time.monotonic()
        while not request.signum and (not seen or time.monotonic() - last < quiet_seconds):
            screen.show(folder.standings)
            time.sleep(LOOK_SECONDS)
            happened = folder.look()
            for news in happened:
                screen.tell(news.line, bad=news.bad, passing=news.passing)
            if folder.running or happened:  # a trial may begin and end between two looks
                seen, last = True, time.monotonic()
        screen.conclude(folder.standings())
        if not request.signum:
            screen.tell(f"nothing is running in {root} any more")
    return request.signum


@dataclass(frozen=True)
class News:
    """Something that has happened: as a line, whether it is bad, and whether a picture shows it anyway."""

    line: str
    bad: bool = False
    passing: bool = False


@dataclass
class _Known:
    """A run, as far as it has to be remembered."""

    folder: RunFolder
    stamp: tuple[int, int] = (-1, -1)
    followed: FollowedRun | None = None  # while it is running
    sweep: str = ""
    status: str = ""
    epochs: int = 0
    budget: int = 0
    row: Row | None = None
    best: Best | None = None

    def look(self) -> Run:
        """Read what is new.

        Raises:
            OSError: there is no log, or it cannot be read.
        """
        found = self.folder.log.stat()
        self.stamp = (found.st_size, found.st_mtime_ns)
        run = self.followed.read() if self.followed else skim_run(self.folder)
        if why_unusable(run) and run.status != "running":
            raise OSError(errno.EINVAL, why_unusable(run))
        if run.status == "running":
            self.followed = self.followed or FollowedRun(self.folder)
        else:
            self.followed = None
        self.sweep, self.status, self.epochs = run.sweep, run.status, len(run.epochs)
        budget = run.config.get("epochs")
        self.budget = budget if isinstance(budget, int) else self.epochs
        metric, label = _objective(run), label_of(run)
        self.row = row_of(run.id, label, metric, run, self.budget, time.time()) if self.followed else None
        self.best = best_of(run.id, label, metric, run) if run.status in ("completed", "pruned", "running") else None
        return run


class WatchedFolder:
    """The runs at or below `root`, looked at again and again; one that has ended is read no more until it changes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, _Known] = {}
        self._next_search = 0.0
        self._first = True

    @property
    def running(self) -> bool:
        """Whether anything was running at the last look."""
        return any(each.followed for each in self._known.values())

    def look(self) -> list[News]:
        """Look at the logs; what has happened since the look before."""
        news = [each for known in self._to_read() for each in self._read(known)]
        self._first = False
        return news

    def standings(self) -> list[Standing]:
        """How each sweep stood at the last look, those first whose runs were begun last."""
        sweeps: dict[tuple[Path, str], list[_Known]] = {}
        for each in self._known.values():
            sweeps.setdefault((each.folder.path.parent, each.sweep), []).append(each)
        return [_standing(name, runs) for (_, name), runs in sorted(sweeps.items())]

    def _to_read(self) -> Iterator[_Known]:
        began = time.monotonic()
        if began < self._next_search:
            yield from [each for each in self._known.values() if each.followed]
            return
        found = {folder.path: folder for folder in find_runs(self._root)}
        self._known = {path: self._known.get(path) or _Known(folder) for path, folder in found.items()}
        yield from [each for each in self._known.values() if each.followed or _has_changed(each)]
        took = time.monotonic() - began
        self._next_search = began + max(SEARCH_SECONDS, took / SEARCHING_SHARE)

    def _read(self, known: _Known) -> Iterator[News]:
        before, is_new = known.status, not known.status
        was_running = known.followed is not None
        try:
            run = known.look()
        except OSError:
            known.status, known.followed = known.status or "failed", None
            return
        if self._first:
            return
        name = f"{run.id[:SHOWN_ID]} {label_of(run)}"
        if known.followed and not was_running:
            verb = f"goes on after epoch {known.epochs} of" if known.epochs else "started, epochs:"
            yield News(f"{name}: {verb} {known.budget}", passing=True)
        elif not known.followed and (was_running or is_new or before != run.status):
            yield News(f"{name}: {end_text(run.status, run.error, _objective(run), run)}", bad=run.status in BAD)


def label_of(run: Run) -> str:
    """What sets a run apart in its sweep, by its log."""
    swept = run.start.get("swept")
    return describe(run.config, [str(each) for each in swept] if isinstance(swept, list) else [], run.seed)


def _objective(run: Run) -> Metric:
    chosen = run.start.get("objective")
    chosen = chosen if isinstance(chosen, dict) else {}
    return objective_of(str(chosen.get("metric", "val_acc")), str(chosen.get("direction", "maximize")))


def _has_changed(known: _Known) -> bool:
    try:
        found = known.folder.log.stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns) != known.stamp


def _standing(name: str, runs: Iterable[_Known]) -> Standing:
    runs = list(runs)
    rows = [each.row for each in runs if each.row]
    best = None
    for each in runs:
        best = better(best, each.best)
    # What ended early leaves nothing to wait for.
    over = [each.status in ("completed", "pruned", "diverged", "failed") for each in runs]
    left = [row.seconds_left for row in rows if row.seconds_left is not None]
    return Standing(
        name=name,
        rows=rows,
        counts=Counter(each.status for each in runs if each.status),
        epochs=sum(
            each.budget if ended else min(each.epochs, each.budget) for each, ended in zip(runs, over, strict=True)
        ),
        all_epochs=sum(each.budget for each in runs),
        best=best,
        left=max(left) if left else None,
        scope="the trials begun",
    )
