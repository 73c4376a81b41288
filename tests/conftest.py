"""What the tests of running, asking and the command line share: a small dataset of real digits, and `nnlite` itself."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pyte
import pytest

from nnlite.cli.app import run
from nnlite.data import idx, locate

# A job in the background of a shell, or under nohup, has its children ignore signals that tests send.
for each, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(each) == signal.SIG_IGN:
        signal.signal(each, handler)

SMALL = {"train": 1500, "t10k": 500}


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory):
    """A folder for this test session, the same for all of its processes."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def cache(session_folder):
    """The user cache of this session: nothing of the user's own is read or written."""
    folder = session_folder / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNLITE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def mnist(cache):  # noqa: ARG001 - what is unpacked goes there
    """The real MNIST."""
    return locate("mnist")


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory, mnist):
    """The first images of MNIST as a folder of IDX files: an epoch takes some 10 ms."""
    folder = tmp_path_factory.mktemp("digits")
    files = mnist.files
    for part, images, labels in (
        ("train", files.train_images, files.train_labels),
        ("t10k", files.test_images, files.test_labels),
    ):
        idx.write(folder / f"{part}-images-idx3-ubyte", np.array(idx.map_file(images, 3)[: SMALL[part]]))
        idx.write(folder / f"{part}-labels-idx1-ubyte", np.array(idx.map_file(labels, 1)[: SMALL[part]]))
    return folder


@pytest.fixture(scope="session")
def digits(digits_folder, cache):  # noqa: ARG001 - as above
    """The small dataset."""
    return locate(str(digits_folder))


@pytest.fixture(scope="session")
def nnlite(cache):  # noqa: ARG001 - as above
    """Start `nnlite` with arguments as a process of its own; `wait=False` returns it while it runs."""

    def start(*arguments, wait=True, code=None, env=None, **options):
        process = subprocess.Popen(
            [sys.executable, "-m", "nnlite", *map(str, arguments)],
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            env={**os.environ, **(env or {})},
            text=True,
            encoding="utf-8",
            **options,
        )
        if not wait:
            return process
        output, news = process.communicate(timeout=600)
        if code is not None:
            assert process.returncode == code, news
        return subprocess.CompletedProcess(process.args, process.returncode, output, news)

    return start


@pytest.fixture
def ask(cache, capsys):  # noqa: ARG001 - as above
    """Run `nnlite` in this process, which saves the time to start one."""

    def call(*arguments, code=0):
        capsys.readouterr()
        returned = run(list(map(str, arguments)))
        output, news = capsys.readouterr()
        assert returned == code, news + output
        return subprocess.CompletedProcess(arguments, returned, output, news)

    return call


@pytest.fixture
def spec(tmp_path, digits_folder):
    """Write a sweep file of a small classifier on the small dataset; `text` are further lines, tables and all."""

    def write(text="", *, name="tiny", model="classifier", fixed="epochs = 3", path=None):
        path = Path(path or tmp_path / f"{name}.toml")
        path.write_text(
            f'name = "{name}"\nmodel = "{model}"\ndataset = "{digits_folder}"\n{_above(text)}\n'
            f"[fixed]\nvalidation = 300\nhidden = [16]\n{fixed}\n{_tables(text)}",
            "utf-8",
        )
        return path

    return write


def _above(text):
    return text.split("[", 1)[0] if not text.startswith("seeds = [") else ""


def _tables(text):
    return text[len(_above(text)) :]


class Terminal:
    """`nnlite` in a pseudo-terminal of its own, and what it has drawn there."""

    def __init__(self, arguments, columns=100, lines=30, env=None, own_session=True):
        self.master, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nnlite", *map(str, arguments)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=own_session,
            process_group=None if own_session else 0,
            env={**variables, "TERM": "xterm", **(env or {})},
        )
        os.close(terminal)
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.drawn = b""

    @property
    def rows(self):
        """The lines on the screen, without empty ones."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def read(self, until=None, seconds=240.0, times=1):
        """Draw what comes until the screen shows `until`, so many times, or to the end."""
        deadline = time.monotonic() + seconds
        while not (until and "\n".join(self.screen.display).count(until) >= times):
            assert time.monotonic() < deadline, "\n".join(self.rows)
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    new = os.read(self.master, 1 << 16)
                except OSError:  # the other side is gone
                    break
                self.drawn += new
                self._stream.feed(new)
        return self

    def signal(self, signum):
        """As a key or the kernel sends it: to all processes of the terminal."""
        os.killpg(self.process.pid, signum)
        return self

    def end(self):
        """Draw the rest; the exit code."""
        self.read()
        return self.process.wait(60)

    def close(self):
        """Close the window."""
        if self.master is not None:
            os.close(self.master)
            self.master = None


@pytest.fixture
def terminal(cache):  # noqa: ARG001 - as above
    """Start `nnlite` in a terminal."""
    started = []

    def start(*arguments, **options):
        started.append(Terminal(arguments, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()
        if each.process.poll() is None:
            each.signal(signal.SIGKILL)
            each.process.wait(60)
