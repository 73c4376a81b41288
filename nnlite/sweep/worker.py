"""One trial's life: take the lock, go on where an earlier attempt stopped, train, write everything down, end.

A trial never raises: whatever happens becomes the `end` of its log and the `Outcome` that the runner is told. An
epoch's line is written before its weights and its checkpoint, so that the checkpoint is never ahead of the log; after a
crash in between, the resumed run repeats that epoch, to the bit, and its line supersedes the first. A trial that stops
below its budget is pruned: its checkpoint is of that very epoch, and a later task takes it up again from there.
"""

import json
import math
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nnlite.errors import BusyError, InputError
from nnlite.images import grid, read_png, write_gif, write_png
from nnlite.models import (
    ClassifierHyperparameters,
    ClassifierTraining,
    Epoch,
    GanHyperparameters,
    GanTraining,
    Training,
)
from nnlite.models.training import Examination, nested, part_of
from nnlite.nn import load_arrays, save_arrays
from nnlite.nn.weights import Arrays
from nnlite.runs import LogWriter, Run, RunFolder, read_run, why_unusable
from nnlite.runs.history import Status
from nnlite.runs.log import SCHEMA
from nnlite.runs.quantities import number
from nnlite.sweep.blame import is_the_systems, reason_of
from nnlite.sweep.environment import describe_environment, limit_threads
from nnlite.sweep.strategy import Bars, Task, is_met
from nnlite.sweep.trials import Trial

