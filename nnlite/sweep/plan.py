"""A plan: how every trial of a sweep stands, told from its strategy and from the logs in its folder.

It is the only account of what is done. The strategy decides: as long as it asks for tasks, what has not ended is
pending; once it asks for nothing more, nothing is pending, and a trial that it never asked for, or no longer wants, is
skipped. A plan made before training says what to do; one made afterwards says how the sweep ended, and its exit code.
"""

import os
import stat
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nnlite.errors import InputError
from nnlite.runs import Run, RunFolder, skim_run, why_unusable
from nnlite.runs.log import check_schema, schema_of
from nnlite.runs.paths import LOG_NAME
from nnlite.sweep.spec import Objective
from nnlite.sweep.strategy import Everything, Strategy, Task, is_over
from nnlite.sweep.trials import Trial
from nnlite.sweep.worker import Outcome

UNFINISHED = ("interrupted", "running")
GOOD_ENDS = ("completed", "pruned", "diverged", "skipped")  # all of them are results, or need none


class LoggedRuns(Mapping[str, Run]):
    """What the logs in a sweep's folder say, by run id; read anew at each look-up, so that none of it is kept.

    Args:
        folder: of the sweep.
        objective: that every run must have been trained for, since its best epoch was chosen by it.
        retries: how often a failed trial is tried again: with tries left, it is as good as interrupted.
        retry_failed: whether trials that have failed for good are tried again as well.
        tried: those that have been tried in this call: if they have failed now, they have failed.

    Attributes:
        ends: how each run stood when it was last looked up.
        epochs: how many it had then.
        again: why each of those failed that are to be tried again.
        unusable: why the logs of these tell nothing of a run: each is as good as none, and its trial starts over.
    """

    def __init__(
        self,
        folder: Path,
        objective: Objective | None = None,
        *,
        retries: int = 0,
        retry_failed: bool = False,
        tried: Container[str] = (),
    ) -> None:
        self._folder = folder
        self._objective = objective
        self._retries = retries
        self._retry_failed = retry_failed
        self._tried = tried
        self.ends: dict[str, Outcome] = {}
        self.epochs: dict[str, int] = {}
        self.again: dict[str, str] = {}
        self.unusable: dict[str, str] = {}

    def __getitem__(self, run_id: str) -> Run:
        """Replay the log of the run `run_id`.

        Raises:
            KeyError: it has none, or one that is not usable.
            InputError: something that is no run's folder is in its place, the log cannot be read, is of another run
                or of a newer schema, or the run had another objective.
        """
        folder = RunFolder(self._folder / run_id)
        _check_own(folder)
        try:
            run = skim_run(folder)
        except (FileNotFoundError, NotADirectoryError):
            raise KeyError(run_id) from None
        except OSError as error:
            raise InputError(f"{folder.log} cannot be read ({error.strerror}); a run belongs there") from None
        if schema_of(run.start) is None:
            check_schema(folder.log)
        if reason := why_unusable(run):
            if run.epochs or run.end or run.bad_lines:
                self.unusable[run_id] = reason
            raise KeyError(run_id)
        if run.id != run_id:
            raise InputError(f"{folder.log} is of the run {run.id}; move it away, the run {run_id} belongs there")
        if self._objective:
            _check_objective(run, self._objective)
        has_tries_left = self._retry_failed or run.failures <= self._retries
        if run.status == "failed" and run_id not in self._tried and has_tries_left:
            self.again[run_id] = run.error
            run = replace(run, status="interrupted")
        self.ends[run_id] = Outcome(run.status, run.error)
        self.epochs[run_id] = len(run.epochs)
        return run

    def __iter__(self) -> Iterator[str]:
        """The ids, sorted."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return iter(())
        return (name for name in names if (self._folder / name / LOG_NAME).exists())

    def __len__(self) -> int:
        """How many runs there are."""
        return sum(1 for _ in self)


def _check_own(folder: RunFolder) -> None:
    """A run writes into its own folder alone, never through a link to somewhere else, and replaces no link."""
    files = (folder.log, folder.checkpoint, folder.best, folder.animation, folder.mistakes)
    wanted = [(folder.path, stat.S_ISDIR, "folder"), (folder.samples, stat.S_ISDIR, "folder")]
    wanted += [(path, stat.S_ISREG, "file") for path in files]
    for path, is_right, kind in wanted:
        try:
            found = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            if path == folder.path:
                return
            continue
        if not is_right(found):
            raise InputError(f"{path} is no ordinary {kind}; move it away, what a run leaves belongs there")


def _check_objective(run: Run, objective: Objective) -> None:
    """A run's best weights and its test score are of the epoch that its objective chose: another chooses others."""
    chosen = run.start.get("objective")
    if chosen and chosen != {"metric": objective.metric, "direction": objective.direction}:
        earlier = f"{chosen.get('metric')}, {chosen.get('direction')}"
        raise InputError(
            f"{run.folder.log}: this run's best epoch was chosen by {earlier}, not by {objective.metric}, "
            f"{objective.direction}: give the sweep another name, or another --experiments folder"
        )


