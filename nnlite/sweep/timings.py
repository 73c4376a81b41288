"""Timings: what an epoch of a kind of trial takes on this machine, from logs or from measuring pieces of epochs.

Trials are of one kind if they cost the same: they differ in seeds, learning rates and the like alone.
"""

import contextlib
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import fmean, median, pstdev
from typing import Any, Literal

from joblib.externals.loky.process_executor import ProcessPoolExecutor
from pydantic import ValidationError

from nnlite.data import Dataset
from nnlite.errors import Stopped
from nnlite.models import HYPERPARAMETERS, Hyperparameters
from nnlite.models.reference import REFERENCE, is_prepared, save_stand_in
from nnlite.runs import Run, RunFolder, find_runs, read_run, why_unusable
from nnlite.runs.fingerprint import discrepancies, fingerprint
from nnlite.scratch import scratch
from nnlite.sweep.environment import describe_environment, worker_variables
from nnlite.sweep.measure import MEASURED, Measurement, measure
from nnlite.sweep.runner import NEWS_SECONDS
from nnlite.sweep.signals import StopRequest, held_back_signals, stop_requests
from nnlite.sweep.trials import Trial

# What changes how a network learns, but not how long an epoch takes; of the latter it counts whether there is any.
COSTLESS = frozenset(
    (
        "epochs",
        "learning_rate",
        "generator_lr",
        "discriminator_lr",
        "beta1",
        "lr_schedule",
        "lr_decay",
        "lr_decay_epochs",
        "lr_milestones",
        "discriminator_lr_milestones",
    )
)
ALL_OR_NOTHING = ("momentum", "weight_decay", "instance_noise", "gradient_penalty", "feature_matching")

MOST_LOGS = 200  # the latest are the likeliest to be of this machine and this code
PIECE_SECONDS = 0.3
MEASURING_SECONDS = 12.0  # then what is still being measured is given up

# How far off, at least, a time may be: by another day's load, or by what a piece of an epoch does not show.
LOGGED_ERROR = 0.05
MEASURED_ERROR = 0.12

Kind = Hyperparameters  # with its costless fields at their defaults


@dataclass(frozen=True)
class Timing:
    """What one kind of trial takes.

    Attributes:
        epoch_seconds: an epoch.
        trial_seconds: what a trial does once.
        error: how far off that may be, relative to it.
        source: where it is from.
    """

    epoch_seconds: float
    trial_seconds: float
    error: float
    source: Literal["logged", "measured", "fitted"]


@dataclass(frozen=True)
class Measured:
    """What measuring brought: a timing for each kind that was done in time, a worker's memory, and its start."""

    timings: dict[Kind, Timing]
    memory: int
    start_seconds: float


def kind_of(config: Hyperparameters) -> Kind:
    """What all configurations that cost the same have in common."""
    fields = type(config).model_fields
    same: dict[str, Any] = {name: fields[name].default for name in COSTLESS & fields.keys()}
    same |= {name: 0.5 for name in ALL_OR_NOTHING if getattr(config, name, 0.0)}
    return config.model_copy(update=same)


def logged_timings(experiments: Path, dataset: Dataset) -> dict[Kind, Timing]:
    """By the logs of runs on `dataset` that this machine, with this fingerprint, has trained lately."""
    here = describe_environment()
    found: dict[Kind, list[tuple[float, float]]] = {}
    for folder in _latest(find_runs(experiments)):
        try:
            run = read_run(folder)
        except OSError:
            continue
        kind = None if why_unusable(run) else _kind_of_run(run)
        seconds = [each for line in run.epochs if isinstance(each := line.get("seconds"), float) and each > 0]
        if kind and seconds and run.start.get("dataset_checksum") == dataset.checksum and _is_from(run, here):
            found.setdefault(kind, []).append(_times(run, seconds))
    return {kind: _timing(times) for kind, times in found.items()}


