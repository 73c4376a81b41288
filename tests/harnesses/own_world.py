"""A clock and a disk of a harness's own, under the processes that it starts; the machine's stay as they are."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

DISKS = {"well": 0, "full": 1, "read-only": 2}


class World:
    """Lays `faults.c` under processes.

    Args:
        work: a folder for the compiled library and what controls it.
        root: the folder that is the disk.
    """

    def __init__(self, work: Path, root: Path) -> None:
        self._library = work / "faults.so"
        self._control = work / "control"
        self._root = root
        self._clock, self._disk = 0, "well"
        source = Path(__file__).with_name("faults.c")
        command = [compiler(), "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source), "-ldl"]
        subprocess.run(command, check=True)
        self._control.write_bytes(struct.pack("qq", 0, 0))

    @property
    def environment(self) -> dict[str, str]:
        """Of the processes that live in it."""
        return {
            "LD_PRELOAD": str(self._library),
            "HARNESS_CONTROL": str(self._control),
            "HARNESS_ROOT": str(self._root),
        }

    @property
    def clock(self) -> int:
        """By how many seconds the wall clock is off."""
        return self._clock

    @clock.setter
    def clock(self, seconds: int) -> None:
        self._clock = seconds
        self._tell()

    @property
    def disk(self) -> str:
        """One of `DISKS`."""
        return self._disk

    @disk.setter
    def disk(self, state: str) -> None:
        self._disk = state
        self._tell()

    def _tell(self) -> None:
        file = os.open(self._control, os.O_WRONLY)
        os.pwrite(file, struct.pack("qq", self._clock, DISKS[self._disk]), 0)
        os.close(file)


def compiler() -> str | None:
    """The C compiler; None if there is none."""
    return shutil.which("cc") or shutil.which("gcc")
