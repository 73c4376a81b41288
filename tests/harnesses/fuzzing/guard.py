"""The guard: runs a target on one input and sees whether every promise was kept.

The promises: a valid result or one of nnlite's own errors, told in one sentence of ours; no more time and memory than
the target's bounds; no byte written, moved or removed outside the target's folder, no process started, no connection
made. Before each input the guard writes it into a small shared file, so that an input that crashes or hangs the whole
process is known to whoever watches it.
"""

import base64
import contextlib
import json
import mmap
import os
import re
import resource
import struct
import sys
import time
import traceback
import warnings
from pathlib import Path

from fuzzing.target import REPOSITORY, Target

from nnlite.cli.app import sentence_of
from nnlite.errors import NnliteError

LONGEST_SENTENCE = 2000  # characters of an error
SHARED = struct.Struct("<QQQdQ")  # inputs, refused, length of the current one, slowest in seconds, peak in kilobytes
OFTEN = 50  # so many inputs, and then one of so many, are tried twice; as often memory is looked at
ROOM = 1 << 22  # bytes for the current input
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING = frozenset(
    [
        "os.remove",
        "os.rename",
        "os.mkdir",
        "os.rmdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "os.chmod",
        "os.chown",
        "os.utime",
        "os.setxattr",
        "shutil.rmtree",
        "shutil.move",
        "shutil.copyfile",
        "shutil.copytree",
    ]
)
FORBIDDEN = frozenset(
    [
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.kill",
        "os.killpg",
        "socket.connect",
        "socket.bind",
        "ctypes.dlopen",
        "ftplib.connect",
        "urllib.Request",
    ]
)
# How the libraries under nnlite speak: none of it may reach a person in place of a sentence of ours.
FOREIGN = re.compile(
    r"\(at (line \d+, column \d+|end of document)\)|Cannot (overwrite|mutate|declare)|Unbalanced quotes|Unclosed array"
    r"|Expected newline or end|Invalid (statement|value|initial)|Expecting (value|property|',')|Extra data: line"
    r"|\(char \d+\)|codec can't|surrogates not allowed|Exceeds the limit|recursion depth|not a zip file|BadZipFile"
    r"|Bad magic number|Bad CRC|Overlapped entries|allow_pickle|cannot reshape|buffer (is|size)|Error -\d+ while"
    r"|a valid (?:string|integer|number|boolean|dictionary)|datetime\."
    r"|object has no attribute|unexpected keyword|not subscriptable|argument must be|invalid literal for|pydantic"
    r"|validation error|<class '|<[\w.]+ object at|Errno \d+|Unable to allocate|UnpicklingError|\w+Error\b|Traceback"
    r"|cannot identify image|broken data stream|Truncated File Read|image file is truncated|unpack requires"
)


