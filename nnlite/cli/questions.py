"""The commands that ask about past runs: `report`, `best` and `runs`. They read files and train nothing."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nnlite.cli.options import EXPERIMENTS, REPORTS, Experiments, Folder, Json
from nnlite.cli.output import answer, answer_fields, answer_json, answer_table, say
from nnlite.runs import Metric
from nnlite.runs.quantities import number, score

if TYPE_CHECKING:
    from nnlite.report import Best, Trial

# Each command imports the report for itself: pandas and matplotlib would take longer to load than a dry run to answer.


def report(
    experiments: Folder = EXPERIMENTS,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the pages go.", file_okay=False)] = REPORTS,
) -> None:
    """Write a Markdown page with plots for every sweep, and an index of them."""
    from nnlite.report import write_report  # noqa: PLC0415

    pages = write_report(experiments, out)
    for page in pages:
        answer(str(page))


def best(
    metric: Annotated[str | None, typer.Option(help="What to rank by; default: each sweep's objective.")] = None,
    experiments: Experiments = EXPERIMENTS,
    at: Annotated[
        Literal["best", "last"], typer.Option(help="A run's value: of its best epoch, or of its last.")
    ] = "best",
    as_json: Json = False,
) -> None:
    """Show the best trial of each sweep: its metrics, its parameters, the command that repeats it."""
    from nnlite.report import best as best_trials  # noqa: PLC0415

    found = best_trials(experiments, metric, at)
    if any(each.ranking.metric.on_test for each in found):
        say(f"warning: ranking by {metric} selects on the test images; report such a winner's test score with care")
    if as_json:
        answer_json("nnlite.best/1", best=[_best_fields(each) for each in found])
        return
    for each in found:
        run, chosen = each.trial.run, each.ranking.metric
        value = score(chosen, each.trial.value or 0.0)
        when = f" after epoch {each.trial.epoch}" if each.trial.epoch else ""
        answer(f"{run.sweep} ({run.model} on {run.dataset}): run {run.id} has {chosen.name} {value}{when}")
        answer_fields({name: number(value, 6) for name, value in each.metrics.items()})
        answer("with")
        answer_fields({name: _plain(value) for name, value in each.parameters.items() if value is not None})
        answer(f"repeat it: {_repeat(each.folder)}\n")


def runs(experiments: Folder = EXPERIMENTS, as_json: Json = False) -> None:
    """List runs: status, epochs, and the best value of their objective."""
    from nnlite.report import collect, group_runs, rank  # noqa: PLC0415

    collection = collect(experiments)
    rows = [
        (ranking.metric, configuration.label, trial)
        for ranking in map(rank, group_runs(collection.runs))
        for configuration in ranking.configurations
        for trial in configuration.trials
    ]
    if as_json:
        answer_json("nnlite.runs/1", runs=[_run_fields(metric, trial) for metric, _, trial in rows])
        return
    answer_table(
        ["sweep", "run", "trial", "seed", "status", "epochs", "objective"],
        [
            [
                *(trial.run.sweep, trial.run.id, label, str(trial.run.seed), trial.run.status),
                str(len(trial.run.epochs)),
                f"{metric.name} {score(metric, trial.value)} (epoch {trial.epoch})" if trial.value is not None else "",
            ]
            for metric, label, trial in rows
        ],
    )
    for left_out in collection.left_out:
        say(f"left out {left_out.folder.path}: {left_out.reason}")


def _repeat(folder: Path) -> str:
    return f"nnlite train {shlex.quote(str(folder / 'run.jsonl'))} --experiments repeated"


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _best_fields(found: "Best") -> dict[str, Any]:
    run = found.trial.run
    return {
        "sweep": run.sweep,
        "run": run.id,
        "model": run.model,
        "dataset": run.dataset,
        "metric": found.ranking.metric.name,
        "value": found.trial.value,
        "epoch": found.trial.epoch,
        "metrics": found.metrics,
        "parameters": found.parameters,
        "folder": str(found.folder),
        "repeat": _repeat(found.folder),
    }


def _run_fields(metric: Metric, trial: "Trial") -> dict[str, Any]:
    run = trial.run
    return {
        "sweep": run.sweep,
        "run": run.id,
        "model": run.model,
        "dataset": run.dataset,
        "seed": run.seed,
        "status": run.status,
        "epochs": len(run.epochs),
        "metric": metric.name,
        "value": trial.value,
        "epoch": trial.epoch,
        "config": run.config,
        "error": run.error or None,
    }
