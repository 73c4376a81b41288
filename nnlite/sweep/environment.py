"""What a run's numbers depend on beside its configuration: versions, BLAS, processor, host and code."""

import os
import platform
import socket
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

BLAS_THREADS = 1  # the rounding of a matrix product depends on how many threads share it
THREAD_VARIABLES = ("OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")


def limit_threads() -> threadpool_limits:
    """Give BLAS and OpenMP one thread in this process; a context manager that undoes it on leaving."""
    return threadpool_limits(BLAS_THREADS)


def worker_variables() -> dict[str, str]:
    """The environment variables that a worker needs before NumPy is imported there."""
    return {f"{name}_NUM_THREADS": str(BLAS_THREADS) for name in THREAD_VARIABLES}


def describe_environment() -> dict[str, Any]:
    """The fields of a start event that say where a run is trained."""
    return {
        "versions": {
            "nnlite": version("nnlite"),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "blas": _blas(),
        },
        "git": git_commit(),
        "host": socket.gethostname(),
        "platform": f"{platform.system()} {platform.machine()}",
        "pid": os.getpid(),
        "threads": BLAS_THREADS,
    }


def _blas() -> str:
    """Such as "openblas 0.3.31 SkylakeX": the kernels differ by processor, and round differently."""
    libraries = [library for library in threadpool_info() if library.get("user_api") == "blas"]
    parts = ("internal_api", "version", "architecture")
    return "; ".join(" ".join(str(library.get(part) or "?") for part in parts) for library in libraries) or "unknown"


@cache
def git_commit() -> str | None:
    """The commit of nnlite's own sources, with "+" if files have changed since; None where they are installed."""
    sources = Path(__file__).parent

    def git(*arguments: str) -> str:
        answer = subprocess.run(  # noqa: S603
            ["git", "--no-optional-locks", "-C", str(sources), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
        return answer.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(__file__).name)  # a user's repository may be around an installed copy
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None
