"""`best --resolve`: further seeds for configurations that cannot be told apart, printed, or trained with `--run`."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnlite.cli.output import answer, say
from nnlite.cli.training import train_plan
from nnlite.data import locate
from nnlite.runs.quantities import counted
from nnlite.sweep import GOOD_ENDS, LocalPlaces, make_plan, sweep_of_run, with_seed

if TYPE_CHECKING:
    from nnlite.report import Best, Configuration


def answer_further(found: "Best", budget: int, experiments: Path) -> None:
    """Say which further seeds would tell the configurations apart, with the command that trains each."""
    further = further_fields(found, budget)
    sweep = found.trial.run.sweep
    if not further:
        answer(f"{sweep}: nothing has to be told apart, no further seed is needed\n")
        return
    answer(f"{sweep}: to tell {_contenders(found)} apart, {counted(len(further), 'further run')}:")
    for each in further:
        answer(f"  {each['command']}")
    again = resolve_command(experiments, budget)
    answer(f"train these, and more until they separate or {counted(budget, 'run')} have been trained: {again}\n")


def further_fields(found: "Best", budget: int) -> list[dict[str, Any]]:
    """The next round of further seeds: the configuration, the seed, and the command that trains it."""
    return [
        {"parameters": each.parameters, "seed": seed, "command": _command(each, seed)}
        for each, seed in _next_round(found, budget)
    ]


def resolve_command(experiments: Path, budget: int) -> str:
    """What one types to train further seeds."""
    options = ["--experiments", str(experiments), "--resolve", "--run", "--budget", str(budget)]
    return shlex.join(["nnlite", "best", *options])


def train_further(
    ask: Callable[[], "list[Best]"], experiments: Path, budget: int, jobs: int | None, data: Path | None
) -> bool:
    """Train further seeds, round by round, until each sweep's winner stands alone or the budget is spent.

    Args:
        ask: chooses the winners anew, from the logs as they are.
        experiments: where they lie.
        budget: how many runs at most.
        jobs: how many trials at a time.
        data: where datasets lie.

    Returns:
        Whether all of them came to a good end.
    """
    well = True
    command = resolve_command(experiments, budget)
    rounds: dict[tuple[str, str, str], int] = {}
    while budget > 0:
        found, further = next(((each, new) for each in ask() if (new := _next_round(each, budget))), (None, []))
        if found is None:
            break
        group = found.ranking.group
        key = (group.sweep, group.dataset, group.model)
        rounds[key] = rounds.get(key, 0) + 1
        runs = counted(len(further), "further run")
        say(f"{group.sweep}, round {rounds[key]}: {runs} to tell {_contenders(found)} apart")
        well = _train_round(further, command, jobs, data) and well
        budget -= len(further)
    for (sweep, _, _), count in rounds.items():
        if count > 1:
            say(f"{sweep}: the tie was looked at after each of {count} rounds, each time by a test at its full level")
    return well


def _train_round(further: "list[tuple[Configuration, int]]", command: str, jobs: int | None, data: Path | None) -> bool:
    """Train these configurations with these seeds, beside the runs that they have."""
    first = further[0][0].trials[0].run
    dataset = locate(first.dataset, data, announce=say)
    trials = [with_seed(configuration.trials[0].run, dataset, seed) for configuration, seed in further]
    plan = make_plan(trials, first.folder.path.parent)
    context = {"command": command, "spec": first.start.get("spec")}
    checked = sweep_of_run(first, first.folder.log)
    results = train_plan(checked, dataset, plan, jobs, context, LocalPlaces())
    return all(end.status in GOOD_ENDS for end in results.outcomes.values()) and not results.halted


def _next_round(found: "Best", budget: int) -> "list[tuple[Configuration, int]]":
    from nnlite.report import further_seeds  # noqa: PLC0415 - pandas and matplotlib take long to load

    return further_seeds(found.ties, budget) if found.ties else []


def _contenders(found: "Best") -> str:
    return f"{counted(len(found.ties.unresolved), 'configuration')}" if found.ties else "none"


def _command(configuration: "Configuration", seed: int) -> str:
    run = configuration.trials[0].run
    folder = run.folder.path.parent.parent
    return shlex.join(["nnlite", "train", str(run.folder.log), "-S", f"seeds=[{seed}]", "--experiments", str(folder)])
