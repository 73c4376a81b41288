"""The command that chooses: `best`, the winner of each sweep, and how sure that is."""

import gc
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nnlite.cli.options import EXPERIMENTS, At, Columns, DataDir, Experiments, Jobs, Json, Shape, Sort, Where
from nnlite.cli.output import answer, answer_fields, answer_json, say
from nnlite.cli.questions import columns_shown, conflict_fields, nothing_found, untold, warn
from nnlite.cli.tabulating import answer_as, document_at_least, format_asked, nested, tabulate
from nnlite.errors import InputError, NothingFoundError
from nnlite.queries import Query, Vocabulary, select
from nnlite.runs import METRICS, Conflict
from nnlite.runs import Run as LoggedRun
from nnlite.runs.commands import refit_command, repeat_command, use_command
from nnlite.runs.glance import uncollected
from nnlite.runs.quantities import number, score

if TYPE_CHECKING:
    from nnlite.report import Best

BUDGET = 20  # further runs
BEST = "sweep,run,trial,seed,objective"

Simplest = Annotated[
    bool, typer.Option("--simplest", help="The cheapest of those that cannot be told apart from the winner.")
]
Resolve = Annotated[bool, typer.Option("--resolve", help="Which further seeds would tell apart what ties.")]
Run = Annotated[bool, typer.Option("--run", help="Train them, until the winner stands alone or the budget ends.")]
Budget = Annotated[int, typer.Option("--budget", metavar="N", min=1, help="Train N further runs at most.")]
First = Annotated[int, typer.Option("--top", metavar="N", min=1, help="The N best configurations of each sweep.")]


