"""An export: the runs that were chosen, in the form that another tool reads, put in place as a whole.

Nothing is ever overwritten. What a form needs beyond nnlite's own dependencies comes with an extra of its name.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from nnlite.errors import InputError
from nnlite.files import aside
from nnlite.runs import Run

Write = Callable[[Sequence[Run], Path], None]
_EXISTS = "{} exists, and is never overwritten; give another --out, or remove it"


@dataclass(frozen=True)
class Form:
    """Which module writes it by its function `write`, and the library that it takes, of the extra of the same name."""

    module: str
    library: str = ""


FORMATS = {
    "csv": Form("nnlite.export.csv_file"),
    "parquet": Form("nnlite.export.parquet_file", "pyarrow"),
    "tensorboard": Form("nnlite.export.event_files", "tensorboardX"),
    "optuna": Form("nnlite.export.study", "optuna"),
}


def export_runs(runs: Sequence[Run], form: str, out: Path) -> None:
    """Write `runs` in one of the `FORMATS` to `out`, a file, or for TensorBoard a folder.

    Raises:
        InputError: `out` is there already, its folder is not, or the form's extra is not installed.
    """
    chosen = FORMATS[form]
    if chosen.library and importlib.util.find_spec(chosen.library) is None:
        raise InputError(f"--to {form} needs {chosen.library}, which is not installed: pip install 'nnlite[{form}]'")
    if os.path.lexists(out):
        raise InputError(_EXISTS.format(out))
    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: {out.parent} is no folder")
    write: Write = import_module(chosen.module).write
    place = aside(out)
    try:
        write(runs, place)
        _move_onto_nothing(place, out)
    finally:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _move_onto_nothing(place: Path, out: Path) -> None:
    """Rename `place`, unless something has come to be at `out` meanwhile, which a plain rename would replace."""
    try:
        # What is made here, and fails if anything is there, is what the rename then replaces.
        out.mkdir() if place.is_dir() else out.touch(exist_ok=False)
    except FileExistsError:
        raise InputError(_EXISTS.format(out)) from None
    os.replace(place, out)  # noqa: PTH105 - the call whose atomicity is meant
