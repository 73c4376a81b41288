"""The command that compares runs: `diff`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nnlite.cli.options import EXPERIMENTS, At, Columns, Experiments, Json, Shape, Sort, Top, Where
from nnlite.cli.output import answer, answer_json
from nnlite.cli.references import run_named
from nnlite.cli.tabulating import MISSING, Table, answer_as, document_at_least, format_asked, plain
from nnlite.errors import InputError, NothingFoundError
from nnlite.queries import Differences, Entry, Query, Vocabulary, differences, select
from nnlite.runs import Value
from nnlite.runs.comparison import exactly
from nnlite.runs.quantities import counted, duration, score

SHOWN_ID = 8  # letters of an id at the head of a column, for people, where these tell the runs apart


def diff(
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Two runs or more; none: those that --where and --top choose."),
    ] = None,
    experiments: Experiments = EXPERIMENTS,
    where: Where = None,
    sort: Sort = None,
    columns: Columns = None,
    top: Top = None,
    at: At = "best",
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Show how runs differ: hyperparameters, environment, metrics, and the first epoch that is not the same."""
    chosen = format_asked(shape, as_json)
    with document_at_least(chosen, "nnlite.diff/1", runs=[]):
        entries = _chosen(references or [], experiments, Query(where, sort, top, at))
    found = differences(entries, Vocabulary(entries).columns(columns) if columns is not None else None)
    if chosen == "json":
        answer_json("nnlite.diff/1", **_fields(found))
        return
    table = _table(found, flat=chosen == "csv")
    if table.rows:
        answer_as(chosen, table)
    if chosen == "table":
        answer("\n".join(["", *_partings(found)] if table.rows else _partings(found)))


def _chosen(references: list[str], experiments: Path, query: Query) -> list[Entry]:
    """The runs to compare.

    Raises:
        InputError: fewer than two are named.
        NothingFoundError: fewer than two are as was asked for.
    """
    if references:
        runs = [run_named(reference, experiments) for reference in references]
        entries = [Entry(run, run.objective, run.id) for run in runs]
    elif query.where is None and query.top is None:
        raise InputError("give two runs or more, or choose them by --where and --top")
    else:
        from nnlite.report import collect  # noqa: PLC0415 - pandas, which named runs do without
        from nnlite.report import entries as listed  # noqa: PLC0415

        entries = listed(collect(experiments).runs)
    if len(entries) < 2:
        raise InputError("one run differs from nothing: give two or more")
    found = select(entries, query)
    if len(found.entries) < 2:
        hint = f": {found.hint}" if found.hint else ""
        raise NothingFoundError(
            f"{len(found.entries)} of {counted(len(entries), 'run')} are such, too few to compare{hint}"
        )
    return found.entries


def _table(found: Differences, *, flat: bool) -> Table:
    """One row for each thing that differs, one column for each run."""
    names, rows, texts = [], [], []

    def add(name: str, values: list[Any], said: list[str]) -> None:
        names.append(name)
        rows.append(values)
        texts.append(said)

    for kind, part in (("", found.facts), ("config.", found.config), ("environment.", found.environment)):
        for row in part:
            say = duration if row.name == "seconds" and not kind else plain
            said = [MISSING if value is None else say(value) for value in row.values]
            add(f"{kind if flat or kind == 'environment.' else ''}{row.name}", row.values, said)
    for each in found.metrics:
        metric = each.column.metric
        assert metric is not None
        for when, values in (("best", each.best), ("last", each.last)):
            if when == "last" and values == each.best and not flat:
                continue  # one row says it
            said = [f"{score(metric, value.value)}{_epoch(value)}" if value else MISSING for value in values]
            name = f"{each.column.flat}.{when}" if flat else f"{each.column.key}, {when}"
            if not flat and not any(value and value.epoch for value in values):
                name = each.column.key  # measured once, at the end
            add(name, [value.value if value else None for value in values], said)
    ids = [entry.run.id for entry in found.entries]
    short = [each[:SHOWN_ID] for each in ids]
    return Table(
        ["name", *(ids if flat or len({*short}) < len({*ids}) else short)],
        [[name, *values] for name, values in zip(names, rows, strict=True)],
        [[name, *said] for name, said in zip(names, texts, strict=True)],
    )


def _epoch(value: Value) -> str:
    return f" (epoch {value.epoch})" if value.epoch else ""


def _partings(found: Differences) -> list[str]:
    """For each run but the first, from where on it goes its own way."""
    first = found.entries[0].run
    sentences = []
    for entry, parting, common in zip(found.entries[1:], found.partings, found.common, strict=True):
        pair = f"{first.id} and {entry.run.id}"
        if not common:
            sentences.append(f"{pair} have no epoch in common")
        elif parting is None:
            sentences.append(f"{pair} have the same numbers in {counted(common, 'epoch')}")
        else:
            values = f"{exactly(parting.one)} and {exactly(parting.other)}"
            sentences.append(f"{pair} differ from epoch {parting.epoch} on: {parting.metric} is {values}")
    return sentences


def _fields(found: Differences) -> dict[str, Any]:
    def value(of: Value | None) -> dict[str, float] | None:
        return vars(of) if of else None

    return {
        "runs": [entry.run.id for entry in found.entries],
        "folders": [str(entry.run.folder.path) for entry in found.entries],
        "facts": {row.name: row.values for row in found.facts},
        "config": {row.name: row.values for row in found.config},
        "environment": {row.name: row.values for row in found.environment},
        "metrics": {
            each.column.key: {"best": list(map(value, each.best)), "last": list(map(value, each.last))}
            for each in found.metrics
        },
        "first_differences": [
            {"run": entry.run.id, "common_epochs": common}
            | {"epoch": parting and parting.epoch, "metric": parting and parting.metric}
            | {"values": [parting.one, parting.other] if parting else None}
            for entry, parting, common in zip(found.entries[1:], found.partings, found.common, strict=True)
        ],
    }
