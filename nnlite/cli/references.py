"""RUN on the command line: a path, an id or its unique beginning, `@best` or `@last`."""

from pathlib import Path
from typing import Annotated

import typer

from nnlite.cli.output import say
from nnlite.errors import InputError
from nnlite.runs import Run, RunFolder, find_run, read_run, schema_warning, why_unusable

BEST = "@best"
Reference = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's folder, its id or the id's beginning, @best or @last.", show_default=False
    ),
]


def run_named(reference: str, experiments: Path, model: str | None = None) -> Run:
    """The run that `reference` names; if a trained `model` is wanted, `@best` looks for one of these alone.

    Raises:
        InputError: it names none or several, or the log has no start event.
        NothingFoundError: `experiments` holds no run.
    """
    run = read_run(_best(experiments, model) if reference == BEST else find_run(reference, experiments))
    if reason := why_unusable(run):
        raise InputError(f"{run.folder.log}: {reason}, so it does not say what was trained")
    if warning := schema_warning([run]):
        say(warning)
    return run


def _best(experiments: Path, model: str | None) -> RunFolder:
    from nnlite.report import best  # noqa: PLC0415 - pandas, which a path or an id does without

    found = best(experiments)
    if model is not None:  # where none fits, whatever there is goes on, to an error that says what it lacks
        found = [each for each in found if each.trial.run.model == model] or found
        found = [each for each in found if each.trial.run.folder.best.exists()] or found
    if len(found) > 1:
        places = list(dict.fromkeys(str(each.folder.parent) for each in found))
        choices = (
            ", ".join(f"--experiments {place}" for place in places)
            if len(places) > 1
            else f"give the id of one: {', '.join(each.trial.run.id for each in found)}"
        )
        raise InputError(f"{experiments} has a {BEST} for each of {len(found)} sweeps; choose one: {choices}")
    return found[0].trial.run.folder
