"""The arithmetic of progress: how fast a run trains, how long the rest takes, and a curve in a few characters."""

import heapq
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import fmean, median

from nnlite.runs import Run

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-=+*#@"
WIDE_RANGE = 20.0  # the ratio of largest to smallest from which a curve of positive values is drawn by its logarithm
RECENT = 10  # epochs that tell a run's present speed
MOST_COMPARED = 64  # configurations whose speed is remembered
MOST_ASKED = 256  # waiting trials that are estimated one by one; more of them are told from so many

Point = frozenset[tuple[str, str]]


def sparkline(values: Sequence[float], width: int, blocks: str = BLOCKS) -> str:
    """The curve of `values`, at most `width` characters wide: the lowest value is the lowest block.

    A curve longer than that is averaged piece by piece. One that falls or rises by orders of magnitude, as a Fréchet
    distance does, is drawn by its logarithm, or nothing could be told of its end.
    """
    points = [value for value in values if math.isfinite(value)]
    if not points or width < 1:
        return ""
    if min(points) > 0 and max(points) / min(points) > WIDE_RANGE:
        points = [math.log(value) for value in points]
    if len(points) > width:
        edges = [round(piece * len(points) / width) for piece in range(width + 1)]
        points = [fmean(points[begin:end]) for begin, end in pairwise(edges)]
    low, high = min(points), max(points)
    if high == low:
        return blocks[len(blocks) // 2] * len(points)
    # Divided first: the difference of two large numbers may be too large for a float.
    span = high / 2 - low / 2
    return "".join(blocks[min(len(blocks) - 1, int((value / 2 - low / 2) / span * len(blocks)))] for value in points)


def moment(event: object) -> float | None:
    """When a line was logged, in seconds since 1970; None if it does not say."""
    try:
        return datetime.fromisoformat(str(event["time"])).timestamp()  # type: ignore[index]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def epoch_seconds(run: Run) -> float | None:
    """Wall time of an epoch of `run`, by when the lines of its log were written; None before the first epoch.

    It is the median over the latest epochs, so that a pause, or a resume after days, does not count; what a run that
    has come to its end took beside its epochs, scoring its test images say, is spread over them.
    """
    epochs = run.epochs[-RECENT:]
    lines = [*([run.start] if len(epochs) == len(run.epochs) else []), *epochs]
    moments = [each for line in lines if (each := moment(line)) is not None]
    steps = [after - before for before, after in pairwise(moments) if after >= before]
    if not steps or not epochs:
        return None
    end = moment(run.end) if run.finished else None
    tail = max(0.0, end - moments[-1]) if end is not None else 0.0
    return median(steps) + tail / len(run.epochs)


def seconds_left_of(run: Run, until: int, now: float) -> float | None:
    """How long `run` still takes to its epoch `until`, at its present speed; None before its first epoch."""
    step = epoch_seconds(run)
    if step is None:
        return None
    left = max(0, until - len(run.epochs))
    since = now - (moment(run.epochs[-1]) or now)
    return max(0.0, left * step - min(max(0.0, since), step))


def seconds_left(running: Iterable[float], waiting: Iterable[float], lanes: int) -> float:
    """How long until all trials have been trained, `lanes` at a time.

    Args:
        running: seconds that are left of each trial that is training.
        waiting: seconds that each of the others will take, in the order in which they start.
        lanes: how many train at a time, at least 1.
    """
    ends = sorted(running)
    ends = [0.0] * (lanes - len(ends)) + ends
    heapq.heapify(ends)
    for seconds in waiting:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)


class Pace:
    """How long an epoch takes, by configuration: of one that was not measured, as of those most like it."""

    def __init__(self) -> None:
        self._measured: dict[Point, float] = {}

    def measured(self, point: Point, seconds: float) -> None:
        """Remember that an epoch of the configuration `point` takes so long."""
        self._measured.pop(point, None)
        self._measured[point] = seconds
        if len(self._measured) > MOST_COMPARED:
            del self._measured[next(iter(self._measured))]

    def expected(self, point: Point) -> float | None:
        """Seconds an epoch of `point` is expected to take: the mean over those that share most of it."""
        if not self._measured:
            return None
        if point in self._measured:
            return self._measured[point]
        shared = {each: len(point & each) for each in self._measured}
        most = max(shared.values())
        return fmean(self._measured[each] for each, count in shared.items() if count == most)

    def expected_all(self, waiting: Sequence[tuple[Point, int]]) -> list[float] | None:
        """Seconds that each of the `waiting` trials, a configuration and its epochs, is expected to take."""
        if not self._measured:
            return None
        known: dict[Point, float | None] = {}
        every = -(-len(waiting) // MOST_ASKED)
        for point, _ in waiting[::every] if every else ():
            if point not in known:
                known[point] = self.expected(point)
        steps = [step for step in known.values() if step is not None]
        usual = fmean(steps) if steps else 0.0
        return [(known.get(point) or usual) * epochs for point, epochs in waiting]
