"""An export: the runs that were chosen, in the form that another tool reads, put in place as a whole.

Nothing is ever overwritten. What a form needs beyond nnlite's own dependencies comes with an extra of its name.
"""

import importlib.util
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from nnlite.errors import InputError
from nnlite.files import aside, move_onto_nothing, must_be_new
from nnlite.runs import Run

Write = Callable[[Sequence[Run], Path], None]


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
    must_be_new(out)
    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: {out.parent} is no folder")
    write: Write = import_module(chosen.module).write
    place = aside(out)
    try:
        write(runs, place)
        move_onto_nothing(place, out)
    finally:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
