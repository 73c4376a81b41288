"""An estimate: how long a plan will take, how much disk and how much memory, before any of it is trained.

What a kind of trial takes is known from logs of this machine, or measured on pieces of epochs, the extreme kinds first.
The kinds that nobody has timed are read off a line through the others: seconds = a * updates + b * multiply-adds.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from nnlite.data import Dataset
from nnlite.images import grid, write_gif, write_png
from nnlite.models.cost import Cost, cost_of
from nnlite.models.gan import SHOWN
from nnlite.models.reference import SEED, is_prepared, recipe_for
from nnlite.runs.quantities import counted
from nnlite.scratch import scratch
from nnlite.sweep.order import dearest_first
from nnlite.sweep.timings import Kind, Timing, kind_of, logged_timings, measured_timings
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import SAMPLE_COLUMNS

MOST_MEASURED = 6  # kinds
FITTED_ERROR = 0.2  # of what is read off the line, at least
FRAMES = 4  # of the animation whose size is tried
START_BYTES = 2000  # of a log: its first event and its last
EPOCH_BYTES = 320  # of a log: an epoch's line


@dataclass(frozen=True)
class Remainder:
    """What is left of a trial: so many epochs."""

    trial: Trial
    epochs: int


@dataclass(frozen=True)
class Estimate:
    """What a plan will take.

    Attributes:
        seconds: from the first trial to the last; None if nothing could be timed.
        margin: how many seconds more or less it may be.
        workers: processes that train at a time.
        memory: bytes that one of them has resident at its peak; None if it could not be measured.
        disk: bytes of the files that the trials will leave.
        kinds: how many kinds of trials were timed from logs, by measuring, and by the line through the others.
    """

    seconds: float | None
    margin: float | None
    workers: int
    memory: int | None
    disk: int
    kinds: Mapping[Literal["logged", "measured", "fitted"], int]


def estimate(
    left: Sequence[Remainder], jobs: int, experiments: Path, announce: Callable[[str], None] = lambda _news: None
) -> Estimate:
    """What it will take to train `left`, at least one, all on the same dataset, `jobs` at a time.

    It takes some seconds, trains pieces of epochs in worker processes, and leaves nothing behind.

    Args:
        left: what is to be trained, in order.
        jobs: how many at a time.
        experiments: a folder whose runs may tell what an epoch takes.
        announce: is told what is measured.
    """
    dataset = left[0].trial.dataset
    judge = _training_of_judge(left, dataset)
    kinds: dict[Kind, Trial] = {}
    for each in [*judge, *left]:
        kinds.setdefault(kind_of(each.trial.config), each.trial)

    timings = logged_timings(experiments, dataset)
    costs = {kind: cost_of(kind, dataset) for kind in {**kinds, **timings}}
    chosen = _extremes([kind for kind in kinds if kind not in timings], costs)
    dearest = max(kinds, key=lambda kind: costs[kind].state)
    workers = min(jobs, len(left))
    together = min(workers, cpu_count())
    if dearest not in chosen:
        chosen.append(dearest)  # no log tells the memory
    announce(f"measuring {counted(len(chosen), 'configuration')}, to estimate time and memory")
    measured = measured_timings([kinds[kind] for kind in chosen], together)
    timings = measured.timings | timings
    for kind in kinds.keys() - timings.keys():
        alike = {known: timing for known, timing in timings.items() if type(known) is type(kind)}
        if line := _Line.through(alike, costs):
            timings[kind] = line.at(costs[kind])

    seconds = margin = None
    if kinds.keys() <= timings.keys():
        seconds, error = _time([*left], together, timings)
        first, first_error = _time(judge, 1, timings)
        seconds, margin = seconds + first + measured.start_seconds, error + first_error
    return Estimate(
        seconds=seconds,
        margin=margin,
        workers=workers,
        memory=measured.memory or None,
        disk=_disk(left, costs),
        kinds=Counter(timings[kind].source for kind in {_kind(each) for each in left} if kind in timings),
    )


def _kind(each: Remainder) -> Kind:
    return kind_of(each.trial.config)


def _training_of_judge(left: Sequence[Remainder], dataset: Dataset) -> list[Remainder]:
    """The reference classifier's training, if one of `left` is a GAN and its judge is not there yet."""
    gan = next((each.trial for each in left if each.trial.model == "gan"), None)
    if gan is None or is_prepared(dataset):
        return []
    recipe = recipe_for(dataset)
    return [Remainder(replace(gan, model="classifier", config=recipe, seed=SEED), recipe.epochs)]


