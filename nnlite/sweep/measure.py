"""Measuring what a trial takes, on a piece of an epoch, in a worker process of its own.

A piece is an epoch over so few batches that it lasts a fraction of a second, with all that an epoch ends with: the
validation or the judging, the best weights and the samples on disk. What it takes grows with the batches alone.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nnlite.data import Subset
from nnlite.images import grid, write_gif, write_png
from nnlite.models import Epoch, Training
from nnlite.models.training import nested
from nnlite.nn import save_arrays
from nnlite.sweep.environment import limit_threads
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import SAMPLE_COLUMNS, make_training

WARM_UP = 4  # batches of the first piece, which is not counted
PIECES = 2  # that are counted
FRAMES = 3  # of the animation that is timed


@dataclass(frozen=True)
class Measurement:
    """What was measured of one trial.

    Attributes:
        epoch_seconds: of a whole epoch.
        trial_seconds: of what a trial does once: to be set up, scored and saved.
        spread: how far apart the pieces were, relative to their mean.
        memory: bytes that the worker had resident at its peak.
        own_seconds: that measuring took.
    """

    epoch_seconds: float
    trial_seconds: float
    spread: float
    memory: int
    own_seconds: float


# What `measure` writes, as `nnlite.scratch` wants it: each worker has a folder of its own.
MEASURED = r"tmp\w+/(best\.npz|checkpoint\.npz|sample\.png|samples\.gif)?"


def measure(trial: Trial, seconds: float, scratch: Path) -> Measurement:
    """Train `PIECES` pieces of an epoch of `trial`, each for about so many seconds.

    What it writes goes into the folder `scratch` of whoever has it measured: a worker may not live to clean up.
    """
    began = time.perf_counter()
    once = _Stopwatch()
    with limit_threads(), tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        # A budget of pieces: they are what `epochs` yields.
        config = trial.config.model_copy(update={"epochs": PIECES + 1})
        with once.running():
            training = make_training(replace(trial, config=config))
        whole = training.split.train
        batches = -(-len(whole) // config.batch_size)
        pieces = training.epochs()
        batch_seconds = []
        ends = []
        count = min(WARM_UP, batches)
        for number in range(PIECES + 1):
            training.split = replace(training.split, train=_some(whole, count * config.batch_size))
            epoch = next(pieces)
            in_batches = min(count * config.batch_size, len(whole)) / epoch.metrics["images_per_second"]
            keeping = _Stopwatch()
            with keeping.running():
                _keep(training, epoch, folder)
            if number:  # the first one was to warm up
                batch_seconds.append(in_batches / count)
                ends.append(epoch.metrics["seconds"] - in_batches + keeping.seconds)
            count = max(1, min(batches, round(seconds * count / in_batches)))
        with once.running():
            weights = training.weights()
            training.score(weights)
            save_arrays(folder / "checkpoint.npz", nested(training=training.state(), best=weights))
        once.seconds += _animation_seconds(epoch, folder) * trial.config.epochs
    mean = sum(batch_seconds) / PIECES
    return Measurement(
        epoch_seconds=mean * batches + sum(ends) / PIECES,
        trial_seconds=once.seconds,
        spread=(max(batch_seconds) - min(batch_seconds)) / mean,
        memory=peak_memory(),
        own_seconds=time.perf_counter() - began,
    )


def peak_memory() -> int:
    """Bytes that this process has had resident at its peak."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
        # Linux hands getrusage's figure on from the process that started this one.
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


class _Stopwatch:
    """Adds up seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time that the block takes."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started


def _some(subset: Subset, count: int) -> Subset:
    """So many of its images, from all over the file: neighbours would be faster to get at than those of an epoch."""
    count = min(count, len(subset))
    return replace(subset, indices=subset.indices[np.arange(count) * len(subset) // count])


def _keep(training: Training, epoch: Epoch, folder: Path) -> None:
    """Write what a trial writes after an epoch that is its best."""
    save_arrays(folder / "best.npz", training.weights())
    if epoch.samples is not None:
        write_png(folder / "sample.png", grid(epoch.samples, SAMPLE_COLUMNS))


def _animation_seconds(epoch: Epoch, folder: Path) -> float:
    """What a frame of the animation takes."""
    if epoch.samples is None:
        return 0.0
    stopwatch = _Stopwatch()
    with stopwatch.running():
        frames = [grid(epoch.samples, SAMPLE_COLUMNS)] * FRAMES
        write_gif(folder / "samples.gif", frames, captions=["epoch"] * FRAMES)
    return stopwatch.seconds / FRAMES
