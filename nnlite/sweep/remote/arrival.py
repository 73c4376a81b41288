"""What a worker of a cluster runs first: it is sent as text, so that it arrives where nnlite cannot be imported.

Were the errand's own function sent, an import that fails would be the cluster's to report, and neither dask nor ray
says which module is missing on which of its machines.
"""

import socket
import sys
import traceback


def carry_out(sent_by: str, pickled: bytes) -> str:
    """Import what carries an errand out, and have it done; see `nnlite.sweep.remote.errand.run_errand`."""
    try:
        from nnlite.sweep.remote.errand import run_errand  # noqa: PLC0415 - may fail
    except Exception as error:  # noqa: BLE001 - a module may fail in any way as it is imported
        places = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
        name = getattr(error, "name", None) or "nnlite"
        where = f"{places[-1].filename}:{places[-1].lineno}: " if places else ""
        return (
            f"a worker on {socket.gethostname()} cannot import {name} ({where}{type(error).__name__}: {error}): "
            f"install nnlite {sent_by} and what it needs for {sys.executable} there; the environment is at fault, not "
            "the trial"
        )
    return run_errand(sent_by, pickled)
