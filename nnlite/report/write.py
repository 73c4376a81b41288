"""Writing a report: every sweep's page and pictures, and the index over them, each file put in place as a whole."""

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from nnlite.errors import InputError
from nnlite.files import is_ours, remove_asides, replacing
from nnlite.report.collection import collect, conflicts_among
from nnlite.report.groups import group_runs
from nnlite.report.markdown import slug
from nnlite.report.page import MARK, PAGE_NAME, Page, at_a_glance, index_page, sweep_page
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
        InputError: `experiments` does not exist, or a page or picture would replace a file that is not of a report.
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
    pages: dict[Path, Page] = {}
    pictures: dict[str, str] = {}
    for sweep, folder in folders.items():
        own = [group for group in groups if group.sweep == sweep]
        places = {run.folder.path.parent for group in own for run in group.members}
        unreadable = [each for each in collection.left_out if each.folder.path.parent in places]
        conflicts = conflicts_among(collection.conflicts, (run for group in own for run in group.members))
        page = sweep_page(sweep, own, unreadable, conflicts)
        pages[out / folder / PAGE_NAME] = page
        if picture := at_a_glance(page):
            pictures[sweep] = picture
    pages[index] = Page(index_page(folders, groups, collection.left_out, pictures), {})
    for path, page in pages.items():
        _refuse_foreign_pictures(path, page)
    for path, page in pages.items():
        _put_in_place(path, page)
    return [index, *(path for path in pages if path != index), *_pictures_of(pages)]


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
    if os.path.lexists(path) and not is_ours(path, MARK.encode()):
        raise InputError(f"{path} is not a page of a report: move it away or choose another --out")


def _refuse_foreign_pictures(path: Path, page: Page) -> None:
    """Only a picture that the page at `path` shows already is part of the report, and may be replaced.

    Raises:
        InputError: another file is in the place of one of the pictures of `page`.
    """
    shown = set(re.findall(r"\]\(([^()/]+)\)", path.read_text("utf-8", "replace"))) if path.exists() else set()
    for name in page.files:
        place = path.with_name(name)
        if os.path.lexists(place) and (name not in shown or place.is_symlink() or not place.is_file()):
            raise InputError(f"{place} is not a picture of this report: move it away or choose another --out")


def _put_in_place(path: Path, page: Page) -> None:
    """Write a page and its pictures; all are written aside before the first takes its place, the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_asides(path.parent)
    contents = {**{path.with_name(name): content for name, content in page.files.items()}, path: page.text.encode()}
    with contextlib.ExitStack() as stack:  # which takes its files in the opposite order
        for place, content in contents.items():
            stack.enter_context(replacing(place)).write(content)


def _pictures_of(pages: Mapping[Path, Page]) -> list[Path]:
    return [path.with_name(name) for path, page in pages.items() for name in page.files]