@dataclass(frozen=True)
class Plan:
    """What a sweep has to do: its trials, sorted by what the logs say of them.

    Attributes:
        trials: all that are known so far; a strategy may name more once these have ended.
        folder: of the sweep.
        done: trials that nothing is left to do for, as far as the logs tell now.
        pending: the others.
        strategy: says what is trained next.
        tasks: the first generation.
        ends: how the trials of `done` ended, by id, and those of `pending` that were completed for a smaller budget:
            the strategy may leave it at that. A trial without a result that the strategy does not want is "skipped".
        retry_failed: whether trials that have failed are trained again.
        again: why those of `pending` failed that have before, by id.
        unusable: why the logs of those of `pending` tell nothing of a run that have one which is not usable, by id.
    """

    trials: list[Trial]
    folder: Path
    done: list[Trial]
    pending: list[Trial]
    strategy: Strategy = field(default_factory=lambda: Everything(()))
    tasks: Sequence[Task] = ()
    ends: Mapping[str, Outcome] = field(default_factory=dict)
    retry_failed: bool = False
    again: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether nothing is left to do and nothing failed."""
        return not self.pending and all(end.status in GOOD_ENDS for end in self.ends.values())

    @property
    def foreseen(self) -> bool:
        """Whether `tasks` are all that there will be, whatever comes of them."""
        return self.strategy.foreseen

    def run_folder(self, trial: Trial) -> RunFolder:
        """Where `trial` leaves its files."""
        return RunFolder(self.folder / trial.id)


def make_plan(
    trials: Sequence[Trial],
    folder: Path,
    *,
    strategy: Strategy | None = None,
    retries: int = 0,
    retry_failed: bool = False,
) -> Plan:
    """Look at what is in `folder`: a failed trial counts as done, unless it is to be tried again.

    Args:
        trials: those that the sweep's file names.
        folder: of the sweep.
        strategy: of the file; default: each of `trials` to the end of its budget.
        retries: how often the file has a failed trial tried again.
        retry_failed: whether trials are tried again that have failed as often as that.

    Raises:
        InputError: something that is no run's folder is where one should be, or a run had another objective.
    """
    strategy = strategy or Everything(trials)
    objective = next((trial.objective for trial in trials), None)
    runs = LoggedRuns(folder, objective, retries=retries, retry_failed=retry_failed)
    tasks = open_tasks(strategy, runs)
    known = {trial.id: trial for trial in (*trials, *(task.trial for task in tasks))}
    next_ones = {task.trial.id for task in tasks}
    ends: dict[str, Outcome] = {}
    done: list[Trial] = []
    pending: list[Trial] = []
    for trial in known.values():
        if trial.id not in runs.ends:
            runs.get(trial.id)
        end = runs.ends.get(trial.id)
        if not tasks and (end is None or end.status == "interrupted"):
            # The strategy has ended without it. One that failed, with tries left that nobody asks for, has failed.
            failed = trial.id in runs.again
            end = Outcome("failed", runs.again[trial.id]) if failed else Outcome("skipped")
        # What no task is named for yet, but has not ended either, waits for a later generation.
        if trial.id in next_ones or end is None or end.status in UNFINISHED:
            pending.append(trial)
            continue
        ends[trial.id] = end
        # So does what was completed for a smaller budget: how the others do now decides whether it goes on.
        may_go_on = tasks and end.status == "completed" and runs.epochs[trial.id] < trial.config.epochs
        (pending if may_go_on else done).append(trial)
    return Plan(
        list(known.values()), folder, done, pending, strategy, tasks, ends, retry_failed, runs.again, runs.unusable
    )


def open_tasks(strategy: Strategy, runs: Mapping[str, Run], without: Container[str] = ()) -> list[Task]:
    """The strategy's next generation, less tasks that are over, and less those of the trials in `without`."""
    return [
        task
        for task in strategy.next_tasks(runs)
        if task.trial.id not in without and not is_over(task, runs.get(task.trial.id))
    ]


def strangers(folder: Path, trials: Iterable[Trial]) -> int:
    """How many runs in `folder` are of none of `trials`: a changed file does not name them any more."""
    known = {trial.id for trial in trials}
    try:
        others = [entry for entry in os.scandir(folder) if entry.name not in known]
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return sum(RunFolder(Path(entry)).log.is_file() for entry in others)