class Guard:
    """Runs `target` on inputs, in `folder`, and writes what it finds to `findings`, a line each.

    Args:
        target: what is fuzzed.
        folder: an empty folder, all that the target may change.
        shared: a file for the progress and the current input.
        findings: a file to append to.
    """

    def __init__(self, target: Target, folder: Path, shared: Path, findings: Path) -> None:
        self.target = target
        self.count = self.refused = 0
        self._folder = os.path.realpath(folder) + os.sep
        self._findings = findings
        self._known: set[tuple[str, str]] = set()
        self._slowest = 0.0
        self._peak = 0
        self._watching = False
        self._outside: list[str] = []
        self._warnings: list[str] = []
        shared.write_bytes(bytes(SHARED.size + ROOM))
        with shared.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)
        self._read = target.prepare(folder)
        _lift_memory_limit()
        self._warm_up()
        sys.addaudithook(self._audit)
        warnings.simplefilter("always")
        warnings.showwarning = self._note_warning
        _limit_memory(target.memory)

    def __call__(self, data: bytes) -> None:
        """Try one input."""
        self.count += 1
        self._shared[SHARED.size : SHARED.size + len(data)] = data
        self._tell(data)
        begin = time.process_time()
        verdict = self._try(data)
        took = time.process_time() - begin
        self._slowest = max(self._slowest, took)
        self.refused += verdict != ""
        if took > self.target.seconds:
            self._report("slow", f"more than {self.target.seconds:g} s", f"{took:.1f} s", data)
        if (self.count <= OFTEN or self.count % OFTEN == 0) and (again := self._try(data)) != verdict:
            self._report("fickle", "a second call says otherwise", f"{verdict!r}, then {again!r}", data)
        if self.count % OFTEN in (0, 1) or took > 0.1:
            self._peak = _peak()
        self._tell(data)

    def _tell(self, data: bytes) -> None:
        """Let whoever watches know."""
        SHARED.pack_into(self._shared, 0, self.count, self.refused, len(data), self._slowest, self._peak)

    def _warm_up(self) -> None:
        """Have everything loaded that is loaded at first use: it is neither time nor memory of an input."""
        for data in self.target.seeds():
            with contextlib.suppress(Exception):
                self._read(data[: self.target.longest])

    def _try(self, data: bytes) -> str:
        """Why the input was refused; empty if it was taken."""
        sentence = ""
        self._watching = True
        try:
            self._read(data)
        except NnliteError as error:
            sentence = str(error)
            self._watching = False
            self._judge(error, data)
        except BaseException as error:  # noqa: BLE001 - that it is any other is what is looked for
            self._watching = False
            sentence = type(error).__name__
            self._report("exception", _place(error), f"{type(error).__name__}: {error}"[:500], data)
        self._watching = False
        if self._outside:
            self._report("outside", self._outside[0].split()[0], "; ".join(self._outside)[:500], data)
            self._outside.clear()
        if self._warnings:
            self._report("warning", self._warnings[0].split(":")[0], self._warnings[0][:500], data)
            self._warnings.clear()
        return sentence

    def _judge(self, error: NnliteError, data: bytes) -> None:
        sentence = sentence_of(error)
        if not sentence or "\n" in sentence or len(sentence) > LONGEST_SENTENCE:
            self._report("sentence", _place(error), f"not one line of {LONGEST_SENTENCE}: {sentence[:300]!r}", data)
        elif foreign := FOREIGN.search(sentence.replace(str(REPOSITORY), "")):
            words = re.sub(r"\d+", "#", foreign[0])[:12]
            self._report("sentence", f"{_place(error)} {words}", sentence[:500], data)
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                bound = self.target.memory >> 20
                self._report("memory", _place(cause), f"more than {bound} MB: {sentence[:300]}", data)
            cause = cause.__cause__ or cause.__context__

    def _report(self, kind: str, where: str, what: str, data: bytes) -> None:
        if (kind, where) in self._known:
            return
        self._known.add((kind, where))
        finding = {
            "target": self.target.name,
            "kind": kind,
            "where": where,
            "what": what,
            "input": base64.b64encode(data).decode(),
        }
        with self._findings.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finding) + "\n")

    def _note_warning(self, message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        """Python would print it in front of whoever uses nnlite."""
        if self._watching:
            self._warnings.append(f"{category.__name__}: {message}")

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self._watching:
            return
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int) or not (
                (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITING)
            ):
                return
            self._check_inside(event, path)
        elif event in CHANGING:
            paths = 2 if event in ("os.rename", "os.link", "os.symlink", "shutil.move") else 1
            folders = arguments[-paths:] if event.startswith("os.") else ()
            for place in range(paths) if event != "os.symlink" else (1,):
                self._check_inside(event, arguments[place], folders[place] if place < len(folders) else -1)
        elif event in FORBIDDEN:
            self._outside.append(f"{event} {arguments!r}")

    def _check_inside(self, event: str, path: object, folder: object = -1) -> None:
        if not isinstance(path, str | bytes | os.PathLike) or os.fspath(path) in ("/dev/null", os.devnull):
            return
        text = os.fsdecode(path)
        if isinstance(folder, int) and folder > 2 and not os.path.isabs(text):  # relative to an open folder
            text = os.path.join(os.path.realpath(f"/proc/self/fd/{folder}"), text)
        # The name itself may be a link that is replaced; what lies above it decides where the bytes go.
        real = os.path.join(os.path.realpath(os.path.dirname(text) or "."), os.path.basename(text))
        if event == "open":
            real = os.path.realpath(text)
        if not (real + os.sep).startswith(self._folder):
            self._outside.append(f"{event} {text!r}")


def _peak() -> int:
    """The most memory that this process has had, in kilobytes."""
    if sys.platform == "linux":  # what getrusage says there is its parent's, if that had more
        status = Path("/proc/self/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _lift_memory_limit() -> None:
    """Take back the limit of the target before this one."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def _limit_memory(more: int) -> None:
    """From here on, the process gets no more than `more` bytes beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0]) if sys.platform == "linux" else 0
    if pages:
        bound = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (bound, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _place(error: BaseException) -> str:
    """The innermost line of nnlite, or of the target, that the error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(str(REPOSITORY))]
    inner = next((frame for frame in reversed(ours) if f"{os.sep}nnlite{os.sep}" in frame.filename), None)
    frame = inner or (ours[-1] if ours else frames[-1])
    return f"{Path(frame.filename).name}:{frame.lineno} {type(error).__name__}"
