"""The commands that ask about past runs: `report`, `best` and `runs`. They read files and train nothing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nnlite.cli.options import (
    EXPERIMENTS,
    REPORTS,
    At,
    Columns,
    Experiments,
    Folder,
    Format,
    Json,
    Shape,
    Sort,
    Top,
    Watch,
    Where,
)
from nnlite.cli.output import answer, answer_fields, answer_json, news, say
from nnlite.cli.references import repeat
from nnlite.cli.tabulating import answer_as, document_at_least, format_asked, nested, tabulate
from nnlite.errors import InputError, NothingFoundError
from nnlite.queries import Column, Entry, Query, Selection, Vocabulary, select
from nnlite.runs import Conflict, Run, conflict_warning, skim_run
from nnlite.runs.quantities import counted, number, score
from nnlite.sweep.display import make_screen
from nnlite.sweep.display import watch as watch_runs

if TYPE_CHECKING:
    from nnlite.report import Best

LISTED = "sweep,run,trial,seed,status,epochs,objective"
BEST = "sweep,run,trial,seed,objective"
FLAT = "sweep,run,model,dataset,seed,status,epochs,metric,objective,epoch"

# Each command imports the report for itself: pandas and matplotlib would take longer to load than a dry run to answer.


def report(
    experiments: Folder = EXPERIMENTS,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the pages go.", file_okay=False)] = REPORTS,
) -> None:
    """Write a Markdown page with plots for every sweep, and an index of them."""
    from nnlite.report import write_report  # noqa: PLC0415

    pages = write_report(experiments, out, say)
    for page in pages:
        answer(str(page))


def best(
    metric: Annotated[str | None, typer.Option(help="What to rank by; default: each sweep's objective.")] = None,
    experiments: Experiments = EXPERIMENTS,
    at: At = "best",
    where: Where = None,
    sort: Sort = None,
    columns: Columns = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="The N best trials of each sweep.")] = 1,
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Show the best trial of each sweep: its metrics, its parameters, the command that repeats it."""
    from nnlite.report import best as best_trials  # noqa: PLC0415
    from nnlite.report import entries  # noqa: PLC0415

    chosen = format_asked(shape, as_json)

    def kept(runs: list[Run]) -> list[Run]:
        listed = entries(runs) if where is not None else []
        found = select(listed, Query(where=where, at=at))
        if listed and not found.entries:
            raise NothingFoundError(_nothing(experiments, len(listed), found))
        return [entry.run for entry in found.entries] if listed else runs

    with document_at_least(chosen, "nnlite.best/1", best=[], conflicts=[]):
        found = best_trials(experiments, metric, at, keep=kept, top=top)
    if any(each.ranking.metric.on_test for each in found):
        say(f"warning: ranking by {metric} selects on the test images; report such a winner's test score with care")
    conflicts = list({each.run: each for one in found for each in one.conflicts}.values())
    _warn(conflicts)
    by_run = {id(each.trial.run): each for each in found}
    selection = select([each.entry for each in found], Query(sort=sort, at=at))
    found = [by_run[id(entry.run)] for entry in selection.entries]
    vocabulary = Vocabulary(selection.entries)
    if chosen == "json":
        wanted = vocabulary.columns(columns) if columns is not None else None
        fields = [nested(each.entry, wanted, at) if wanted else _best_fields(each) for each in found]
        answer_json("nnlite.best/1", best=fields, conflicts=list(map(_conflict_fields, conflicts)))
    elif chosen == "table" and columns is None and top == 1:
        for each in found:
            _answer_best(each)
    else:
        shown = _columns(vocabulary, columns, BEST, _untold(selection), chosen)
        answer_as(chosen, tabulate(selection.entries, shown, at, flat=chosen == "csv"))


def _answer_best(found: "Best") -> None:
    run, chosen = found.trial.run, found.ranking.metric
    value = score(chosen, found.trial.value or 0.0)
    when = f" after epoch {found.trial.epoch}" if found.trial.epoch else ""
    when += "" if run.status == "completed" else f"; it is {run.status}, with {len(run.epochs)} epochs trained"
    answer(f"{run.sweep} ({run.model} on {run.dataset}): run {run.id} has {chosen.name} {value}{when}")
    answer_fields({name: number(value, 6) for name, value in found.metrics.items()})
    answer("with")
    answer_fields({name: _plain(value) for name, value in found.parameters.items() if value is not None})
    answer(f"repeat it: {repeat(found.folder)}\n")


