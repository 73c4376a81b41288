"""The commands that train: `sweep` and `train`."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import typer
from joblib import cpu_count

from nnlite.cli.conclusion import Conclusion
from nnlite.cli.options import (
    EXPERIMENTS,
    Address,
    Backend,
    DataDir,
    DryRun,
    Experiments,
    FailFast,
    Jobs,
    Json,
    MostTrials,
    RetryFailed,
    Settings,
    Spec,
    Specs,
    Timeout,
)
from nnlite.cli.output import answer, answer_json, news, say
from nnlite.cli.planning import plan_fields, print_plan
from nnlite.cli.preparation import prepare
from nnlite.data import Dataset, locate
from nnlite.errors import InputError, NnliteError, nearest
from nnlite.runs import Run, RunFolder, glance_at_runs, read_run, why_unusable
from nnlite.runs.paths import LOG_NAME
from nnlite.runs.quantities import counted
from nnlite.sweep import (
    LocalPlaces,
    LoggedRuns,
    Places,
    Plan,
    Results,
    Searched,
    Sweep,
    claim,
    inner_strategy,
    load_sweep,
    make_plan,
    run_trials,
    single,
    strangers,
    sweep_of_run,
)
from nnlite.sweep.display import make_display
from nnlite.sweep.remote import places_of


def sweep(
    specs: Specs,
    settings: Settings = None,
    experiments: Experiments = EXPERIMENTS,
    jobs: Jobs = None,
    most: MostTrials = None,
    timeout: Timeout = None,
    backend: Backend = "loky",
    address: Address = None,
    data: DataDir = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    fail_fast: FailFast = False,
    as_json: Json = False,
) -> None:
    """Train every trial of a sweep file, in parallel; called again, only what is missing. Several files: in turn."""
    settings = [*(settings or ()), *_short("search.trials", most), *_short("limits.timeout", timeout)]
    places_of(backend, address)  # an option that is wrong is told before any file is read
    sweeps = [load_sweep(spec, settings) for spec in specs]
    _refuse_namesakes(sweeps)
    calls = [
        _Call(
            each,
            _dataset_of(each, data),
            _command("sweep", each.source, settings),
            experiments,
            retry_failed,
            before=frozenset(earlier.name for earlier in sweeps[:number]),
        )
        for number, each in enumerate(sweeps)
    ]
    plans = [call.plan() for call in calls]  # all that can be wrong is told before anything trains
    if dry_run:
        _print_plans(calls, plans, jobs or cpu_count(), as_json=as_json)
        return
    conclusions = []
    for call, plan in zip(calls, plans, strict=True):
        try:
            call, plan = call.in_turn(plan)  # noqa: PLW2901 - what was trained before may have changed them
            end = call.train(plan, jobs, places_of(backend, address), fail_fast=fail_fast)
        except NnliteError as error:
            if len(calls) == 1:
                raise
            say(f"nnlite: {error}")
            with suppress(NnliteError):  # else it stands as it stood before
                plan = call.plan()  # noqa: PLW2901 - as above
            end = Conclusion(plan, error=str(error))
        conclusions.append(end)
        end.say_what_is_left()
        if not as_json:
            end.print()
    if as_json:
        _answer_documents("sweep", [end.fields() for end in conclusions])
    if not all(end.succeeded for end in conclusions):
        raise typer.Exit(1)


def train(
    spec: Spec,
    settings: Settings = None,
    experiments: Experiments = EXPERIMENTS,
    data: DataDir = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    as_json: Json = False,
) -> None:
    """Train one run: a sweep file's fixed values alone, or what an earlier run's run.jsonl describes."""
    checked = _spec_of_one(spec, settings or [])
    dataset = _dataset_of(checked, data)
    trials = [single(checked, dataset)]
    folder = experiments / checked.name
    plan = make_plan(trials, folder, retries=checked.limits.retries, retry_failed=retry_failed)
    if dry_run:
        if as_json:
            answer_json("nnlite.plan/1", **plan_fields(plan, checked, 1, 1, experiments))
        else:
            print_plan(plan, checked, 1, 1, experiments)
        return
    results = train_plan(checked, dataset, plan, 1, {"command": _command("train", spec, settings)}, LocalPlaces())
    if results.outcomes:
        plan = make_plan(trials, folder, retries=checked.limits.retries)
    end = Conclusion(plan, results)
    end.say_what_is_left()
    if as_json:
        answer_json("nnlite.sweep/1", **end.fields())
    else:
        end.print()
    if not end.succeeded:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Call:
    """A sweep file, checked and about to be trained.

    Attributes:
        checked: what the file says.
        dataset: what it trains on.
        command: what one types to train the same again.
        experiments: the folder of all sweeps.
        retry_failed: whether trials that have failed for good are tried again.
        before: the sweeps that this call of the program trains before, and that a search may learn from.
    """

    checked: Sweep
    dataset: Dataset
    command: str
    experiments: Path
    retry_failed: bool
    before: frozenset[str] = frozenset()

    @property
    def folder(self) -> Path:
        """The folder of the sweep."""
        return self.experiments / self.checked.name

    @cached_property
    def strategy(self) -> Searched:
        """What says which trials are trained."""
        inner = inner_strategy(self.checked.pruning)
        return Searched(self.checked, self.dataset, inner, announce=say, earlier=self._runs_of)

    def _runs_of(self, sweep: str) -> list[Run]:
        """The runs of another sweep, which a search learns from.

        Raises:
            InputError: there is no such sweep.
        """
        runs, _ = glance_at_runs(self.experiments / sweep) if sweep != self.checked.name else ([], [])
        if not runs and sweep not in self.before:
            folders = self.experiments.iterdir() if self.experiments.is_dir() else ()
            known = sorted(each.name for each in folders if each.is_dir() and each.name != self.checked.name)
            raise InputError(
                f"search.learn_from: {self.experiments} has no runs of another sweep {sweep!r}; "
                f"{nearest(sweep, known) if known else 'it has no other sweeps'}"
            )
        return runs

    def in_turn(self, plan: Plan) -> "tuple[_Call, Plan]":
        """The same when its turn has come, and its plan: a search now knows what the sweeps before it have found."""
        learns = {name for space in self.checked.spaces if space.search for name in space.search.learn_from}
        if not learns & self.before:
            return self, plan
        call = replace(self, before=frozenset())
        return call, call.plan()

    def plan(self, *, retry_failed: bool | None = None) -> Plan:
        """What there is to do now."""
        retry_failed = self.retry_failed if retry_failed is None else retry_failed
        retries = self.checked.limits.retries
        runs = LoggedRuns(self.folder, self.checked.objective, retries=retries, retry_failed=retry_failed)
        trials = self.strategy.trials(runs)
        return make_plan(trials, self.folder, strategy=self.strategy, retries=retries, retry_failed=retry_failed)

    def train(self, plan: Plan, jobs: int | None, places: Places, *, fail_fast: bool) -> Conclusion:
        """Train what is pending in `plan`, and see what has come of it."""
        context = {"command": self.command, **self.strategy.provenance}
        results = train_plan(self.checked, self.dataset, plan, jobs, context, places, fail_fast=fail_fast)
        if results.outcomes:
            plan = self.plan(retry_failed=False)  # a search has named more trials by now
        # While a search goes on it may still take up runs that it has not named yet.
        if not plan.pending and (others := strangers(self.folder, plan.trials)):
            verb, pronoun = ("is", "it stays") if others == 1 else ("are", "they stay")
            say(f"{counted(others, 'run')} in {self.folder} {verb} not in {self.checked.source} any more; {pronoun}")
        return Conclusion(plan, results)


def _refuse_namesakes(sweeps: Sequence[Sweep]) -> None:
    """Two files of one name would share a folder, and take each other's trials for their own."""
    sources: dict[str, Path] = {}
    for each in sweeps:
        other = sources.setdefault(each.name, each.source)
        if other is not each.source:
            raise InputError(f"{other} and {each.source} both have the name {each.name!r}; give one of them another")