def best(
    metric: Annotated[str | None, typer.Option(help="What to rank by; default: each sweep's objective.")] = None,
    experiments: Experiments = EXPERIMENTS,
    at: At = "best",
    where: Where = None,
    sort: Sort = None,
    columns: Columns = None,
    top: First = 1,
    simplest: Simplest = False,
    resolve: Resolve = False,
    run: Run = False,
    budget: Budget = BUDGET,
    jobs: Jobs = None,
    data: DataDir = None,
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Show the winner of each sweep by its mean over seeds: what ties with it, its best trial, how to repeat that."""
    from nnlite.report import best as best_trials  # noqa: PLC0415 - SciPy takes long to load

    if resolve:  # which trains: most of nnlite, that takes as long to load as 10,000 runs to rank
        from nnlite.cli.resolving import answer_further, train_further  # noqa: PLC0415
    chosen = format_asked(shape, as_json)

    def ask() -> "list[Best]":
        return best_trials(
            experiments, metric, at, keep=partial(_kept, experiments, where, at), top=top, simplest=simplest
        )

    if run and not resolve:
        raise InputError("--run trains what --resolve names; give both")
    with document_at_least(chosen, "nnlite.best/1", best=[], conflicts=[]):
        well = train_further(ask, experiments, budget, jobs, data) if run else True
    with uncollected():  # one question about very many objects, and then the end
        with document_at_least(chosen, "nnlite.best/1", best=[], conflicts=[]):
            found = ask()
        _warn_of_choice(found, metric, simplest=simplest)
        conflicts = list({each.run: each for one in found for each in one.conflicts}.values())
        warn(conflicts, {id(run): run for each in found for run in each.ranking.group.runs}.values())
        by_run = {id(each.trial.run): each for each in found}
        selection = select([each.entry for each in found], Query(sort=sort, at=at))
        found = [by_run[id(entry.run)] for entry in selection.entries]
        if chosen == "table" and columns is None and top == 1:
            for each in found:
                _answer(each)
                if resolve:
                    answer_further(each, budget, experiments)
        elif chosen == "json":
            _answer_json(found, conflicts, columns, at, budget if resolve else None)
        else:
            shown = columns_shown(Vocabulary(selection.entries), columns, BEST, untold(selection), chosen)
            answer_as(chosen, tabulate(selection.entries, shown, at, flat=chosen == "csv"))
        gc.freeze()  # what was read stays to the end: no search for garbage shall go through it
    if not well:
        raise typer.Exit(1)


def _kept(experiments: Path, where: str | None, at: At, runs: list[LoggedRun]) -> list[LoggedRun]:
    """Those of the runs that the condition holds for."""
    from nnlite.report import entries  # noqa: PLC0415 - as above

    if where is None:
        return runs
    listed = entries(runs)
    found = select(listed, Query(where=where, at=at))
    if listed and not found.entries:
        raise NothingFoundError(nothing_found(experiments, len(listed), found))
    return [entry.run for entry in found.entries]


def _warn_of_choice(found: "list[Best]", metric: str | None, *, simplest: bool) -> None:
    from nnlite.report import findings  # noqa: PLC0415 - as above

    if any(each.ranking.metric.on_test for each in found):
        say(f"warning: ranking by {metric} selects on the test images; report such a winner's test score with care")
    caveats = (f"{each.trial.run.sweep}: {words}" for each in found for words in findings.caveats(each.ranking))
    for caveat in dict.fromkeys(caveats):  # once, however many configurations of a sweep are shown
        say(f"warning: {caveat}")
    for each in found:
        if simplest and each.ties and each.ties.rivals and not each.ties.tested:
            say(f"{each.trial.run.sweep}: with one seed nothing ties and nothing is worse; this is simply the first")


def _answer_json(
    found: "list[Best]", conflicts: list[Conflict], columns: str | None, at: Literal["best", "last"], budget: int | None
) -> None:
    """One JSON document; with a `budget`, also of the further seeds that it would go to."""
    wanted = Vocabulary([each.entry for each in found]).columns(columns) if columns is not None else None
    fields = [nested(each.entry, wanted, at) if wanted else _fields(each) for each in found]
    if budget is not None:
        from nnlite.cli.resolving import further_fields  # noqa: PLC0415 - as above

        fields = [own | {"further": further_fields(each, budget)} for own, each in zip(fields, found, strict=True)]
    answer_json("nnlite.best/1", best=fields, conflicts=list(map(conflict_fields, conflicts)))


def _answer(found: "Best") -> None:
    from nnlite.report import edges, findings  # noqa: PLC0415 - as above

    run, chosen = found.trial.run, found.ranking.metric
    count = len(found.ranking.configurations)
    about = f"{run.sweep} ({run.model} on {run.dataset})"
    if count == 1:
        answer(f"{about}: {chosen.name} {findings.worth(found.ranking, found.configuration)}")
    else:
        known = f"{chosen.name} {findings.worth(found.ranking, found.configuration)}"
        answer(f"{about}: {found.configuration.label} has {known}, {_place(found)}")
    for sentence in findings.about_the_winner(found.ranking, found.ties, lambda each: each.label):
        answer(sentence)
    if at_edges := edges(found.ranking):
        answer(findings.at_an_edge(at_edges))
        for edge in at_edges:
            answer(f"  {edge.line}")
    value = score(chosen, found.trial.value or 0.0)
    when = f" after epoch {found.trial.epoch}" if found.trial.epoch else ""
    when += "" if run.status == "completed" else f"; it is {run.status}, with {len(run.epochs)} epochs trained"
    seed = "" if len(found.configuration.trials) == 1 else ", its best seed"
    answer(f"run {run.id}{seed}: {chosen.name} {value}{when}")
    answer_fields({name: number(value, 6) for name, value in found.metrics.items()})
    answer("with")
    parameters = {name: value for name, value in found.parameters.items() if value is not None}
    answer_fields({name: json.dumps(value, ensure_ascii=False) for name, value in parameters.items()})
    answer(f"repeat it: {repeat_command(found.trial.run.folder.log)}")
    if run.folder.animation.exists():
        answer(f"see how it learnt to draw: {run.folder.animation}")
    if run.folder.best.exists() and (use := use_command(run.folder.path, run.model)):
        answer(f"use it: {use}")
    _answer_refits(found)
    answer("")


def _answer_refits(found: "Best") -> None:
    """What its configuration, trained on all images, got on the test images; or how to train it so."""
    from nnlite.report.groups import can_be_refitted  # noqa: PLC0415 - as above

    for run in found.refits:
        scores = {name: value for name, value in run.summary().items() if name in METRICS and METRICS[name].on_test}
        told = ", ".join(f"{name} {score(METRICS[name], value)}" for name, value in scores.items())
        answer(f"refitted on all training images: run {run.id}, seed {run.seed}: {told}")
    if not found.refits and can_be_refitted(found.ranking.metric):
        answer(f"refit it on all training images: {refit_command(found.trial.run.folder.log)}")


def _place(found: "Best") -> str:
    """What the configuration is among all."""
    count = len(found.ranking.configurations)
    if found.ties is None:
        return f"the first of {count} configurations, none of which was trained to the end without losing a seed"
    if found.configuration is found.ties.winner:
        return f"the best of {count} configurations"
    return (
        f"the cheapest of {len(found.ties.contenders)} that cannot be told apart; the best of {count} is "
        f"{found.ties.winner.label}"
    )


def _fields(found: "Best") -> dict[str, Any]:
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
        "repeat": repeat_command(found.trial.run.folder.log),
        "refits": [
            {"run": run.id, "seed": run.seed, "metrics": run.summary(), "folder": str(run.folder.path)}
            for run in found.refits
        ],
        **found.evidence(),
    }
