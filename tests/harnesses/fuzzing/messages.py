"""Targets that read what comes from elsewhere: parcels, claims, references."""

import contextlib
import fcntl
import os
from pathlib import Path

from fuzzing.target import Read, Target
from fuzzing.texts import damaged, values, words
from hypothesis import strategies as st

from nnlite.runs import RunFolder, find_run
from nnlite.sweep.claim import CLAIM_NAME, claim
from nnlite.sweep.remote.parcel import Changes, pack, unpack, unpack_cache

NAMES = ("run.jsonl", "checkpoint.npz", "best.npz", "samples/epoch_0001.png", "samples.gif", "mistakes.png")
PATHS = (
    "reference/0123456789abcdef.npz",
    "reference/../../x",
    "../x",
    "/etc/passwd",
    "samples/../../x",
    "samples/epoch_0001.png/../../../x",
    "run.jsonl\x00",
    "RUN.JSONL",
    "a\\b",
)


def _parcel(folder: Path) -> Read:
    home = RunFolder(folder / "a" / "b" / "run")

    def read(data: bytes) -> None:
        parts = data.split(b"\xff")
        names = [part.decode("utf-8", "surrogateescape") for part in parts[::2]]
        files = dict(zip(names, parts[1::2], strict=False))
        if cached := {name: files[name] for name in files if name.startswith("reference/")}:
            unpack_cache(folder / "a" / "b" / "run", cached)
        before = Changes(home)
        unpack(home, files)
        assert {name: pack(home)[name] for name in files} == files
        lines, changed = before.take(everything=True)
        assert set(changed) <= {*NAMES} | set(files)
        assert lines == b"" or lines.endswith(b"\n")
        outside = [path for path in folder.rglob("*") if path.is_file() and home.path not in path.parents]
        assert not outside

    return read


def _claim(folder: Path) -> Read:
    path = folder / CLAIM_NAME
    path.touch()
    holder = path.open("r+b")
    fcntl.flock(holder, fcntl.LOCK_EX)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        assert not holder.closed
        with claim(folder):
            raise AssertionError("two hold it")

    return read


def _reference(folder: Path) -> Read:
    experiments = folder / "experiments"
    for name in ("0123456789ab", "0123ffffffff", "best", "@odd", "[x]"):
        run = RunFolder(experiments / "sweep" / name)
        run.path.mkdir(parents=True)
        run.log.write_bytes(b'{"event": "start"}\n')
    (experiments / "loop").symlink_to(experiments)

    def read(data: bytes) -> None:
        text = data.decode("utf-8", "surrogateescape")
        with contextlib.chdir(folder), contextlib.suppress(ValueError):  # a NUL is for no path
            inside = os.path.realpath(text).startswith(os.path.realpath(folder))
            if not inside:  # the rest of this machine changes, and is large
                text = text.replace("/", "")
        with contextlib.chdir(folder):
            found = find_run(text, experiments)
            assert found.log.is_file()

    return read


_files = st.lists(st.tuples(st.sampled_from(NAMES + PATHS) | words, st.binary(max_size=20)), max_size=4)

TARGETS = (
    Target(
        "parcel",
        _parcel,
        lambda: [name.encode() + b"\xffcontent" for name in NAMES + PATHS],
        _files.map(lambda files: b"\xff".join(part for name, content in files for part in (name.encode(), content))),
        words=(*NAMES, *PATHS, "../", "/"),
        longest=200,
        share=0.5,
        generated=0.05,
    ),
    Target(
        "claim",
        _claim,
        lambda: [b'{"pid": 1, "host": "x", "since": "2026"}', b"{}", b"[" * 1000],
        damaged(
            st.fixed_dictionaries({"pid": values, "host": values, "since": values}).map(
                lambda each: repr(each).replace("'", '"').encode("utf-8", "replace")
            )
        ),
        words=('"pid"', '"host"', '"since"', "\\u001b", "\\n", "[[[["),
        longest=1200,
        share=2.0,
        generated=0.01,
    ),
    Target(
        "reference",
        _reference,
        lambda: [b"0123456789ab", b"0123", b"@best", b"@last", b"experiments/sweep", b"../", b"~"],
        (words | st.sampled_from(["0123", "sweep/best", "@last"])).map(lambda text: text.encode("utf-8", "replace")),
        words=("0123456789ab", "@last", "@best", "../", "/", "~", "run.jsonl"),
        longest=400,
        share=0.15,
        generated=0.05,
    ),
)
