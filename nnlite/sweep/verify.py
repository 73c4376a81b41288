"""Verification: a run is trained again from what its log says, and every number compared to the bit.

The second training goes the way of any other, through the runner to a worker process of its own, into a temporary
folder. Its log is compared with the first one's as it grows, and training ends with the first number that differs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlite.data import KNOWN, Dataset, locate
from nnlite.errors import BusyError, InputError, NnliteError, NothingFoundError
from nnlite.runs import FollowedRun, Run, RunFolder
from nnlite.runs.comparison import Difference, comparable_numbers, first_difference
from nnlite.runs.fingerprint import Discrepancy, discrepancies, fingerprint, unnamed
from nnlite.runs.paths import RUN_FILES
from nnlite.scratch import scratch
from nnlite.sweep.plan import make_plan
from nnlite.sweep.runner import run_trials
from nnlite.sweep.spec import sweep_of_run
from nnlite.sweep.strategy import Task
from nnlite.sweep.trials import Trial, single
from nnlite.sweep.worker import Outcome

NEEDED = ("run", "model", "dataset", "dataset_checksum", "config", "seed")


@dataclass(frozen=True)
class Verification:
    """What a second training showed: the epochs and numbers that were equal, and what was not."""

    epochs: int
    numbers: int
    difference: Difference | None

    @property
    def identical(self) -> bool:
        """Whether all that was compared is equal."""
        return self.difference is None


def check_verifiable(run: Run) -> None:
    """Refuse a run that has nothing to compare with.

    Raises:
        BusyError: it is still being trained.
        InputError: its log does not say what was trained.
        NothingFoundError: it has no epoch.
    """
    if run.status == "running":
        raise BusyError(f"{run.folder.log} is being written: verify the run when it has ended")
    if lacking := [name for name in NEEDED if name not in run.start]:
        raise InputError(f"{run.folder.log}: its start event has no {', '.join(lacking)}, so it cannot be repeated")
    if not run.epochs:
        raise NothingFoundError(f"{run.folder.log} has no epoch to compare; the run is {run.status}")


def dataset_of_run(run: Run, data_dir: Path | None, announce: Callable[[str], None]) -> Dataset:
    """The images that `run` was trained on, byte for byte.

    Args:
        run: whose log names the dataset and its checksum.
        data_dir: where datasets lie; or, for a run on a folder that is no longer where it was, that folder.
        announce: is told of downloads.

    Raises:
        InputError: they are not to be found, or what is found has another checksum.
        DataUnavailableError: as of `locate`.
    """
    moved = data_dir is not None and run.dataset not in KNOWN and not Path(run.dataset).is_dir()
    try:
        dataset = locate(str(data_dir) if moved else run.dataset, data_dir, announce=announce)
    except InputError as error:
        way_out = "" if run.dataset in KNOWN else "; --data DIR says where that folder is now"
        raise InputError(f"{run.folder.log}: {error}{way_out}") from None
    expected = run.start["dataset_checksum"]
    if dataset.checksum != expected:
        raise InputError(
            f"{run.folder.log}: the run was trained on {run.dataset} of checksum {expected}, "
            f"but {dataset.files.train_images.parent} has {dataset.checksum}"
        )
    return dataset


def trial_of_run(run: Run, dataset: Dataset) -> Trial:
    """What `run` trained, as a trial of today.

    Raises:
        InputError: the log describes no trial that this version knows, or not the one whose id it has.
    """
    trial = single(sweep_of_run(run, run.folder.log), dataset)
    if trial.id != run.id:
        raise InputError(
            f"{run.folder.log}: what it describes has the id {trial.id} here, not {run.id}: "
            f"the log was changed, or is of a version with other hyperparameters"
        )
    return trial


def environment_discrepancies(run: Run, here: Mapping[str, Any]) -> list[Discrepancy]:
    """Where the fingerprint of `run`, from any of the places that it was trained in, is not that of `here`."""
    own = fingerprint(here)
    found = [each for event in (run.start, *run.resumes) for each in discrepancies(fingerprint(event), own)]
    return list(dict.fromkeys(found))


def unnamed_environment(run: Run) -> list[str]:
    """The parts of the fingerprint that the log, being of an older version, does not tell."""
    return list(dict.fromkeys(name for event in (run.start, *run.resumes) for name in unnamed(fingerprint(event))))


def verify(
    run: Run, trial: Trial, progress: Callable[[int], None] = lambda _epochs: None, *, epochs: int | None = None
) -> Verification:
    """Train `run` again as `trial` and compare, up to the first difference.

    Args:
        run: what was logged, checked by `check_verifiable`.
        trial: made by `trial_of_run`; a GAN's reference classifier must be prepared.
        progress: is told how many epochs have been equal.
        epochs: compare so many alone; all if it is None, and the final summary with them.

    Raises:
        NnliteError: the second training came to no end of its own, and had repeated all numbers until then.
        Stopped: as of `run_trials`.
    """
    with scratch("verify", rf"{trial.id}/({RUN_FILES})?") as folder:
        plan = make_plan([trial], folder)
        comparison = _Comparison(run, plan.run_folder(trial), progress, epochs)
        try:
            outcome = run_trials(plan, 1, {}, comparison).outcomes[trial.id]
        except _Settled:
            return comparison.result()
        if comparison.settled():
            return comparison.result()
        raise NnliteError(
            f"{run.folder.log}: trained again, the run {outcome.status} after {len(comparison.equal)} epochs, "
            f"which were equal{': ' + outcome.error if outcome.error else ''}"
        )


class _Settled(Exception):  # noqa: N818 - not an error: the way out of the runner
    """There is nothing more to learn from training on."""


class _Comparison:
    """Listens to the runner, and compares the second log with the first as it grows."""

    def __init__(self, run: Run, folder: RunFolder, progress: Callable[[int], None], epochs: int | None) -> None:
        self._lines = run.epochs[:epochs]
        # The summary is of all epochs of a training that ended by itself.
        self._summary = run.end.get("metrics") if run.status == "completed" and epochs is None else None
        self._again = FollowedRun(folder)
        self._progress = progress
        self.equal: list[int] = []  # the numbers in each epoch that was equal
        self._summary_is_equal = False
        self._difference: Difference | None = None

    def planned(self, _tasks: Sequence[Task]) -> None:
        """There is but one."""

    def started(self, _trial: Trial, _folder: RunFolder) -> None:
        """Nothing is logged yet."""

    def ended(self, _trial: Trial, _folder: RunFolder, _outcome: Outcome) -> None:
        """The rest is compared when the runner has returned."""

    def refresh(self) -> None:
        """Compare what is new."""
        if self.settled():
            raise _Settled

    def settled(self) -> bool:
        """Whether the answer is known."""
        try:
            again = self._again.read()
        except FileNotFoundError:
            return False
        lines = {line["epoch"]: line for line in again.epochs}
        before = len(self.equal)
        for line in self._lines[before:]:
            if line["epoch"] not in lines or self._difference:
                break
            self._difference = first_difference(line["epoch"], line, lines[line["epoch"]], missing_differs=True)
            if not self._difference:
                self.equal.append(len(comparable_numbers(line)))
        if len(self.equal) > before:
            self._progress(len(self.equal))
        if self._difference or len(self.equal) < len(self._lines):
            return self._difference is not None
        if self._summary is not None and again.finished and not self._summary_is_equal:
            self._difference = first_difference(0, self._summary, again.end.get("metrics"), missing_differs=True)
            self._summary_is_equal = not self._difference
        return self._summary is None or again.finished

    def result(self) -> Verification:
        """The answer."""
        summary = len(comparable_numbers(self._summary)) if self._summary_is_equal else 0
        return Verification(len(self.equal), sum(self.equal) + summary, self._difference)
