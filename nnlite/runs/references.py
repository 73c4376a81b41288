"""A reference: how a person names one run, by a path, by its id or the id's unique beginning, or as `@last`."""

import difflib
from pathlib import Path

from nnlite.errors import InputError, NothingFoundError
from nnlite.runs.glance import glance_at_runs
from nnlite.runs.history import Run
from nnlite.runs.paths import LOG_NAME, RunFolder, find_runs
from nnlite.runs.quantities import counted

LAST = "@last"
MOST_LISTED = 10


def find_run(reference: str, experiments: Path) -> RunFolder:
    """The folder of the run that `reference` names.

    Args:
        reference: the path of a run's folder or of its log; an id or its beginning; or `@last`, the run that was
            written to last, by the time in its log.
        experiments: where to look for ids.

    Raises:
        InputError: nothing is there, or several runs are; the sentence names the likeliest.
        NothingFoundError: `experiments` holds no run at all.
    """
    try:
        if reference and (path := _path(reference)):
            return path
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise InputError(f"{reference!r} is no run: {(error.strerror or str(error)).lower()}") from None
    if not experiments.exists():
        raise InputError(f"{experiments} does not exist, so there is no run {reference!r}; --experiments says where")
    if reference == LAST:
        return last_run(experiments).folder
    if reference.startswith("@") or not reference:
        raise InputError(f"{reference!r} is no run: give a path, an id or its beginning, @best or {LAST}")
    folders = list(find_runs(experiments))
    if not folders:
        raise NothingFoundError(f"{experiments} holds no run; --experiments says where to look")
    found = [folder for folder in folders if folder.name == reference] or [
        folder for folder in folders if folder.name.startswith(reference)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{reference!r} is not one run but {counted(len(found), 'run')}: {_listed(found)}")
    looked = f"none of the {counted(len(folders), 'run')} in {experiments}"
    raise InputError(f"the id of {looked} begins with {reference!r}{_likeliest(reference, folders)}")


def last_run(experiments: Path) -> Run:
    """The run in `experiments` that was written to last.

    Raises:
        NothingFoundError: there is none.
    """
    runs, _ = glance_at_runs(experiments)
    if not runs:
        raise NothingFoundError(f"{experiments} holds no run; --experiments says where to look")
    return max(runs, key=_time_of_last_event)


def _path(reference: str) -> RunFolder | None:
    """The run at the path `reference`; None if it can only be an id."""
    path = Path(reference)
    folder = path.parent if path.name == LOG_NAME else path
    if (folder / LOG_NAME).is_file():
        return RunFolder(folder)
    if len(path.parts) == 1 and path.name != LOG_NAME and not path.is_dir():
        return None
    if not path.exists():
        raise InputError(f"{reference}: no such run")
    if not path.is_dir():
        raise InputError(f"{reference} is no run: expected its folder, or the {LOG_NAME} in it")
    if inside := list(find_runs(path)):
        raise InputError(f"{reference} is a folder of {counted(len(inside), 'run')}: {_listed(inside)}")
    raise InputError(f"{reference} is no run: there is no {LOG_NAME} in it")


def _listed(folders: list[RunFolder]) -> str:
    shown = ", ".join(str(folder.path) for folder in folders[:MOST_LISTED])
    more = len(folders) - MOST_LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def _likeliest(reference: str, folders: list[RunFolder]) -> str:
    """End of the sentence that no id begins with `reference`: the id whose beginning is most like it."""
    beginnings = {folder.name[: len(reference)]: folder.name for folder in folders}
    close = difflib.get_close_matches(reference, sorted(beginnings), n=1, cutoff=0.6)
    return f"; did you mean {beginnings[close[0]]!r}?" if close else "; `nnlite runs` lists them"


def _time_of_last_event(run: Run) -> str:
    """ISO 8601 in UTC to the millisecond: the order of the text is the order in time."""
    last = run.end or (run.epochs[-1] if run.epochs else {})
    return max(str(each.get("time", "")) for each in (run.start, last, *run.resumes))
