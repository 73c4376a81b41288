"""The command that asks what pruning would have saved: `replay`. It reads logs and trains nothing."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlite.cli.options import EXPERIMENTS, Folder, Json
from nnlite.cli.output import answer, answer_fields, answer_json, say
from nnlite.errors import InputError, NothingFoundError
from nnlite.runs import Metric, metric_named, read_runs
from nnlite.runs.quantities import counted, score
from nnlite.sweep.pruning import FACTOR, GENERATION, RULES, Median, Rule, rule_named
from nnlite.sweep.replay import Replay, Rung
from nnlite.sweep.replay import replay as replay_runs
from nnlite.sweep.spec import Objective

if TYPE_CHECKING:
    from nnlite.report import Group


def replay(
    experiments: Folder = EXPERIMENTS,
    pruning: Annotated[str, typer.Option(metavar="RULE", help=f"Which rule: {', '.join(RULES)}.")] = RULES[0],
    factor: Annotated[
        int | None,
        typer.Option(min=2, help=f"Of halving: one in so many configurations goes on; default: {FACTOR}."),
    ] = None,
    min_epochs: Annotated[
        int | None,
        typer.Option(min=1, help="How long every trial is trained; default: median 1, halving by the budget."),
    ] = None,
    generation: Annotated[
        int | None,
        typer.Option(min=1, help=f"Of the median rule: configurations in a generation; default: {GENERATION}."),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="What to prune by; default: each sweep's objective.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a pruning rule would have saved on stored curves, and whether it would have kept the winner."""
    from nnlite.report import collect, group_runs  # noqa: PLC0415 - pandas takes long to load

    for option, value, of_median in (("factor", factor, False), ("generation", generation, True)):
        if value is not None and of_median != (pruning == "median"):
            raise InputError(f"--{option} is no option of --pruning {pruning}")
    options = {"factor": factor or FACTOR, "generation": generation or GENERATION}
    rule = rule_named(pruning, min_epochs=min_epochs, **options)
    groups = group_runs(collect(experiments, read_runs).runs)
    chosen = metric_named(metric, {name for group in groups for name in group.metric_names}) if metric else None
    if chosen and chosen.on_test:
        raise InputError(f"{chosen.name} is measured once, at the end of a run: it has no curve to prune by")
    documents: list[dict[str, Any]] = []
    for group in groups:
        by = chosen or group.objective
        replays, left_out = replay_runs(group.runs, Objective(by.name, by.direction), rule)
        if left_out:
            say(
                f"{group.sweep}: {counted(len(left_out), 'run')} left out, whose configuration was not trained to the "
                f"end with every seed, such as {left_out[0].id} ({left_out[0].status})"
            )
        for each in replays:
            documents.append(_fields(group, by, each))
            if not as_json:
                _answer(group, by, rule, each)
    if not documents:
        names = chosen.name if chosen else " or ".join(sorted({group.objective.name for group in groups}))
        raise NothingFoundError(f"{experiments} holds no configuration with whole curves of {names}")
    if as_json:
        answer_json("nnlite.replay/1", pruning={"strategy": pruning, **vars(rule)}, replays=documents)


def _answer(group: "Group", metric: Metric, rule: Rule, found: Replay) -> None:
    from nnlite.report.estimates import lead  # noqa: PLC0415 - as above

    runs = [run for seeds in found.configurations for run in seeds]
    configurations = counted(len(found.configurations), "configuration")
    answer(
        f"{group.sweep} ({group.model} on {group.dataset}): {configurations} by {metric.name}, "
        f"{counted(len(runs), 'run')} of {counted(found.budget, 'epoch')}"
    )
    fields = {"trained": f"{found.trained} of {found.of} epochs, {100 * found.saved:.0f} % saved"}
    if isinstance(rule, Median) and len(found.configurations) <= rule.generation:
        fields["trained"] += ": all configurations are of the first generation, which is compared with nothing"
    fate = "kept" if found.keeps_winner else f"stopped after epoch {found.stopped[found.winner]}"
    fields["winner"] = f"{fate}: {_worth(group, metric, found, found.winner)}"
    if not found.keeps_winner:
        worse = f", {lead(metric, found.loss, None)} worse" if math.isfinite(found.loss) else ""
        fields["instead"] = _worth(group, metric, found, found.named) + worse
    fields |= {f"epoch {rung.epoch}": _place(rung) for rung in found.rungs}
    answer_fields(fields)
    answer("")


def _worth(group: "Group", metric: Metric, found: Replay, position: int) -> str:
    mean = found.means[position]
    value = score(metric, mean) if math.isfinite(mean) else "lost a seed"
    return f"{_label(group, found, position)} ({metric.name} {value})"


def _place(rung: Rung) -> str:
    if rung.rank is None:
        return f"{counted(rung.arrived, 'configuration')}, without the winner"
    return f"{counted(rung.arrived, 'configuration')}, the winner is number {rung.rank}"


def _label(group: "Group", found: Replay, position: int) -> str:
    from nnlite.report import Configuration  # noqa: PLC0415 - as above

    config = found.configurations[position][0].config
    return Configuration({name: config.get(name) for name in group.varied}, []).label


def _fields(group: "Group", metric: Metric, found: Replay) -> dict[str, Any]:
    return {
        "sweep": group.sweep,
        "model": group.model,
        "dataset": group.dataset,
        "metric": metric.name,
        "direction": metric.direction,
        "epochs": found.budget,
        "trained": found.trained,
        "of": found.of,
        "saved": found.saved,
        "keeps_winner": found.keeps_winner,
        "winner": _configuration_fields(group, found, found.winner),
        "named": _configuration_fields(group, found, found.named),
        "rungs": [asdict(rung) for rung in found.rungs],
    }


def _configuration_fields(group: "Group", found: Replay, position: int) -> dict[str, Any]:
    mean = found.means[position]
    return {
        "configuration": _label(group, found, position),
        "runs": [run.id for run in found.configurations[position]],
        "mean": mean if math.isfinite(mean) else None,
        "trained_until": found.stopped[position],
    }
