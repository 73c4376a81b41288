"""What is to be trained next, given what the logs say: the interface between a sweep's file and the runner.

A strategy names tasks, generation by generation; the runner trains all of one before it asks for the next. Since a
strategy decides from the logs alone, it need not know whether a generation was trained in one call or in three.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from nnlite.runs import Run
from nnlite.sweep.spec import Objective
from nnlite.sweep.trials import Trial


@dataclass(frozen=True)
class Task:
    """Train `trial` until it has `until` epochs (at most its budget `trial.config.epochs`).

    Attributes:
        trial: what to train.
        until: the number of epochs, from the trial's first; a trial that stops below its budget is pruned there.
        bars: by epoch, the value of the objective that the best epoch so far must reach, or the trial is pruned there.
    """

    trial: Trial
    until: int
    bars: Mapping[int, float] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether it takes the trial to the end of its budget."""
        return self.until >= self.trial.config.epochs


class Strategy(Protocol):
    """What decides on tasks."""

    @property
    def foreseen(self) -> bool:
        """Whether the tasks it names first are all that there will be, whatever comes of them."""

    @property
    def asynchronous(self) -> bool:
        """Whether to ask again as soon as any task has ended, and to begin the first that is not under way."""

    def next_tasks(self, runs: Mapping[str, Run]) -> Sequence[Task]:
        """The next generation of tasks, which may run in any order and all end before this is called again.

        A pure function of the file and of `runs`: so it is the same after a resume, and for any number of workers.

        Args:
            runs: what the logs say, by run id. A look-up may read the log: look up once what is needed twice. A run
                that is "failed" is not tried any more; one that failed and will be tried again is "interrupted".

        Returns:
            Tasks, those that are over already left out or not; if none is left, the sweep has ended.
        """


@dataclass(frozen=True)
class Everything:
    """No search and no pruning: one generation of all `trials`, each to the end of its budget."""

    trials: Sequence[Trial]
    foreseen: ClassVar[bool] = True
    asynchronous: ClassVar[bool] = False

    def next_tasks(self, runs: Mapping[str, Run]) -> Sequence[Task]:
        """What is not over."""
        tasks = (Task(trial, trial.config.epochs) for trial in self.trials)
        return [task for task in tasks if not is_over(task, runs.get(task.trial.id))]


def is_met(task: Task, run: Run) -> bool:
    """Whether `run` needs no more training for `task`: it ended by itself, and not short of what is asked for."""
    match run.status:
        case "diverged":
            return True
        case "completed":
            return len(run.epochs) >= task.until
        case "pruned":
            return (len(run.epochs) >= task.until and not task.whole) or missed_bar(task, run.epochs) is not None
    return False


def is_over(task: Task, run: Run | None) -> bool:
    """Whether nobody should train `task`: it is met, or its trial has failed and is not to be tried again."""
    return run is not None and (run.status == "failed" or is_met(task, run))


def missed_bar(task: Task, epochs: Iterable[Mapping[str, Any]]) -> int | None:
    """The first epoch of those trained whose bar the objective had not reached by then; None if there is none."""
    bars = Bars(task)
    for line in epochs if task.bars else ():
        bars.pass_by(line)
    return bars.missed


class Bars:
    """The bars of a task, as its epochs come to pass them by.

    Attributes:
        missed: the first epoch whose bar the objective had not reached by then; None as long as there is none.
    """

    def __init__(self, task: Task) -> None:
        self.missed: int | None = None
        self._task = task
        self._best = math.nan

    def pass_by(self, line: Mapping[str, Any]) -> None:
        """Take in the next epoch."""
        objective = self._task.trial.objective
        value = line.get(objective.metric)
        if isinstance(value, int | float) and (math.isnan(self._best) or objective.is_better(value, self._best)):
            self._best = value
        bar = self._task.bars.get(line["epoch"])
        if self.missed is None and bar is not None and not reaches(objective, self._best, bar):
            self.missed = int(line["epoch"])


def reaches(objective: Objective, best: float, bar: float) -> bool:
    """Whether the best value so far, which is not a number before the first, is as good as `bar` at least."""
    return not math.isnan(best) and not objective.is_better(bar, best)
