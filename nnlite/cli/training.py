"""The commands that train: `sweep` and `train`."""

import shlex
from pathlib import Path
from typing import Any

import typer
from joblib import cpu_count

from nnlite.cli.options import (
    EXPERIMENTS,
    DataDir,
    DryRun,
    Experiments,
    Jobs,
    Json,
    RetryFailed,
    Settings,
    Spec,
)
from nnlite.cli.output import answer, answer_json, answer_table, news, say
from nnlite.data import Dataset, locate
from nnlite.errors import InputError
from nnlite.models import Epoch, prepare_reference
from nnlite.runs import RunFolder, read_run
from nnlite.runs.paths import LOG_NAME
from nnlite.runs.quantities import counted
from nnlite.sweep import (
    Outcome,
    Plan,
    Sweep,
    Trial,
    claim,
    expand,
    load_sweep,
    make_plan,
    run_trials,
    single,
    sweep_of_run,
)
from nnlite.sweep.display import make_display
from nnlite.sweep.environment import limit_threads

GOOD_ENDS = ("completed", "pruned")


def sweep(
    spec: Spec,
    settings: Settings = None,
    experiments: Experiments = EXPERIMENTS,
    jobs: Jobs = None,
    data: DataDir = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    as_json: Json = False,
) -> None:
    """Train every trial of a sweep file, in parallel; called again, only what is missing."""
    checked = load_sweep(spec, settings or ())
    dataset = locate(checked.dataset, data, announce=say)
    plan = make_plan(expand(checked, dataset), experiments / checked.name, retry_failed=retry_failed)
    command = _command("sweep", spec, settings)
    _carry_out(checked, dataset, plan, jobs or cpu_count(), command, dry_run=dry_run, as_json=as_json)


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
    dataset = locate(checked.dataset, data, announce=say)
    plan = make_plan([single(checked, dataset)], experiments / checked.name, retry_failed=retry_failed)
    command = _command("train", spec, settings)
    _carry_out(checked, dataset, plan, 1, command, dry_run=dry_run, as_json=as_json)


def _spec_of_one(spec: Path, settings: list[str]) -> Sweep:
    if spec.name != LOG_NAME:
        return load_sweep(spec, settings)
    if not spec.is_file():
        raise InputError(f"{spec}: no such file")
    run = read_run(RunFolder(spec.parent))
    if not run.start:
        raise InputError(f"{spec} has no start event, so it does not say what was trained")
    return sweep_of_run(run, spec, settings)


def _command(name: str, spec: Path, settings: list[str] | None) -> str:
    """What one types to train the same again."""
    return shlex.join(["nnlite", name, str(spec), *(word for each in settings or () for word in ("-S", each))])


def _carry_out(
    checked: Sweep, dataset: Dataset, plan: Plan, jobs: int, command: str, *, dry_run: bool, as_json: bool
) -> None:
    """Show the plan, or train what is pending in it and say how every trial ended."""
    if dry_run:
        _print_plan(plan, as_json=as_json)
        return
    outcomes = _train(checked, dataset, plan, jobs, command)
    ends = {trial.id: _end_of(plan.run_folder(trial), outcomes.get(trial.id)) for trial in plan.trials}
    _print_ends(plan, ends, as_json=as_json)
    if any(end.status not in GOOD_ENDS for end in ends.values()):
        raise typer.Exit(1)


def _train(checked: Sweep, dataset: Dataset, plan: Plan, jobs: int, command: str) -> dict[str, Outcome]:
    if plan.done:
        say(f"{len(plan.done)} of {len(plan.trials)} trials are done already")
    if not plan.pending:
        say("nothing is left to train: more epochs, values or seeds extend a sweep, --experiments DIR begins another")
        return {}
    with claim(plan.folder):
        context = {"spec": str(checked.source), "command": command, **_prepare(checked, dataset)}
        at_once = min(jobs, len(plan.pending))
        say(f"{counted(len(plan.pending), 'trial')} to train in {plan.folder}, {at_once} at a time")
        with make_display(plan, news, say) as display:
            return run_trials(plan, jobs, context, display)


def _print_ends(plan: Plan, ends: dict[str, Outcome], *, as_json: bool) -> None:
    if as_json:
        trials = [
            _trial_fields(plan, trial, ends[trial.id].status) | {"error": ends[trial.id].error or None}
            for trial in plan.trials
        ]
        answer_json("nnlite.sweep/1", folder=str(plan.folder), trials=trials)
        return
    bad = [trial for trial in plan.trials if ends[trial.id].status not in GOOD_ENDS]
    for trial in bad:
        end = ends[trial.id]
        say(f"{trial.id} {trial.describe()}: {end.status}{': ' + end.error if end.error else ''}")
    if any(ends[trial.id].status == "failed" for trial in bad):
        say("--retry-failed trains the failed trials again")
    answer(f"{len(plan.trials) - len(bad)} of {len(plan.trials)} trials done in {plan.folder}")
    say(f"next: nnlite report {plan.folder.parent}")


def _end_of(folder: RunFolder, outcome: Outcome | None) -> Outcome:
    """How a trial stands: as the runner was told, or, if it was done before, as its log says."""
    if outcome is not None:
        return outcome
    run = read_run(folder)
    return Outcome(run.status, run.error)


def _prepare(checked: Sweep, dataset: Dataset) -> dict[str, str]:
    """Make ready what all workers share, before the first of them starts; what their logs should say about it."""
    if checked.model != "gan":
        return {}

    def progress(epoch: Epoch) -> None:
        accuracy = epoch.metrics["train_acc"]
        say(f"reference classifier for {dataset.name}, epoch {epoch.number}: training accuracy {accuracy:.2%}")

    with limit_threads():
        return {"reference": prepare_reference(dataset, progress).fingerprint}


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    pending = {trial.id for trial in plan.pending}
    states = {trial.id: _state(plan, trial) if trial.id in pending else "done" for trial in plan.trials}
    if as_json:
        trials = [_trial_fields(plan, trial, states[trial.id]) for trial in plan.trials]
        answer_json("nnlite.plan/1", folder=str(plan.folder), trials=trials)
        return
    answer_table(
        ["run", "trial", "epochs", "state"],
        [[trial.id, trial.describe(), str(trial.config.epochs), states[trial.id]] for trial in plan.trials],
    )
    answer(f"{counted(len(plan.trials), 'trial')}, {len(pending)} to train, in {plan.folder}")


def _state(plan: Plan, trial: Trial) -> str:
    """What training a pending trial begins with."""
    folder = plan.run_folder(trial)
    if not folder.log.exists():
        return "to train"
    return "to go on" if folder.checkpoint.exists() else "to start over: it has no checkpoint"


def _trial_fields(plan: Plan, trial: Trial, status: str) -> dict[str, Any]:
    return {
        "run": trial.id,
        "folder": str(plan.run_folder(trial).path),
        "status": status,
        "seed": trial.seed,
        "config": trial.config.model_dump(mode="json"),
    }
