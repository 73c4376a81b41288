"""A target that breaks each promise on demand: what the guard must notice, and what must not go unnoticed."""

import contextlib
import os
import time
import warnings
from pathlib import Path

from fuzzing.target import MEGABYTE, Read, Target
from hypothesis import strategies as st

from nnlite.errors import InputError

DEEDS = b"valid refused exception sentence outside removed memory swallowed slow fickle warning".split()


def _prepare(folder: Path) -> Read:
    calls = 0
    canary = folder.parent / "canary"

    def read(data: bytes) -> None:
        nonlocal calls
        calls += 1
        match data:
            case b"refused":
                raise InputError(f"{folder}: expected something else")
            case b"exception":
                raise KeyError("planted")
            case b"sentence":
                raise InputError("'utf-8' codec can't decode byte 0xff in position 0: invalid start byte")
            case b"outside":
                canary.write_bytes(data)
            case b"removed":
                with contextlib.suppress(FileNotFoundError):
                    canary.unlink()
            case b"memory":
                bytes(400 * MEGABYTE)
            case b"swallowed":
                try:
                    bytes(400 * MEGABYTE)
                except MemoryError as error:
                    raise InputError("too large") from error
            case b"slow":
                end = time.process_time() + 0.25
                while time.process_time() < end:
                    pass
            case b"fickle":
                if calls % 2:
                    raise InputError("this time")
            case b"warning":
                warnings.warn("planted", UserWarning, stacklevel=1)
            case b"still":
                time.sleep(600)
            case b"crash":
                os._exit(3)

    return read


TARGETS = tuple(
    Target(
        name,
        _prepare,
        list,
        st.sampled_from(deeds).map(bytes),
        seconds=0.1,
        memory=256 * MEGABYTE,
    )
    for name, deeds in (("planted", DEEDS), ("still", [b"valid", b"still"]), ("crash", [b"valid", b"crash"]))
)
