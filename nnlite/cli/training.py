"""The commands that train: `sweep` and `train`."""

import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from joblib import cpu_count

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
    Timeout,
)
from nnlite.cli.output import answer, answer_json, news, say
from nnlite.cli.planning import print_plan
from nnlite.cli.preparation import prepare
from nnlite.data import Dataset, locate
from nnlite.errors import InputError
from nnlite.runs import RunFolder, read_run, why_unusable
from nnlite.runs.paths import LOG_NAME
from nnlite.runs.quantities import counted
from nnlite.sweep import (
    GOOD_ENDS,
    LocalPlaces,
    LoggedRuns,
    Outcome,
    Places,
    Plan,
    Results,
    Searched,
    Sweep,
    Trial,
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

EARLY_ENDS = ("pruned", "diverged", "skipped")


def sweep(
    spec: Spec,
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
    """Train every trial of a sweep file, in parallel; called again, only what is missing."""
    places = places_of(backend, address)
    settings = [*(settings or ()), *_short("search.trials", most), *_short("limits.timeout", timeout)]
    checked = load_sweep(spec, settings)
    dataset = _dataset_of(checked, data)
    folder = experiments / checked.name
    strategy = Searched(checked, dataset, inner_strategy(checked.pruning), announce=say)
    runs = LoggedRuns(folder, checked.objective, retries=checked.limits.retries, retry_failed=retry_failed)
    trials = strategy.trials(runs)
    plan = make_plan(trials, folder, strategy=strategy, retries=checked.limits.retries, retry_failed=retry_failed)
    if dry_run:
        print_plan(plan, checked, strategy.most, jobs or cpu_count(), experiments, as_json=as_json)
        return
    command = _command("sweep", spec, settings)
    context = {"command": command, **strategy.provenance}
    results = train_plan(checked, dataset, plan, jobs, context, places, fail_fast=fail_fast)
    if results.outcomes:
        after = LoggedRuns(folder, checked.objective, retries=checked.limits.retries)
        trials = strategy.trials(after)  # a search has named more by now
        plan = make_plan(trials, folder, strategy=strategy, retries=checked.limits.retries)
    # While a search goes on it may still take up runs that it has not named yet.
    if not plan.pending and (others := strangers(folder, plan.trials)):
        verb, pronoun = ("is", "it stays") if others == 1 else ("are", "they stay")
        say(f"{counted(others, 'run')} in {folder} {verb} not in {spec} any more; {pronoun}")
    _conclude(plan, results, as_json=as_json)


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
        print_plan(plan, checked, 1, 1, experiments, as_json=as_json)
        return
    results = train_plan(checked, dataset, plan, 1, {"command": _command("train", spec, settings)}, LocalPlaces())
    if results.outcomes:
        plan = make_plan(trials, folder, retries=checked.limits.retries)
    _conclude(plan, results, as_json=as_json)


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


def _conclude(plan: Plan, results: Results, *, as_json: bool) -> None:
    """Say how every trial stands in `plan`, which was made when training had ended; exit with 1 if not all is well.

    What a call learned of a trial beside its log (it was busy, or could not even write a log) is told as well.
    """
    pending = {trial.id for trial in plan.pending}
    left = {trial: end for trial, end in results.outcomes.items() if trial in pending and end.status not in GOOD_ENDS}
    ends = {trial: end for trial, end in plan.ends.items() if trial not in pending} | left
    if results.halted:
        say(f"{results.halted}; what is left stays to be done, and the same command goes on with it")
    _print_ends(plan, ends, results.halted, as_json=as_json)
    if not plan.succeeded:
        raise typer.Exit(1)


def _print_ends(plan: Plan, ends: Mapping[str, Outcome], halted: str, *, as_json: bool) -> None:
    if as_json:
        trials = [
            _trial_fields(plan, trial, end.status) | {"error": end.error or None}
            if (end := ends.get(trial.id))
            else _trial_fields(plan, trial, "pending") | {"error": None}
            for trial in plan.trials
        ]
        answer_json("nnlite.sweep/1", folder=str(plan.folder), halted=halted or None, trials=trials)
        return
    known = [(trial, end) for trial in plan.trials if (end := ends.get(trial.id))]
    bad = [(trial, end) for trial, end in known if end.status not in GOOD_ENDS]
    for trial, end in known:
        if end.status in GOOD_ENDS and end.status != "diverged":
            continue
        say(f"{trial.id} {trial.describe()}: {end.status}{': ' + end.error if end.error else ''}")
    if any(end.status == "failed" for _, end in bad):
        say("--retry-failed trains the failed trials again")
    count: Counter[str] = Counter(end.status for _, end in known)
    early = ", ".join(f"{count[status]} of them {status}" for status in EARLY_ENDS if count[status])
    done = len(known) - len(bad)
    answer(f"{done} of {len(plan.trials)} trials done in {plan.folder}{', ' + early if early else ''}")
    say(f"next: nnlite report {plan.folder.parent}")


def _trial_fields(plan: Plan, trial: Trial, status: str) -> dict[str, Any]:
    return {
        "run": trial.id,
        "folder": str(plan.run_folder(trial).path),
        "status": status,
        "seed": trial.seed,
        "config": trial.config.model_dump(mode="json"),
    }
