"""The commands that ask about past runs: `report` and `runs`. They read files and train nothing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nnlite.cli.options import (
    EXPERIMENTS,
    REPORTS,
    At,
    Columns,
    Folder,
    Format,
    Json,
    Shape,
    Sort,
    Top,
    Watch,
    Where,
)
from nnlite.cli.output import answer, answer_json, news, say
from nnlite.cli.tabulating import answer_as, document_at_least, format_asked, nested, tabulate
from nnlite.errors import InputError, NothingFoundError
from nnlite.queries import Column, Entry, Query, Selection, Vocabulary, select
from nnlite.runs import Conflict, Run, conflict_warning, schema_warning
from nnlite.runs.glance import uncollected
from nnlite.runs.quantities import counted

LISTED = "sweep,run,trial,seed,status,epochs,objective"
FLAT = "sweep,run,model,dataset,seed,status,epochs,metric,objective,epoch"

# Each command imports the report for itself: pandas and matplotlib would take longer to load than a dry run to answer.


def report(
    experiments: Folder = EXPERIMENTS,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the pages go.", file_okay=False)] = REPORTS,
    html: Annotated[bool, typer.Option("--html", help="One interactive file instead, DIR/report.html.")] = False,
) -> None:
    """Write a Markdown page with plots for every sweep, and an index of them."""
    if html:
        from nnlite.interactive import write_interactive_report  # noqa: PLC0415

        answer(str(write_interactive_report(experiments, out, say)))
        return
    from nnlite.report import write_report  # noqa: PLC0415

    pages = write_report(experiments, out, say)
    for page in pages:
        answer(str(page))


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
        from nnlite.sweep.display import make_screen  # noqa: PLC0415
        from nnlite.sweep.display import watch as watch_runs  # noqa: PLC0415

        if signum := watch_runs(experiments, make_screen(news, say)):
            raise typer.Exit(128 + signum)
        return
    from nnlite.report import collect, entries  # noqa: PLC0415

    chosen = format_asked(shape, as_json)
    with document_at_least(chosen, "nnlite.runs/1", runs=[], conflicts=[]), uncollected():
        collection = collect(experiments)
        listed = entries(collection.runs)
    vocabulary = Vocabulary(listed)
    found = select(listed, Query(where, sort, top, at), vocabulary)
    wanted = vocabulary.columns(columns) if columns is not None else None
    warn(collection.conflicts, collection.runs)
    if chosen == "json":
        fields = [nested(entry, wanted, at) if wanted else _run_fields(entry, at) for entry in found.entries]
        answer_json("nnlite.runs/1", runs=fields, conflicts=list(map(conflict_fields, collection.conflicts)))
    elif found.entries or chosen == "csv":
        shown = wanted or columns_shown(vocabulary, None, LISTED, untold(found), chosen)
        answer_as(chosen, tabulate(found.entries, shown, at, flat=chosen == "csv"))
    for left_out in collection.left_out:
        say(f"left out {left_out.folder.path}: {left_out.reason}")
    if not found.entries:
        raise NothingFoundError(nothing_found(experiments, len(listed), found))


def columns_shown(
    vocabulary: Vocabulary, names: str | None, default: str, asked: list[Column], chosen: Format
) -> list[Column]:
    """The columns to show: those named, else the default ones, what the question was about, and all in CSV."""
    if names is not None:
        return vocabulary.columns(names)
    columns = vocabulary.columns(default if chosen != "csv" else f"{FLAT},config")
    shown = {column.flat for column in columns} | {"id"}
    return columns + [column for column in asked if column.flat not in shown]


def untold(found: Selection) -> list[Column]:
    """The columns that the question was about, but for what the objective and the trial tell of every run."""
    return [
        column
        for column in found.columns
        if not all(
            column.key == entry.objective.name if column.metric else f"{column.key} " in entry.trial
            for entry in found.entries
        )
    ]


def nothing_found(experiments: Path, count: int, found: Selection) -> str:
    """Why there is no answer, in a sentence."""
    hint = f": {found.hint}" if found.hint else ""
    return f"none of the {counted(count, 'run')} in {experiments} is such{hint}"


def warn(conflicts: list[Conflict], runs: Iterable[Run] = ()) -> None:
    """Say which runs have two results, and which logs are of a schema that is not known."""
    if warning := schema_warning(runs):
        say(warning)
    if warning := conflict_warning(conflicts):
        say(warning)


def conflict_fields(conflict: Conflict) -> dict[str, Any]:
    """A conflict as JSON has it."""
    difference = conflict.difference
    return {
        "run": conflict.run,
        "epoch": difference.epoch or None,
        "metric": difference.metric,
        "values": [difference.one, difference.other],
        "folders": [str(run.folder.path) for run in (conflict.one, conflict.other)],
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
