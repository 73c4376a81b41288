"""The processes of a sweep as the operating system sees them: which there are, and what is left when it has ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

HARNESS = Path(__file__).parent
REPOSITORY = HARNESS.parents[1]
MARK = "HARNESS_MARK"  # in the environment of a sweep's processes
TRIAL = "popen_loky_posix"  # in the command line of a process that trains
OURS = re.compile(r"nnlite|loky|joblib|pymp")  # the beginnings of temporary files that would be the program's
SEMAPHORE = re.compile(r"(sem\.)?(loky|mp|pymp|joblib)")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps semaphores
PATIENCE = 8.0  # seconds in which what a killed process leaves must have gone
LONGEST = 240.0  # seconds that a call may take before it counts as hung


class Driver:
    """One call of `nnlite sweep`, in a session of its own.

    Args:
        arguments: of the command line.
        work: a folder for its output and its temporary files.
        mark: what tells its processes from all others.
        environment: further variables.
    """

    def __init__(self, arguments: list[object], work: Path, mark: str, environment: dict[str, str]) -> None:
        self.temporary = work / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.output = work / "output"
        variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HARNESS / "shim"), str(REPOSITORY)]),
            "TMPDIR": str(self.temporary),
            MARK: mark,
            **environment,
        }
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nnlite", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=variables,
                start_new_session=True,
            )
        self.pid = self.process.pid
        self.began = time.monotonic()
        self.sent: list[int] = []  # signals

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.began

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.output.read_text("utf-8", "replace")

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End it if it has not ended."""
        if self.running():
            self.process.kill()
            self.process.wait(60)

    def findings(self) -> Iterator[str]:
        """What is wrong with the way in which it ended."""
        code = self.process.returncode
        promised = {0, 1} | {code for each in self.sent for code in exit_codes(each)}
        if code not in promised:
            yield f"exit code {code} after the signals {[signal.Signals(each).name for each in self.sent]}"
        if "Traceback" in self.said:
            yield f"a traceback: ...{self.said[-1500:]}"


def exit_codes(signum: int) -> set[int]:
    """What a driver may return that got this signal; a shell shows 128 + n for both forms."""
    return {-signum} if signum in (signal.SIGKILL, signal.SIGQUIT) else {128 + signum, -signum}


def trials_below(pid: int) -> list[psutil.Process]:
    """The processes that train for the process `pid`."""
    return [each for each in family_of(pid) if TRIAL in command_of(each)]


def family_of(pid: int) -> list[psutil.Process]:
    """All that the process `pid` has started, directly or not."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def command_of(process: psutil.Process) -> str:
    """The command line of a process; empty if it has ended."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def marked(mark: str) -> list[int]:
    """The living processes that have `mark` in their environment."""
    needle = f"{MARK}={mark}\0".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if needle in (path / "environ").read_bytes() + b"\0":
                found.append(int(path.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def semaphores(pids: set[int]) -> list[str]:
    """The semaphores and shared memory that these processes have made and that are still there."""
    names = [path.name for path in SHARED_MEMORY.iterdir()] if SHARED_MEMORY.is_dir() else []
    return [name for name in names if any(f"-{pid}-" in name for pid in pids) and SEMAPHORE.match(name)]


def temporary_files(folder: Path) -> list[str]:
    """What nnlite and joblib have left in a folder for temporary files."""
    return [path.name for path in folder.iterdir() if OURS.match(path.name)] if folder.is_dir() else []


def gone(found: Callable[[], list[object]], patience: float = PATIENCE) -> list[object]:
    """What `found` still finds when it has had time to go."""
    deadline = time.monotonic() + patience
    while (left := found()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
