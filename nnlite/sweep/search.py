"""The trials of a sweep, generation by generation: all at once, unless results decide what is tried next.

`expand` lists what can be listed without results: grids, random searches, and the first generation of each tpe search.
`Searched` is the strategy that goes on from there: when a generation has been trained, the next follows from the logs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from nnlite.data import Dataset
from nnlite.errors import InputError
from nnlite.runs import Run
from nnlite.runs.metrics import Metric
from nnlite.runs.quantities import counted
from nnlite.sweep.spaces import Configuration, Space, all_of, list_configurations, whole_note
from nnlite.sweep.spec import Objective, Sweep
from nnlite.sweep.strategy import Everything, Strategy, Task
from nnlite.sweep.tables import MOST_TRIALS
from nnlite.sweep.tpe import Proposal, Study, Values, require_optuna, studies
from nnlite.sweep.trials import Trial, make_trials, trials_of

LOST = ("failed", "diverged")

Announce = Callable[[str], None]


def expand(sweep: Sweep, dataset: Dataset, announce: Announce = lambda _: None) -> list[Trial]:
    """Every trial of `sweep` once, as far as no results are needed to name it.

    Args:
        sweep: what to expand; of a space that tpe searches, the first generation.
        dataset: what to train on.
        announce: is told what a person should know of what is left out, sentence by sentence.

    Returns:
        All configurations with the first seed, then all with the second, and so on.

    Raises:
        InputError: there are more than `MOST_TRIALS`, none is left, or the dataset is too small.
    """
    return Searched(sweep, dataset, announce=announce).trials({})


class Searched:
    """The strategy of a sweep file: every trial that needs no results, and what each tpe search makes of the results.

    Args:
        sweep: the sweep.
        dataset: what to train on.
        inner: how the trials of a generation are trained.
        announce: is told what a person should know of what is left out, sentence by sentence.
        earlier: gives the runs of another sweep, by its name, for a search that learns from it; raises InputError where
            there is none.

    Raises:
        InputError: there are more than `MOST_TRIALS`, none is left, the dataset is too small, or Optuna is missing.
    """

    def __init__(
        self,
        sweep: Sweep,
        dataset: Dataset,
        inner: Callable[[Sequence[Trial]], Strategy] = Everything,
        announce: Announce = lambda _: None,
        earlier: Callable[[str], Iterable[Run]] = lambda _name: (),
    ) -> None:
        check_count(sweep)
        self._earlier = earlier
        self._sweep = sweep
        self._dataset = dataset
        self._inner = inner
        self._listed: list[Configuration] = []
        self._studies: list[Study] = []
        try:
            for space in sweep.spaces:
                self._take_up(space, announce)
        except InputError as error:
            raise InputError(f"{sweep.source}: {error}") from None
        if self._studies:
            require_optuna(sweep.source)

    @property
    def foreseen(self) -> bool:
        """See `Strategy`."""
        return not self._studies and self._inner(()).foreseen

    @property
    def asynchronous(self) -> bool:
        """See `Strategy`."""
        return self._inner(()).asynchronous

    @property
    def most(self) -> int:
        """How many trials there will be at most, those included that results have yet to name."""
        searched = sum(study.search.trials for study in self._studies)
        return (len(self._listed) + searched) * len(self._sweep.seeds)

    @property
    def provenance(self) -> dict[str, Any]:
        """What a log should say of how its trial was proposed: a resumed search needs the same version of Optuna."""
        if not self._studies:
            return {}
        search: dict[str, Any] = {"strategy": "tpe", "optuna": version("optuna")}
        learnt = dict.fromkeys(name for study in self._studies for name in study.search.learn_from)
        return {"search": search | ({"learn_from": list(learnt)} if learnt else {})}

    def next_tasks(self, runs: Mapping[str, Run]) -> Sequence[Task]:
        """See `Strategy`."""
        for trials in self._generations(runs):
            if tasks := self._inner(trials).next_tasks(runs):
                return tasks
        return []

    def trials(self, runs: Mapping[str, Run]) -> list[Trial]:
        """Every trial that has been decided on, each once."""
        known: dict[str, Trial] = {}
        for trials in self._generations(runs):
            for trial in trials:
                known.setdefault(trial.id, trial)
            # Without a study there is one generation alone, and no need to read the logs.
            if not self._studies or self._inner(trials).next_tasks(runs):
                break
        return list(known.values())

    def _take_up(self, space: Space, announce: Announce) -> None:
        if space.search is None or space.search.strategy == "random":
            configurations, notes = list_configurations(space)
            self._listed += configurations
            for note in notes:
                announce(note)
            return
        searched = 0
        for each in studies(space):
            whole = all_of(each)
            if whole is None:
                learnt = [result for name in space.search.learn_from for result in self._learnt(name, each, announce)]
                self._studies.append(Study(each, self._sweep.objective.direction, learnt))
                searched += each.count
                continue
            self._listed += whole
            if len(whole) < each.count:
                announce(whole_note(len(whole), each.count))
        if searched:
            announce(f"tpe proposes {searched:,} configurations, {space.search.generation:,} at a time")

    def _learnt(self, name: str, space: Space, announce: Announce) -> list[tuple[Proposal, Values]]:
        """The results of the sweep `name` that say something of `space`, a configuration with all its seeds each."""
        study = Study(space, self._sweep.objective.direction)
        found: dict[Configuration, tuple[Proposal, list[float | None]]] = {}
        unused: Counter[str] = Counter()
        for run in self._earlier(name):
            proposal = study.proposal_of(run.config)
            if proposal is None or (why := self._why_nothing_is_learnt(run, proposal)):
                unused["outside the space that is searched" if proposal is None else why] += 1
                continue
            found.setdefault(proposal.configuration, (proposal, []))[1].append(_value(run, self._sweep.objective))
        told = counted(sum(len(values) for _, values in found.values()), "run")
        left = ", ".join(f"{count:,} {why}" for why, count in unused.items())
        announce(f"search.learn_from: {told} of {name} known from the start{f'; not used: {left}' if left else ''}")
        return [(proposal, tuple(values)) for proposal, values in found.values()]

    def _why_nothing_is_learnt(self, run: Run, proposal: Proposal) -> str:
        """Why `run`, of another sweep, which would have been `proposal` here, says nothing; empty if it does."""
        objective = {"metric": self._sweep.objective.metric, "direction": self._sweep.objective.direction}
        if run.model != self._sweep.model or run.start.get("dataset_checksum") != self._dataset.checksum:
            return "of another model or dataset"
        if run.start.get("objective") != objective:
            return "with another objective"
        if proposal.configuration.config.model_dump(mode="json") != run.config:
            return "with other fixed values"
        return "" if run.status in ("completed", "pruned", *LOST) else "not finished"

    def _generations(self, runs: Mapping[str, Run]) -> Iterator[list[Trial]]:
        """The generations in order; the next is asked for only when all of the last has been trained."""
        results: list[list[tuple[Proposal, Values]]] = [[] for _ in self._studies]
        listed = self._listed
        while True:
            proposals = [
                self._taken_up(study, study.generation(known), known, runs)
                for study, known in zip(self._studies, results, strict=True)
            ]
            new = [each.configuration for group in proposals for each in group]
            if not (listed or new):
                return
            yield make_trials(self._sweep, self._dataset, [*listed, *new])
            listed = []
            for known, group in zip(results, proposals, strict=True):
                known += [(each, self._values(each.configuration, runs)) for each in group]

    def _taken_up(
        self, study: Study, proposals: list[Proposal], known: Sequence[tuple[Proposal, Values]], runs: Mapping[str, Run]
    ) -> list[Proposal]:
        """A generation in which proposals that have no log give way to earlier runs that are no proposal so far."""
        new = [number for number, each in enumerate(proposals) if not self._has_log(each.configuration, runs)]
        if not new:
            return proposals
        taken = {each.configuration for each in (*(proposal for proposal, _ in known), *proposals)} | {*self._listed}
        found: dict[Configuration, tuple[str, Proposal]] = {}
        for run_id in runs:
            try:
                run = runs[run_id]
            except (KeyError, InputError):  # it is not of this sweep as it is
                continue
            proposal = study.proposal_of(run.config) if run.config else None
            if proposal is None or proposal.configuration in taken:
                continue
            # Its id is its content: what the file does not search must be the same as well.
            if run_id in {trial.id for trial in trials_of(self._sweep, self._dataset, proposal.configuration)}:
                started = str(run.start.get("time", ""))
                earliest, _ = found.get(proposal.configuration, (started, proposal))
                found[proposal.configuration] = min(earliest, started), proposal
        earlier = [proposal for _, proposal in sorted(found.values(), key=lambda each: each[0])]
        chosen = list(proposals)
        for number, proposal in zip(new, earlier, strict=False):
            chosen[number] = proposal
        return chosen

    def _has_log(self, configuration: Configuration, runs: Mapping[str, Run]) -> bool:
        trials = trials_of(self._sweep, self._dataset, configuration)
        return any(runs.get(trial.id) is not None for trial in trials)

    def _values(self, configuration: Configuration, runs: Mapping[str, Run]) -> Values:
        objective = self._sweep.objective
        trials = trials_of(self._sweep, self._dataset, configuration)
        return tuple(_value(runs.get(trial.id), objective) for trial in trials)


def check_count(sweep: Sweep) -> None:
    """Refuse a sweep that is too large to be listed, by its count, before anything is built.

    Raises:
        InputError: it has more than `MOST_TRIALS`.
    """
    count = sum(space.count for space in sweep.spaces) * len(sweep.seeds)
    if count > MOST_TRIALS:
        raise InputError(
            f"{sweep.source}: it has {count:,} trials; {MOST_TRIALS:,} are the most, and [search] samples from a space "
            "of any size"
        )


def _value(run: Run | None, objective: Objective) -> float | None:
    """The best value of a run so far, a pruned one included; None if it was lost or never measured."""
    if run is None or run.status in LOST:
        return None
    value = run.value(Metric(objective.metric, "", higher_is_better=objective.direction == "maximize"))
    return None if value is None else value.value