def _print_plans(calls: Sequence[_Call], plans: Sequence[Plan], jobs: int, *, as_json: bool) -> None:
    documents = []
    for call, plan in zip(calls, plans, strict=True):
        about = (plan, call.checked, call.strategy.most, jobs, call.experiments)
        if as_json:
            documents.append(plan_fields(*about))
        else:
            if len(calls) > 1:
                answer(f"{call.checked.source}:")
            print_plan(*about)
    if as_json:
        _answer_documents("plan", documents)


def _answer_documents(kind: str, documents: Sequence[dict[str, Any]]) -> None:
    """One document about one sweep, or a list of them in one document."""
    if len(documents) == 1:
        answer_json(f"nnlite.{kind}/1", **documents[0])
    else:
        answer_json(f"nnlite.{kind}s/1", **{f"{kind}s": documents})


def _short(key: str, value: object) -> list[str]:
    """The setting that an option of its own is short for."""
    return [] if value is None else [f"{key}={value}"]


def _dataset_of(checked: Sweep, data: Path | None) -> Dataset:
    """What a checked file trains on; what else in the file is hardly what was meant is told."""
    try:
        found = locate(checked.dataset, data, announce=say)
    except InputError as error:
        raise InputError(f"{checked.source}: {error}") from None
    for note in checked.notes:
        say(f"{checked.source}: {note}")
    return found


