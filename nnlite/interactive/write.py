"""Writing the interactive report: one file, put in place as a whole, the same bytes from the same logs."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from nnlite.errors import InputError
from nnlite.files import is_ours, remove_asides, replace_file
from nnlite.interactive.page import MARK, html_page
from nnlite.report.collection import collect
from nnlite.report.groups import group_runs
from nnlite.runs import conflict_warning, schema_warning

FILE_NAME = "report.html"


def write_interactive_report(experiments: Path, out: Path, announce: Callable[[str], None]) -> Path:
    """Render every sweep at or below `experiments` into `out`/report.html.

    Args:
        experiments: a run's folder, a sweep's folder or a folder of sweeps.
        out: a folder; made if needed.
        announce: is told of runs that have two results.

    Raises:
        InputError: the extra is not installed, `experiments` does not exist, or the file there is not a report.
        NothingFoundError: it holds no readable run.
    """
    if importlib.util.find_spec("plotly") is None:
        raise InputError("--html needs plotly, which is not installed: pip install 'nnlite[html]'")
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - known to be there by now

    path = out / FILE_NAME
    if os.path.lexists(path) and not is_ours(path, MARK.encode()):
        raise InputError(f"{path} is not a report: move it away or choose another --out")
    remove_asides(out)
    collection = collect(experiments)
    if warning := conflict_warning(collection.conflicts):
        announce(warning)
    if warning := schema_warning(collection.runs):
        announce(warning)
    page = html_page(group_runs(collection.runs), collection.left_out, get_plotlyjs())
    replace_file(path, page.encode())
    return path
