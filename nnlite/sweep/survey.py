"""A survey of a sweep's folder before anything trains: how each trial stands, and what else lies there.

A run of another id is there for a reason: the file names other values now, or a hyperparameter that it does not name
has another default than when the run was trained. The latter makes a trial new that one may think is done.
"""

import contextlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnlite.errors import InputError
from nnlite.models.hyperparameters import BUDGET, depends_on_budget
from nnlite.nn.weights import load_array
from nnlite.runs import Run, RunFolder, find_runs, read_run, why_unusable
from nnlite.sweep.plan import Plan
from nnlite.sweep.trials import Trial

State = Literal["done", "pruned", "failed", "diverged", "skipped", "to train", "to go on", "to start over"]
ENDED = ("done", "pruned", "failed", "diverged", "skipped")


@dataclass(frozen=True)
class Standing:
    """How one trial stands.

    Attributes:
        trial: which.
        state: what is there of it, and what a sweep will do.
        epochs: how many are trained, and need not be again.
        why: what to know beside it, such as the error that it failed with before.
    """

    trial: Trial
    state: State
    epochs: int
    why: str = ""

    @property
    def pending(self) -> bool:
        """Whether a sweep would take it up."""
        return self.state not in ENDED

    @property
    def epochs_left(self) -> int:
        """How many are to be trained; there may be none in a trial that was stopped before its last score."""
        return max(0, self.trial.config.epochs - self.epochs) if self.pending else 0


@dataclass(frozen=True)
class ChangedDefault:
    """A new trial that is an earlier run but for what the file leaves to the defaults.

    Attributes:
        trial: the new one.
        run: the earlier one.
        changes: for each hyperparameter that differs, what it was (None: there was no such) and what it is.
    """

    trial: Trial
    run: Run
    changes: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Survey:
    """What a sweep finds: its trials, the runs that are none of them, and the trials that a default made new."""

    standings: list[Standing]
    others: list[Run]
    changed: list[ChangedDefault]


def survey(plan: Plan, named: Collection[str]) -> Survey:
    """Look at what is in the folder of `plan`.

    Args:
        plan: whose trials.
        named: the hyperparameters to which the sweep file gives values; the others have their defaults.
    """
    pending = {trial.id for trial in plan.pending}
    skipped = {trial for trial, end in plan.ends.items() if end.status == "skipped"}
    standings = [
        Standing(trial, "skipped", 0, "the strategy ended without it")
        if trial.id in skipped
        else _standing(trial, plan.run_folder(trial), trial.id in pending)
        for trial in plan.trials
    ]
    ids = {trial.id for trial in plan.trials}
    others = list(_read(folder for folder in find_runs(plan.folder) if folder.name not in ids))
    new = [standing.trial for standing in standings if standing.state == "to train"]
    return Survey(standings, others, _changed_defaults(new, others, named))


def _read(folders: Iterable[RunFolder]) -> Iterator[Run]:
    """The runs that can be read, for they are only mentioned."""
    for folder in folders:
        with contextlib.suppress(OSError):
            run = read_run(folder)
            if not why_unusable(run):
                yield run


def _standing(trial: Trial, folder: RunFolder, pending: bool) -> Standing:
    if not folder.log.exists():
        return Standing(trial, "to train", 0)
    run = read_run(folder)
    if reason := why_unusable(run):
        return Standing(trial, "to start over", 0, reason)
    if not pending:
        state: State = run.status if run.status in ("pruned", "failed", "diverged") else "done"
        return Standing(trial, state, len(run.epochs), run.error)
    epochs = epochs_kept(run)
    why = f"{run.status} before{': ' + run.error if run.error else ''}" if run.status in ("failed", "diverged") else ""
    if epochs:
        return Standing(trial, "to go on", epochs, why)
    return Standing(trial, "to start over", 0, why or "it has no checkpoint")


def epochs_kept(run: Run) -> int:
    """After how many epochs the checkpoint was taken, if the log has them all; 0 if there is none to go on from."""
    try:
        identity = json.loads(str(load_array(run.folder.checkpoint, "identity")))
        epoch = identity["epoch"]
        own = identity["run"] == run.id
    except (InputError, KeyError, TypeError, ValueError):
        return 0
    logged = [line["epoch"] for line in run.epochs]
    whole = isinstance(epoch, int) and 0 <= epoch <= len(logged) and logged[:epoch] == list(range(1, epoch + 1))
    return epoch if own and whole else 0


def _changed_defaults(new: Sequence[Trial], others: Sequence[Run], named: Collection[str]) -> list[ChangedDefault]:
    """The trials of which a run is there that differs from them in nothing that the file names."""
    earlier: dict[str, list[Run]] = {}
    for run in others:
        key = _named_part(run.model, run.start.get("dataset_checksum"), run.seed, run.config, named)
        earlier.setdefault(key, []).append(run)
    found = []
    for trial in new:
        config = trial.config.model_dump(mode="json")
        key = _named_part(trial.model, trial.dataset.checksum, trial.seed, config, named)
        candidates = [(run, _changes(run.config, config)) for run in earlier.get(key, ())]
        candidates = [(run, changes) for run, changes in candidates if changes]
        if candidates:
            run, changes = min(candidates, key=lambda each: len(each[1]))
            found.append(ChangedDefault(trial, run, changes))
    return found


def _named_part(model: str, checksum: object, seed: int, config: dict[str, Any], named: Collection[str]) -> str:
    values = {name: config.get(name) for name in named if name != BUDGET or depends_on_budget(config)}
    return json.dumps([model, checksum, seed, values], sort_keys=True)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (before.get(name), value)
        for name, value in now.items()
        if before.get(name) != value and (name != BUDGET or depends_on_budget(now))
    }
