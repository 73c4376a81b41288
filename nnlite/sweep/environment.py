"""What a run's numbers depend on beside its configuration: versions, BLAS, processor, host and code."""

import importlib
import os
import platform
import socket
import subprocess
from contextlib import AbstractContextManager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from nnlite.sweep.startup import startup_variables

BLAS_THREADS = 1  # the rounding of a matrix product depends on how many threads share it
THREAD_VARIABLES = ("OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")


def limit_threads() -> AbstractContextManager[Any]:
    """Give BLAS and OpenMP one thread in this process; a context manager that undoes it on leaving."""
    limited: AbstractContextManager[Any] = _thread_pools().limit(limits=BLAS_THREADS)
    return limited


@cache
def _thread_pools() -> ThreadpoolController:
    """The libraries of this process that have threads of their own."""
    importlib.import_module("scipy.linalg.blas")  # brings a BLAS of its own, which must not come later, unlimited
    return ThreadpoolController()


def worker_variables() -> dict[str, str]:
    """The environment variables of a worker: what it needs as it starts, and before NumPy is imported there."""
    return startup_variables() | {f"{name}_NUM_THREADS": str(BLAS_THREADS) for name in THREAD_VARIABLES}


def describe_environment() -> dict[str, Any]:
    """The fields of a start event that say where a run is trained."""
    return _lasting_environment() | {"pid": os.getpid()}


@cache
def _lasting_environment() -> dict[str, Any]:
    """What stays the same as long as this program runs."""
    return {
        "versions": {
            "nnlite": version("nnlite"),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": version("scipy"),
            "blas": _blas(),
            "libc": _libc(),
        },
        "git": git_commit(),
        "host": socket.gethostname(),
        "platform": f"{platform.system()} {platform.machine()}",
        "simd": _simd(),
        "threads": BLAS_THREADS,
    }


def _blas() -> str:
    """Such as "openblas 0.3.31 SkylakeX", NumPy's and SciPy's: kernels differ by processor, and round differently."""
    libraries = [library for library in _thread_pools().info() if library.get("user_api") == "blas"]
    parts = ("internal_api", "version", "architecture")
    # A set, sorted: which library is loaded first, or twice, differs from process to process.
    named = {" ".join(str(library.get(part) or "?") for part in parts) for library in libraries}
    return "; ".join(sorted(named)) or "unknown"


def _libc() -> str:
    """Such as "glibc 2.36": exp, log and tanh are its own where NumPy has no kernel for them."""
    return " ".join(part for part in platform.libc_ver() if part) or f"{platform.system()} {platform.release()}"


def _simd() -> str:
    """Such as "X86_V2 X86_V3": the instructions that NumPy's loops chose, and its exp and tanh round by, here."""
    extensions: Any = np.show_config(mode="dicts")
    chosen = extensions.get("SIMD Extensions", {})
    return " ".join([*chosen.get("baseline", ()), *chosen.get("found", ())])


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