def _extremes(kinds: Sequence[Kind], costs: Mapping[Kind, Cost]) -> list[Kind]:
    """So many kinds as can be measured, the cheapest first, then the dearest, then some between them."""
    ordered = sorted(kinds, key=lambda kind: costs[kind].multiply_adds)
    count = min(len(ordered), MOST_MEASURED)
    if count < 2:
        return ordered
    chosen = [ordered[round(place * (len(ordered) - 1) / (count - 1))] for place in range(count)]
    return [chosen[0], chosen[-1], *chosen[1:-1]]


@dataclass(frozen=True)
class _Line:
    """Seconds an epoch = a * updates + b * multiply-adds, as fits some timings best, each relative to its size."""

    slopes: NDArray[np.float64]
    trial_seconds: float
    error: float

    @classmethod
    def through(cls, timings: Mapping[Kind, Timing], costs: Mapping[Kind, Cost]) -> Self | None:
        """The line through timings of one model; None through none."""
        known = [(kind, timing) for kind, timing in timings.items() if timing.source != "fitted"]
        if not known:
            return None
        features = np.array([_features(costs[kind]) for kind, _ in known])
        relative = features / np.array([[timing.epoch_seconds] for _, timing in known])
        ones = np.ones(len(known))
        slopes = np.linalg.lstsq(relative, ones, rcond=None)[0]
        if len(known) < 2 or (slopes < 0).any():  # then by the multiply-adds alone
            slopes = np.array([0.0, np.linalg.lstsq(relative[:, 1:], ones, rcond=None)[0][0]])
        error = max(FITTED_ERROR, float(np.abs(relative @ slopes - 1).max()))
        return cls(slopes, max(timing.trial_seconds for _, timing in known), error)

    def at(self, cost: Cost) -> Timing:
        """What the line says of another kind."""
        seconds = float(np.array(_features(cost)) @ self.slopes)
        return Timing(seconds, self.trial_seconds, self.error, "fitted")


def _features(cost: Cost) -> tuple[float, float]:
    return cost.updates, cost.multiply_adds


def _time(left: Sequence[Remainder], together: int, timings: Mapping[Kind, Timing]) -> tuple[float, float]:
    """Seconds until the last of `left` is done, each begun as soon as one of `together` slots is free; and +-."""
    free = [0.0] * together
    total = error = 0.0

    def seconds_of(each: Remainder) -> float:
        timing = timings[_kind(each)]
        return each.epochs * timing.epoch_seconds + timing.trial_seconds

    for each in dearest_first(left, seconds_of):
        seconds = seconds_of(each)
        total += seconds
        error += seconds * timings[_kind(each)].error
        heapq.heapreplace(free, free[0] + seconds)
    longest = max(free)
    return longest, longest * error / total if total else 0.0


def _disk(left: Sequence[Remainder], costs: Mapping[Kind, Cost]) -> int:
    """Bytes of logs, checkpoints, best weights and samples."""
    frames = _sample_bytes(left[0].trial.dataset) if any(each.trial.model == "gan" for each in left) else 0
    total = 0
    for each in left:
        cost = costs[_kind(each)]
        total += START_BYTES + cost.weights + (cost.state + cost.weights)  # best.npz, and checkpoint.npz with its copy
        total += each.epochs * (EPOCH_BYTES + (frames if each.trial.model == "gan" else 0))
    return total


def _sample_bytes(dataset: Dataset) -> int:
    """What an epoch's samples add to a GAN's run, in its PNG and in the animation, if it draws as real images are."""
    images = dataset.split(0).train.images[: FRAMES * SHOWN].reshape(-1, *dataset.image_shape)
    frames = [grid(images[start : start + SHOWN], SAMPLE_COLUMNS) for start in range(0, len(images), SHOWN)]
    with scratch("measure", r"sample\.png|samples\.gif") as folder:
        png, gif = folder / "sample.png", folder / "samples.gif"
        write_png(png, frames[0])
        write_gif(gif, frames, captions=["epoch"] * len(frames))
        return png.stat().st_size + gif.stat().st_size // len(frames)