def _spec_of_one(spec: Path, settings: list[str]) -> Sweep:
    if (spec / LOG_NAME).is_file():
        spec /= LOG_NAME
    if spec.name != LOG_NAME:
        return load_sweep(spec, settings)
    if not spec.is_file():
        raise InputError(f"{spec}: no such file")
    run = read_run(RunFolder(spec.parent))
    if reason := why_unusable(run):
        raise InputError(f"{spec}: {reason}, so it does not say what was trained")
    return sweep_of_run(run, spec, settings)


def _command(name: str, spec: Path, settings: list[str] | None) -> str:
    """What one types to train the same again."""
    return shlex.join(["nnlite", name, str(spec), *(word for each in settings or () for word in ("-S", each))])


def train_plan(
    checked: Sweep,
    dataset: Dataset,
    plan: Plan,
    jobs: int | None,
    context: dict[str, Any],
    places: Places,
    *,
    fail_fast: bool = False,
) -> Results:
    """Train what is pending in `plan`, and show how that goes.

    Args:
        checked: what the plan was made from.
        dataset: what it trains on.
        plan: what to train.
        jobs: how many trials at a time; default: as many as there are places.
        context: further fields of each log's start.
        places: where trials run.
        fail_fast: whether the first failure keeps further trials from being started.
    """
    if plan.done:
        say(f"{len(plan.done)} of {len(plan.trials)} trials are done already")
    if not plan.pending:
        say("nothing is left to train: more epochs, values or seeds extend a sweep, --experiments DIR begins another")
        return Results()
    for trial in plan.pending:
        if trial.id in plan.unusable:
            log = plan.run_folder(trial).log
            say(f"{log}: {plan.unusable[trial.id]}, so the trial starts over; what is there stays in the file")
        if trial.id in plan.again:
            say(f"{trial.id} {trial.describe()} is tried again; it failed: {plan.again[trial.id]}")
    with claim(plan.folder) as claimed, places:
        jobs = jobs or places.count
        context = {"spec": str(checked.source), **context, **prepare(checked.model, dataset)}
        if checked.pruning:
            context["pruning"] = checked.pruning.model_dump(mode="json", exclude_none=True)
        at_once = min(jobs, len(plan.pending))
        say(f"{counted(len(plan.pending), 'trial')} to train in {plan.folder}, {at_once} at a time")
        if not plan.foreseen:
            say(f"{counted(len(plan.tasks), 'trial')} in the first generation; what follows depends on their results")
        with make_display(plan, news, say) as display:
            return run_trials(
                plan,
                jobs,
                context,
                display,
                limits=checked.limits,
                fail_fast=fail_fast,
                announce=display.announce,
                places=places,
                check=claimed.check,
            )
