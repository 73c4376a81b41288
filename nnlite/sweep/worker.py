"""One trial's life: take the lock, go on where an earlier attempt stopped, train, write everything down, end.

A trial never raises: whatever happens becomes the `end` of its log and the `Outcome` that the runner is told. An
epoch's line is written before its weights and its checkpoint, so that the checkpoint is never ahead of the log; after a
crash in between, the resumed run repeats that epoch, to the bit, and its line supersedes the first.
"""

import json
import math
import time
import traceback
from dataclasses import asdict, dataclass
from typing import Any

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
from nnlite.models.training import nested, part_of
from nnlite.nn import load_arrays, save_arrays
from nnlite.nn.weights import Arrays
from nnlite.runs import LogWriter, Run, RunFolder, read_run
from nnlite.runs.history import Status
from nnlite.runs.log import SCHEMA
from nnlite.sweep.environment import describe_environment, limit_threads
from nnlite.sweep.trials import Trial

CHECKPOINT_SECONDS = 5.0  # what a crash costs at most, beside the epoch it interrupts
SAMPLE_COLUMNS = 10
ANIMATION_SECONDS = 5.0


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: with a status, or "busy" if another process is training it."""

    status: Status | str
    error: str = ""


def run_trial(trial: Trial, folder: RunFolder, context: dict[str, Any]) -> Outcome:
    """Train `trial` in `folder`, unless that has been done.

    Args:
        trial: what to train.
        folder: where it leaves its files.
        context: further fields of the start or resume event, such as the sweep file's path.
    """
    try:
        with LogWriter(folder.log) as log, limit_threads():
            try:
                return _Life(trial, folder, log, context).live()
            except BaseException as error:  # noqa: BLE001 - a trial's failure, even a SystemExit, costs that trial alone
                outcome = Outcome("failed", explain(error))
                log.write("end", status=outcome.status, error=outcome.error, traceback=traceback.format_exc())
                return outcome
    except BusyError:
        return Outcome("busy", "another process is training it")
    except BaseException as error:  # noqa: BLE001 - as above; the log itself could not be written
        return Outcome("failed", explain(error))


def is_done(run: Run, trial: Trial) -> bool:
    """Whether nothing is left to train: it ended by itself, within this budget or a larger one."""
    return run.finished and (run.status != "completed" or len(run.epochs) >= trial.config.epochs)


def explain(error: BaseException) -> str:
    """An exception as one line, without control characters."""
    line = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


class _Life:
    """The parts of a trial's life, in order."""

    def __init__(self, trial: Trial, folder: RunFolder, log: LogWriter, context: dict[str, Any]) -> None:
        self.trial = trial
        self.folder = folder
        self.log = log
        self.context = context
        self.epochs = 0  # trained so far
        self.seconds = 0.0  # that they took
        self.best: tuple[int, float] | None = None  # epoch and value; not a number where it was not measured
        self.best_weights: Arrays = {}

    def live(self) -> Outcome:
        earlier = read_run(self.folder)
        if is_done(earlier, self.trial):
            return Outcome(earlier.status)
        training = self._go_on(earlier) or self._start()
        saved = time.perf_counter()
        for epoch in training.epochs():
            self.epochs = epoch.number
            self.seconds += epoch.metrics["seconds"]
            self.log.write("epoch", epoch=epoch.number, **epoch.metrics)
            if not all(math.isfinite(value) for value in epoch.metrics.values()):
                error = f"{_first_not_finite(epoch)} is not finite after epoch {epoch.number}"
                self.log.write("end", status="diverged", error=error, metrics=self._summary())
                return Outcome("diverged", error)
            self._keep_best(training, epoch)
            self._keep_samples(epoch)
            if time.perf_counter() - saved > CHECKPOINT_SECONDS or epoch.number == self.trial.config.epochs:
                self._save_checkpoint(training, epoch.number)
                saved = time.perf_counter()
        self._animate()
        scores = training.score(self.best_weights)
        self.log.write("end", status="completed", metrics=self._summary() | scores)
        return Outcome("completed")

    def _start(self) -> Training:
        # The event comes first: a training that cannot even be set up has failed as what it was to be.
        self.log.write("start", **self._start_fields())
        return make_training(self.trial)

    def _go_on(self, earlier: Run) -> Training | None:
        """The training as its checkpoint left it; None if there is none that is whole and fits the log."""
        checkpoint = self._load_checkpoint(earlier)
        if checkpoint is None:
            return None
        epoch, state = checkpoint
        training = make_training(self.trial)
        try:
            training.restore(part_of(state, "training"))
        except (InputError, KeyError, ValueError):
            return None
        for line in earlier.epochs[:epoch]:
            self._consider(line["epoch"], line)
            self.seconds += line.get("seconds") or 0.0
        self.epochs = epoch
        # The file may be of an epoch beyond the checkpoint, or of none.
        self.best_weights = part_of(state, "best")
        save_arrays(self.folder.best, self.best_weights)
        self.log.write("resume", epoch=epoch, epochs=self.trial.config.epochs, **self.context, **describe_environment())
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
        pictures = [path for path in pictures if path.exists()]
        if len(pictures) > 1:
            write_gif(
                self.folder.animation,
                [read_png(path) for path in pictures],
                seconds_per_frame=ANIMATION_SECONDS / len(pictures),
                captions=[f"epoch {int(path.stem.removeprefix('epoch_'))}" for path in pictures],
            )

    def _save_checkpoint(self, training: Training, epoch: int) -> None:
        identity = json.dumps({"schema": SCHEMA, "run": self.trial.id, "epoch": epoch})
        arrays = nested(training=training.state(), best=self.best_weights)
        save_arrays(self.folder.checkpoint, {**arrays, "identity": np.array(identity)})

    def _load_checkpoint(self, earlier: Run) -> tuple[int, dict[str, Any]] | None:
        """Epoch and state of the checkpoint, if it is of this trial and the log has every epoch up to it."""
        if not earlier.start:
            return None
        try:
            state = load_arrays(self.folder.checkpoint)
            identity = json.loads(str(state.pop("identity")))
        except (InputError, KeyError, ValueError):
            return None  # missing or damaged: training starts over, and the log says so with a new start
        logged = [line["epoch"] for line in earlier.epochs]
        epoch = identity.get("epoch", 0) if isinstance(identity, dict) else 0
        fits = identity == {"schema": SCHEMA, "run": self.trial.id, "epoch": epoch}
        return (epoch, state) if fits and logged[:epoch] == list(range(1, epoch + 1)) else None

    def _summary(self) -> dict[str, float]:
        best: dict[str, float] = {}
        if self.best is not None:
            best["best_epoch"] = self.best[0]
            if math.isfinite(self.best[1]):
                best[self.trial.objective.metric] = self.best[1]
        return {**best, "epochs": self.epochs, "total_seconds": self.seconds}


def make_training(trial: Trial) -> Training:
    """The training that `trial` describes."""
    match trial.config:
        case ClassifierHyperparameters():
            return ClassifierTraining(trial.config, trial.dataset, trial.seed)
        case GanHyperparameters():
            return GanTraining(trial.config, trial.dataset, trial.seed)
    raise AssertionError(trial.model)


def _first_not_finite(epoch: Epoch) -> str:
    return next(name for name, value in epoch.metrics.items() if not math.isfinite(value))
