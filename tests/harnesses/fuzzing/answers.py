"""Targets that ask the command line questions about hostile logs, and hostile questions about a real one."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

from fuzzing.logs import events, logs, small
from fuzzing.target import Read, Target
from fuzzing.texts import damaged, words
from hypothesis import strategies as st

from nnlite.cli import app
from nnlite.runs import RunFolder

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("show", "{run}", "--json"),
    ("show", "{run}"),
    ("show", "{run}", "--plot", "val_acc"),
    ("runs", "--experiments", "{all}"),
    ("runs", "--experiments", "{all}", "--json"),
    ("best", "--experiments", "{all}", "--json"),
    ("best", "--experiments", "{all}"),
    ("diff", "{run}", "{other}"),
    ("diff", "{run}", "{other}", "--json"),
    ("replay", "{all}", "--pruning", "median"),
    ("export", "{all}", "--to", "csv", "--out", "{out}"),
)


def _asked(folder: Path, choose: Callable[[bytes], tuple[list[str], bytes]]) -> Read:
    """Have the command line answer a question about a hostile log beside a real one."""
    experiments = folder / "experiments"
    runs = [RunFolder(experiments / "sweep" / name) for name in ("0123456789ab", "ba9876543210")]
    for each in runs:
        each.path.mkdir(parents=True)
    runs[1].log.write_bytes(logs()[0])
    out = folder / "out.csv"
    places = {"run": str(runs[0].path), "other": str(runs[1].path), "all": str(experiments), "out": str(out)}

    def read(data: bytes) -> None:
        arguments, log = choose(data)
        runs[0].log.write_bytes(log)
        arguments = [places.get(each[1:-1], each) if each.startswith("{") else each for each in arguments]
        output, news = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace"), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(news):
            code = app.run(arguments)
        output.flush()
        said = output.buffer.getvalue().decode()
        assert code in (0, 1, 2), f"exit code {code}"
        assert code != 2 or not said, "refused, and answered all the same"
        if "--json" in arguments and said:
            json.loads(said)
        for text in (said, news.getvalue()):
            odd = [each for each in text if not each.isprintable() and each not in "\n\t"]
            assert not odd, f"control characters for a terminal: {odd[:5]!r}"
        if out.exists():
            table = out.read_text("utf-8")
            out.unlink()
            assert "\x1b" not in table
            assert "\x00" not in table

    return read


def _answer(folder: Path) -> Read:
    return _asked(folder, lambda data: (list(COMMANDS[(data[0] if data else 0) % len(COMMANDS)]), data[1:]))


def _arguments(folder: Path) -> Read:
    log = logs()[1]
    first = ("runs", "best", "show", "diff")

    def choose(data: bytes) -> tuple[list[str], bytes]:
        words = [word for word in data.decode("utf-8", "replace").split("\n") if not word.startswith(("--o", "-o"))]
        command = first[len(words[0]) % len(first)] if words else "runs"
        return [command, "--experiments", "{all}", *words[1:]], log

    return _asked(folder, choose)


_OPTIONS = (
    "--where",
    "--sort",
    "--top",
    "--columns",
    "--metric",
    "--json",
    "--format",
    "--at",
    "{run}",
    "{other}",
    "@best",
    "@last",
)
_VALUES = (
    "val_acc > 0.9",
    "-val_acc",
    "3",
    "run,status",
    "val_acc",
    "csv",
    "last",
    "best",
    "seed == 0",
    "config.epochs",
)

TARGETS = (
    Target(
        "answer",
        _answer,
        lambda: [bytes([place]) + small(log) for place, log in enumerate(logs()[:11])],
        st.tuples(st.integers(0, len(COMMANDS) - 1), damaged(events())).map(lambda pair: bytes([pair[0]]) + pair[1]),
        longest=3000,
        share=0.1,
        generated=0.3,
    ),
    Target(
        "arguments",
        _arguments,
        lambda: [b"\n--where\nval_acc > 0.9", b"x\n--metric\nval_acc", b"xx\n{run}\n--json", b"xxx\n{run}\n{other}"],
        st.tuples(
            st.text("x", max_size=3), st.lists(st.sampled_from(_OPTIONS) | st.sampled_from(_VALUES) | words, max_size=5)
        ).map(lambda pair: "\n".join([pair[0], *pair[1]]).encode("utf-8", "replace")),
        words=(*_OPTIONS, *_VALUES, "\n"),
        longest=200,
        share=0.1,
        generated=0.3,
    ),
)
