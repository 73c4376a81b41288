"""The command that proves a run: `verify`."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nnlite.cli.options import EXPERIMENTS, DataDir, Experiments, Json
from nnlite.cli.output import answer, answer_json, news, say
from nnlite.cli.preparation import prepare
from nnlite.cli.references import Reference, run_named
from nnlite.errors import Stopped
from nnlite.runs import Run
from nnlite.runs.comparison import exactly
from nnlite.runs.fingerprint import Discrepancy
from nnlite.runs.quantities import counted
from nnlite.sweep.environment import describe_environment
from nnlite.sweep.verify import (
    Verification,
    check_verifiable,
    dataset_of_run,
    environment_discrepancies,
    trial_of_run,
    unnamed_environment,
)
from nnlite.sweep.verify import verify as train_again


def verify(
    reference: Reference,
    experiments: Experiments = EXPERIMENTS,
    data: DataDir = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", min=1, help="Compare the first N epochs alone.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Train and compare under another fingerprint, too.")] = False,
    as_json: Json = False,
) -> None:
    """Train a run again and compare each logged number bit for bit, timings aside."""
    run = run_named(reference, experiments)
    check_verifiable(run)
    here = describe_environment()
    differing = environment_discrepancies(run, here)
    verification = None
    if anyway or not differing:
        dataset = dataset_of_run(run, data, say)
        trial = trial_of_run(run, dataset)
        here |= prepare(trial.model, dataset)
        differing = environment_discrepancies(run, here)
        if anyway or not differing:
            with _progress(run, min(epochs or len(run.epochs), len(run.epochs))) as progress:
                try:
                    verification = train_again(run, trial, progress, epochs=epochs)
                except Stopped as stopped:
                    say("stopped; nothing is left of it")
                    raise typer.Exit(stopped.exit_code) from None
    if as_json:
        answer_json("nnlite.verify/1", **_fields(run, verification, differing))
    else:
        _tell(run, verification, differing, here.get("git"))
    if verification is None or not verification.identical:
        raise typer.Exit(1)


@contextlib.contextmanager
def _progress(run: Run, total: int) -> Iterator[Callable[[int], None]]:
    """A bar of the epochs that were equal, on a terminal; elsewhere a line after each tenth of them."""
    say(f"training {run.id} again: {counted(total, 'epoch')} of {run.model} on {run.dataset}")
    if not news.is_terminal or news.is_dumb_terminal:
        told = 0

        def tell(epochs: int) -> None:
            nonlocal told
            if (epochs - told) * 10 >= total and epochs < total:
                told = epochs
                say(f"{epochs} of {total} epochs are identical so far")

        yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("epochs"))
    with Progress(*columns, console=news, transient=True) as bar:
        task = bar.add_task("identical so far", total=total)
        yield lambda epochs: bar.update(task, completed=epochs)


def _tell(run: Run, verification: Verification | None, differing: list[Discrepancy], commit: str | None) -> None:
    otherwise = "; ".join(f"{each.name} was {each.one} and is {each.other}" for each in differing)
    if verification is None:
        answer(f"not comparable: {otherwise}")
        say("--anyway trains it all the same, and says whether the numbers agree")
        return
    if verification.identical:
        answer(f"identical: {counted(verification.epochs, 'epoch')}, {counted(verification.numbers, 'number')}")
    elif found := verification.difference:
        answer(f"different: {found.place} was {exactly(found.one)} and is {exactly(found.other)}")
    if otherwise:
        say(f"under another fingerprint: {otherwise}")
    if unnamed := unnamed_environment(run):
        say(f"the log is of an older version and does not name {', '.join(unnamed)}")
    if not verification.identical and commit != run.start.get("git"):
        say(f"trained by commit {run.start.get('git') or 'unknown'}; this is {commit or 'unknown'}")


def _fields(run: Run, verification: Verification | None, differing: list[Discrepancy]) -> dict[str, object]:
    found = verification.difference if verification else None
    return {
        "run": run.id,
        "folder": str(run.folder.path),
        "result": "not comparable" if verification is None else "identical" if verification.identical else "different",
        "epochs": verification.epochs if verification else None,
        "numbers": verification.numbers if verification else None,
        "difference": found
        and {"epoch": found.epoch or None, "metric": found.metric, "logged": found.one, "trained": found.other},
        "discrepancies": [{"name": each.name, "logged": each.one, "here": each.other} for each in differing],
        "unnamed": unnamed_environment(run),
    }
