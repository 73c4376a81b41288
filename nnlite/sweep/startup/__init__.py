"""What a worker's interpreter does before anything else: this folder stands first in its PYTHONPATH.

Python imports the module `sitecustomize` as it starts. Ours makes a process a worker: from its first instruction, and
not only once NumPy and nnlite are imported, it ends with its runner, and leaves a terminal's signals to it.
"""

import os

RUNNER = "NNLITE_RUNNER"  # environment variable: the process that starts the worker


def startup_variables() -> dict[str, str]:
    """The environment variables that make a Python process that this one starts a worker of this one."""
    path = os.environ.get("PYTHONPATH")
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as PYTHONPATH wants it
    return {RUNNER: str(os.getpid()), "PYTHONPATH": f"{here}{os.pathsep}{path}" if path else here}