def runs(
    experiments: Folder = EXPERIMENTS,
    where: Where = None,
    sort: Sort = None,
    columns: Columns = None,
    top: Top = None,
    at: At = "best",
    shape: Shape = None,
    watch: Watch = False,
    as_json: Json = False,
) -> None:
    """List runs: status, epochs, and the best value of their objective."""
    if watch:
        asked = {"--where": where, "--sort": sort, "--columns": columns, "--top": top, "--format": shape}
        asked["--json"] = as_json or None
        if given := [name for name, value in asked.items() if value is not None]:
            raise InputError(f"--watch shows all runs as they go, and takes no {given[0]}")
        if signum := watch_runs(experiments, make_screen(news, say)):
            raise typer.Exit(128 + signum)
        return
    from nnlite.report import collect, entries  # noqa: PLC0415

    chosen = format_asked(shape, as_json)
    with document_at_least(chosen, "nnlite.runs/1", runs=[], conflicts=[]):
        collection = collect(experiments, skim_run)
    listed = entries(collection.runs)
    vocabulary = Vocabulary(listed)
    found = select(listed, Query(where, sort, top, at), vocabulary)
    wanted = vocabulary.columns(columns) if columns is not None else None
    _warn(collection.conflicts)
    if chosen == "json":
        fields = [nested(entry, wanted, at) if wanted else _run_fields(entry, at) for entry in found.entries]
        answer_json("nnlite.runs/1", runs=fields, conflicts=list(map(_conflict_fields, collection.conflicts)))
    elif found.entries or chosen == "csv":
        shown = wanted or _columns(vocabulary, None, LISTED, _untold(found), chosen)
        answer_as(chosen, tabulate(found.entries, shown, at, flat=chosen == "csv"))
    for left_out in collection.left_out:
        say(f"left out {left_out.folder.path}: {left_out.reason}")
    if not found.entries:
        raise NothingFoundError(_nothing(experiments, len(listed), found))


def _columns(
    vocabulary: Vocabulary, names: str | None, default: str, asked: list[Column], chosen: Format
) -> list[Column]:
    """The columns to show: those named, else the default ones, what the question was about, and all in CSV."""
    if names is not None:
        return vocabulary.columns(names)
    columns = vocabulary.columns(default if chosen != "csv" else f"{FLAT},config")
    shown = {column.flat for column in columns} | {"id"}
    return columns + [column for column in asked if column.flat not in shown]


def _untold(found: Selection) -> list[Column]:
    """The columns that the question was about, but for what the objective and the trial tell of every run."""
    return [
        column
        for column in found.columns
        if not all(
            column.key == entry.objective.name if column.metric else f"{column.key} " in entry.trial
            for entry in found.entries
        )
    ]


def _nothing(experiments: Path, count: int, found: Selection) -> str:
    hint = f": {found.hint}" if found.hint else ""
    return f"none of the {counted(count, 'run')} in {experiments} is such{hint}"


def _warn(conflicts: list[Conflict]) -> None:
    if warning := conflict_warning(conflicts):
        say(warning)


def _conflict_fields(conflict: Conflict) -> dict[str, Any]:
    difference = conflict.difference
    return {
        "run": conflict.run,
        "epoch": difference.epoch or None,
        "metric": difference.metric,
        "values": [difference.one, difference.other],
        "folders": [str(run.folder.path) for run in (conflict.one, conflict.other)],
    }


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _best_fields(found: "Best") -> dict[str, Any]:
    run = found.trial.run
    return {
        "sweep": run.sweep,
        "run": run.id,
        "model": run.model,
        "dataset": run.dataset,
        "status": run.status,
        "metric": found.ranking.metric.name,
        "value": found.trial.value,
        "epoch": found.trial.epoch,
        "metrics": found.metrics,
        "parameters": found.parameters,
        "folder": str(found.folder),
        "repeat": repeat(found.folder),
    }


def _run_fields(entry: Entry, at: Literal["best", "last"]) -> dict[str, Any]:
    run, measured = entry.run, entry.measured(entry.objective, at)
    return {
        "sweep": run.sweep,
        "run": run.id,
        "model": run.model,
        "dataset": run.dataset,
        "seed": run.seed,
        "status": run.status,
        "epochs": len(run.epochs),
        "metric": entry.objective.name,
        "value": measured.value if measured else None,
        "epoch": measured.epoch if measured else None,
        "config": run.config,
        "error": run.error or None,
    }
