"""The command that hands runs to other tools: `export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nnlite.cli.options import EXPERIMENTS, At, Folder, Json, Sort, Top, Where
from nnlite.cli.output import answer, answer_json, say
from nnlite.cli.questions import nothing_found, warn
from nnlite.errors import NothingFoundError
from nnlite.queries import Query, select
from nnlite.runs.quantities import counted

Form = Annotated[
    Literal["csv", "parquet", "tensorboard", "optuna"],
    typer.Option("--to", help="For which tool; all but csv need an extra of that name.", show_default=False),
]
Out = Annotated[
    Path,
    typer.Option("--out", metavar="PATH", help="The file, or TensorBoard's folder; never overwritten."),
]


def export(
    form: Form,
    out: Out,
    experiments: Folder = EXPERIMENTS,
    where: Where = None,
    sort: Sort = None,
    top: Top = None,
    at: At = "best",
    as_json: Json = False,
) -> None:
    """Write runs for another tool: a CSV or Parquet file, TensorBoard's event files, a study of Optuna."""
    from nnlite.export import export_runs  # noqa: PLC0415 - with pandas, which the other commands do without
    from nnlite.report import collect, entries  # noqa: PLC0415 - as above

    collection = collect(experiments)
    listed = entries(collection.runs)
    found = select(listed, Query(where, sort, top, at))
    warn(collection.conflicts, collection.runs)
    for left_out in collection.left_out:
        say(f"left out {left_out.folder.path}: {left_out.reason}")
    if not found.entries:
        raise NothingFoundError(nothing_found(experiments, len(listed), found))
    export_runs([entry.run for entry in found.entries], form, out)
    if as_json:
        answer_json("nnlite.export/1", to=form, out=str(out), runs=len(found.entries))
        return
    answer(f"{out}: {counted(len(found.entries), 'run')}")