def measured_timings(trials: Sequence[Trial], together: int) -> Measured:
    """Measure one trial of each kind, as many at a time as will train together; what comes too late is left out.

    Nothing is trained, cached or logged: a GAN whose judge is not there yet is measured with an untrained one.

    Raises:
        Stopped: SIGINT, SIGTERM or SIGHUP arrived.
    """
    with scratch("measure", rf"({MEASURED})|reference/({REFERENCE})?") as folder, stop_requests() as request:
        variables = worker_variables()
        for dataset in {trial.dataset for trial in trials if trial.model == "gan" and not is_prepared(trial.dataset)}:
            save_stand_in(dataset, folder)
            variables["NNLITE_CACHE"] = str(folder)
        began = time.perf_counter()
        # While the last ones are measured, the others are measured again: no worker shall have the machine alone.
        rounds = list(islice(cycle(trials), max(len(trials), together)))
        with held_back_signals():  # the workers, which this starts, inherit that until they are ready
            executor = ProcessPoolExecutor(together, env=variables)
            futures = {executor.submit(measure, trial, PIECE_SECONDS, folder): trial for trial in rounds}
        try:
            measured = _gather(futures, began, request)
        finally:
            executor.shutdown(wait=True, kill_workers=True)
        if request.signum:
            raise Stopped(request.signum)
        return measured


def _gather(futures: "dict[Future[Measurement], Trial]", began: float, request: StopRequest) -> Measured:
    results: dict[Kind, list[Measurement]] = {}
    start_seconds = 0.0
    pending = set(futures)
    while pending and not request.signum and time.perf_counter() - began < MEASURING_SECONDS:
        finished, pending = wait(pending, timeout=NEWS_SECONDS, return_when=FIRST_COMPLETED)
        for future in finished:
            if future.exception():
                continue  # too large for this machine's memory, say: training it will tell
            if not results:
                start_seconds = time.perf_counter() - began - future.result().own_seconds
            results.setdefault(kind_of(futures[future].config), []).append(future.result())
    timings = {
        kind: Timing(
            fmean(each.epoch_seconds for each in known),
            fmean(each.trial_seconds for each in known),
            max(MEASURED_ERROR, *(each.spread for each in known)),
            "measured",
        )
        for kind, known in results.items()
    }
    memory = max((each.memory for known in results.values() for each in known), default=0)
    return Measured(timings, memory, start_seconds)


def _latest(folders: Iterable[RunFolder]) -> list[RunFolder]:
    times: list[tuple[float, RunFolder]] = []
    for folder in folders:
        with contextlib.suppress(OSError):  # a link to nowhere
            times.append((folder.log.stat().st_mtime, folder))
    return [folder for _, folder in sorted(times, key=lambda each: each[0], reverse=True)[:MOST_LOGS]]


def _kind_of_run(run: Run) -> Kind | None:
    """The kind of a logged run; None if its configuration is not one of this version's."""
    fields = HYPERPARAMETERS.get(run.model)
    try:
        return kind_of(fields.model_validate(run.config)) if fields else None
    except ValidationError:
        return None


def _is_from(run: Run, here: dict[str, object]) -> bool:
    """Whether it was this machine: many are called the same, but not all have the same processor."""
    own = fingerprint(here)
    logged = fingerprint(run.start)
    return run.start.get("host") == here["host"] and "simd" in logged and not discrepancies(logged, own)


def _times(run: Run, seconds: list[float]) -> tuple[float, float]:
    """Seconds of an epoch, and of what is not in the epochs, so far as a run that never stopped tells it."""
    once = 0.0
    if run.status == "completed" and not run.resumes:
        with contextlib.suppress(KeyError, TypeError, ValueError):  # the log is somebody else's
            began, ended = (datetime.fromisoformat(event["time"]) for event in (run.start, run.end))
            once = max(0.0, (ended - began).total_seconds() - sum(seconds))
    return median(seconds), once


def _timing(times: list[tuple[float, float]]) -> Timing:
    epochs = [epoch for epoch, _ in times]
    mean = fmean(epochs)
    return Timing(mean, fmean(once for _, once in times), max(LOGGED_ERROR, pstdev(epochs) / mean), "logged")