CHECKPOINT_SECONDS = 5.0  # what a crash costs at most, beside the epoch it interrupts
SAMPLE_COLUMNS = 10
MISTAKE_COLUMNS = 5
ANIMATION_SECONDS = 5.0
MOST_FRAMES = 100  # more would be faster than the eye
MOST_ANIMATION_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended: with a run's status, or "busy" if another process is training it.

    "interrupted" if the system is at fault: every other trial would end in the same way, here and now.

    A plan also knows "skipped": the strategy has ended without asking for the trial.
    """

    status: Status | Literal["busy", "skipped"]
    error: str = ""


def make_training(trial: Trial) -> Training:
    """The training that `trial` describes."""
    match trial.config:
        case ClassifierHyperparameters():
            return ClassifierTraining(trial.config, trial.dataset, trial.seed)
        case GanHyperparameters():
            return GanTraining(trial.config, trial.dataset, trial.seed)
    raise AssertionError(trial.model)


def run_trial(trial: Trial, folder: RunFolder, context: dict[str, Any]) -> Outcome:
    """Train `trial` in `folder` to the end of its budget; see `run_task`."""
    return run_task(Task(trial, trial.config.epochs), folder, context)


def run_task(
    task: Task,
    folder: RunFolder,
    context: dict[str, Any],
    make: Callable[[Trial], Training] = make_training,
) -> Outcome:
    """Carry out `task` in `folder`, unless that has been done.

    Args:
        task: what to train, and how far.
        folder: where its trial leaves its files.
        context: further fields of the start or resume event, such as the sweep file's path.
        make: makes the trial's training.
    """
    try:
        with LogWriter(folder.log) as log, limit_threads():
            try:
                return _Life(task, folder, log, context, make).live()
            except BaseException as error:  # noqa: BLE001 - a trial's failure, even a SystemExit, costs that trial alone
                outcome = outcome_of(error)
                if not log.is_empty:  # else it could not even be begun, and is still to be
                    log.write("end", status=outcome.status, error=outcome.error, traceback=traceback.format_exc())
                return outcome
    except BusyError:
        return Outcome("busy", "another process is training it")
    except BaseException as error:  # noqa: BLE001 - as above; the log itself could not be written
        return outcome_of(error)


def outcome_of(error: BaseException) -> Outcome:
    """How a task ends that `error` kept from going on."""
    return Outcome("interrupted" if is_the_systems(error) else "failed", reason_of(error))


class _Life:
    """The parts of a trial's life, in order."""

    def __init__(
        self,
        task: Task,
        folder: RunFolder,
        log: LogWriter,
        context: dict[str, Any],
        make: Callable[[Trial], Training],
    ) -> None:
        self.task = task
        self.trial = task.trial
        self.folder = folder
        self.log = log
        self.context = context
        self.make = make
        self.epochs = 0  # trained so far
        self.seconds = 0.0  # that they took together
        self.bars = Bars(task)
        self.best: tuple[int, float] | None = None  # epoch and value; not a number where it was not measured
        self.best_weights: Arrays = {}

    def live(self) -> Outcome:
        earlier = read_run(self.folder)
        if not why_unusable(earlier) and is_met(self.task, earlier):
            return Outcome(earlier.status, earlier.error)
        if earlier.start:
            self.folder.remove_leftovers()
        training = self._go_on(earlier) or self._start(earlier)
        saved = time.perf_counter()
        stop = self._stop()
        for epoch in training.epochs() if not stop else ():
            counts = {} if epoch.class_counts is None else {"class_counts": epoch.class_counts}
            line = {"epoch": epoch.number, **epoch.metrics, **counts}
            self._count(line)
            self.log.write("epoch", **line)
            if not all(math.isfinite(value) for value in epoch.metrics.values()):
                error = f"{_first_not_finite(epoch)} is not finite after epoch {epoch.number}"
                return self._end("diverged", error)
            self._keep_best(training, epoch)
            self._keep_samples(epoch)
            stop = self._stop()
            is_last = stop or epoch.number == self.trial.config.epochs
            if is_last or time.perf_counter() - saved > CHECKPOINT_SECONDS:
                self._save_checkpoint(training, epoch.number)
                saved = time.perf_counter()
            if stop:
                break
        if stop:
            return self._end("pruned", stop)
        self._animate()
        score = training.score(self.best_weights)
        return self._end("completed", scores=score.metrics, test=self._examined(score.examination))

    def _stop(self) -> str:
        """Why the trial stops here, below its budget; empty if it does not."""
        epochs, budget = self.epochs, self.trial.config.epochs
        if epochs >= budget:
            return ""
        where = f"stopped after epoch {epochs} of {budget}"
        if missed := self.bars.missed:
            objective = self.trial.objective
            bar = f"{objective.metric} {number(self.task.bars[missed])}"
            return f"{where}: by epoch {missed} it had not reached {bar}"
        return f"{where}, as far as it was to be trained" if epochs >= self.task.until else ""

    def _examined(self, examination: Examination | None) -> dict[str, Any]:
        """What became of the test images, class by class; the most confidently wrong ones go into a picture."""
        if examination is None:
            return {}
        if examination.mistakes:
            write_png(self.folder.mistakes, grid(examination.images, MISTAKE_COLUMNS))
        return {"confusion": examination.confusion, "mistakes": [asdict(each) for each in examination.mistakes]}

    def _end(
        self,
        status: Status,
        error: str = "",
        scores: dict[str, float] | None = None,
        test: dict[str, Any] | None = None,
    ) -> Outcome:
        said: dict[str, Any] = ({"error": error} if error else {}) | ({"test": test} if test else {})
        self.log.write("end", status=status, **said, metrics=self._summary() | (scores or {}))
        return Outcome(status, error)

    def _start(self, earlier: Run) -> Training:
        # The event comes first: a training that cannot even be set up has failed as what it was to be.
        self.log.write("start", **self._start_fields(), attempt=earlier.failures + 1)
        return self.make(self.trial)

    def _go_on(self, earlier: Run) -> Training | None:
        """The training as its checkpoint left it; None if there is none that is whole and fits the log."""
        checkpoint = self._load_checkpoint(earlier)
        if checkpoint is None:
            return None
        epoch, state = checkpoint
        training = self.make(self.trial)
        try:
            training.restore(part_of(state, "training"))
        except (InputError, KeyError, ValueError):
            return None
        for line in earlier.epochs[:epoch]:
            self._count(line)
            self._consider(line["epoch"], line)
        # The file may be of an epoch beyond the checkpoint, or of none.
        self.best_weights = part_of(state, "best")
        save_arrays(self.folder.best, self.best_weights)
        self.log.write(
            "resume",
            epoch=epoch,
            epochs=self.trial.config.epochs,
            attempt=earlier.failures + 1,
            **self.context,
            **describe_environment(),
        )
        return training

    def _start_fields(self) -> dict[str, Any]:
        trial = self.trial
        return {
            "schema": SCHEMA,
            "run": trial.id,
            "sweep": trial.sweep,
            "model": trial.model,
            "dataset": trial.dataset.name,
            "dataset_checksum": trial.dataset.checksum,
            "config": trial.config.model_dump(mode="json"),
            "seed": trial.seed,
            "objective": asdict(trial.objective),
            "swept": list(trial.swept),
            **self.context,
            **describe_environment(),
        }

    def _count(self, line: dict[str, Any]) -> None:
        """Take in an epoch that was trained."""
        self.epochs += 1
        self.seconds += line.get("seconds") or 0.0
        self.bars.pass_by(line)

    def _consider(self, epoch: int, metrics: dict[str, Any]) -> bool:
        """Whether this epoch is the best so far; as long as the objective was never measured, the last one is."""
        value = metrics.get(self.trial.objective.metric)
        unmeasured = self.best is None or math.isnan(self.best[1])
        if not isinstance(value, int | float):
            if unmeasured:
                self.best = (epoch, math.nan)
            return unmeasured
        if self.best is None or unmeasured or self.trial.objective.is_better(value, self.best[1]):
            self.best = (epoch, value)
            return True
        return False

    def _keep_best(self, training: Training, epoch: Epoch) -> None:
        if self._consider(epoch.number, epoch.metrics):
            self.best_weights = training.weights()
            save_arrays(self.folder.best, self.best_weights)

    def _keep_samples(self, epoch: Epoch) -> None:
        if epoch.samples is not None:
            self.folder.samples.mkdir(exist_ok=True)
            write_png(self.folder.sample(epoch.number), grid(epoch.samples, SAMPLE_COLUMNS))

    def _animate(self) -> None:
        pictures = [self.folder.sample(epoch) for epoch in range(1, self.trial.config.epochs + 1)]
        pictures = [path for path in pictures if path.exists() and _is_picture(path)]
        pictures = pictures[:: -max(1, -(-len(pictures) // MOST_FRAMES))][::-1]  # the last is among them
        if len(pictures) > 1:
            write_gif(
                self.folder.animation,
                [read_png(path) for path in pictures],
                seconds_per_frame=ANIMATION_SECONDS / len(pictures),
                captions=[f"epoch {int(path.stem.removeprefix('epoch_'))}" for path in pictures],
                most_bytes=MOST_ANIMATION_BYTES,
            )

    def _save_checkpoint(self, training: Training, epoch: int) -> None:
        identity = json.dumps({"schema": SCHEMA, "run": self.trial.id, "epoch": epoch})
        arrays = nested(training=training.state(), best=self.best_weights)
        self.log.sync()  # or a power failure could leave the checkpoint ahead of the log
        save_arrays(self.folder.checkpoint, {**arrays, "identity": np.array(identity)})

    def _load_checkpoint(self, earlier: Run) -> tuple[int, dict[str, Any]] | None:
        """Epoch and state of the checkpoint, if it is of this trial and the log has every epoch up to it."""
        if why_unusable(earlier):
            return None
        try:
            state = load_arrays(self.folder.checkpoint)
            identity = json.loads(str(state.pop("identity")))
        except (InputError, KeyError, ValueError):
            return None  # missing or damaged: training starts over, and the log says so with a new start
        logged = [line["epoch"] for line in earlier.epochs]
        epoch = identity.get("epoch", 0) if isinstance(identity, dict) else 0
        fits = identity == {"schema": SCHEMA, "run": self.trial.id, "epoch": epoch}
        # What a file says may be any number: it is compared before so long a list is made.
        whole = isinstance(epoch, int) and 0 <= epoch <= len(logged) and logged[:epoch] == list(range(1, epoch + 1))
        return (epoch, state) if fits and whole else None

    def _summary(self) -> dict[str, float]:
        best: dict[str, float] = {}
        if self.best is not None:
            best["best_epoch"] = self.best[0]
            if math.isfinite(self.best[1]):
                best[self.trial.objective.metric] = self.best[1]
        return {**best, "epochs": self.epochs, "total_seconds": self.seconds}


def _is_picture(path: Path) -> bool:
    """Whether a sample that an earlier attempt has left can be shown."""
    try:
        read_png(path)
    except (OSError, ValueError):
        return False
    return True


def _first_not_finite(epoch: Epoch) -> str:
    return next(name for name, value in epoch.metrics.items() if not math.isfinite(value))
