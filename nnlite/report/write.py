"""Writing a report: every sweep's page and pictures, and the index over them, each file put in place as a whole."""

from collections.abc import Callable
from pathlib import Path

from nnlite.errors import InputError
from nnlite.images import replace_file
from nnlite.report.collection import collect, conflicts_among
from nnlite.report.groups import group_runs
from nnlite.report.markdown import slug
from nnlite.report.page import MARK, PAGE_NAME, at_a_glance, index_page, sweep_page
from nnlite.runs import conflict_warning, schema_warning


def write_report(experiments: Path, out: Path, announce: Callable[[str], None] = lambda _warning: None) -> list[Path]:
    """Render every sweep at or below `experiments` into `out/<sweep>/README.md`, and `out/README.md` over all of them.

    The same logs give the same bytes. Files of earlier reports that are no longer needed are left alone.

    Args:
        experiments: a run's folder, a sweep's folder or a folder of sweeps.
        out: where the report goes; made if needed.
        announce: is told of runs that have two results.

    Returns:
        The files written, the index first.

    Raises:
        InputError: `experiments` does not exist, or a page would overwrite one that is not a report.
        NothingFoundError: it holds no readable run.
    """
    collection = collect(experiments)
    if warning := conflict_warning(collection.conflicts):
        announce(warning)
    if warning := schema_warning(collection.runs):
        announce(warning)
    groups = group_runs(collection.runs)
    folders = _folders(sorted({group.sweep for group in groups}))
    for readme in (out / PAGE_NAME, *(out / folder / PAGE_NAME for folder in folders.values())):
        _refuse_foreign(readme)
    index = out / PAGE_NAME
    pages: dict[Path, bytes] = {index: b""}
    files: dict[Path, bytes] = {}
    pictures: dict[str, str] = {}
    for sweep, folder in folders.items():
        own = [group for group in groups if group.sweep == sweep]
        places = {run.folder.path.parent for group in own for run in group.members}
        unreadable = [each for each in collection.left_out if each.folder.path.parent in places]
        conflicts = conflicts_among(collection.conflicts, (run for group in own for run in group.members))
        page = sweep_page(sweep, own, unreadable, conflicts)
        pages[out / folder / PAGE_NAME] = page.text.encode()
        files.update({out / folder / name: content for name, content in page.files.items()})
        if picture := at_a_glance(page):
            pictures[sweep] = picture
    pages[index] = index_page(folders, groups, collection.left_out, pictures).encode()
    # Pictures first: a page never shows what is not there yet.
    for path, content in {**files, **pages}.items():
        replace_file(path, content)
    return [*pages, *files]


def _folders(sweeps: list[str]) -> dict[str, str]:
    """A folder for each sweep: its own name, where that can be one and is not taken (case is not told apart)."""
    taken = {PAGE_NAME.casefold()}
    folders: dict[str, str] = {}
    for sweep in sweeps:
        folder = slug(sweep)
        number = 2
        while folder.casefold() in taken:
            folder = f"{slug(sweep)}-{number}"
            number += 1
        taken.add(folder.casefold())
        folders[sweep] = folder
    return folders


def _refuse_foreign(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        ours = file.read(len(MARK)) == MARK.encode()
    if not ours:
        raise InputError(f"{path} is not a page of a report: move it away or choose another --out")
