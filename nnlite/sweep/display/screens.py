"""Where the display appears: on a terminal, redrawn in place, or as plain lines anywhere else.

Both are told news, each of which is a line that stays, and are shown how the sweeps stand, as often as one likes.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.segment import Segment, SegmentLines
from rich.text import Text

from nnlite.runs.quantities import score
from nnlite.sweep.display.drawing import draw
from nnlite.sweep.display.standing import SHOWN_ID, Standing
from nnlite.sweep.signals import IGNORED

SUMMARY_SECONDS = 30.0  # without news, plain lines say how it goes no more often than this
DRAWING_SECONDS = 0.2
MOST_IN_SUMMARY = 4  # trials

Standings = Callable[[], Sequence[Standing]]
Summary = Callable[[], str]


class Screen(Protocol):
    """Shows a person how sweeps go; a context manager, which leaves the terminal as it was."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *error: object) -> None:
        """End."""

    def tell(self, line: str, *, bad: bool = False, passing: bool = False, summary: Summary = str) -> None:
        """Something has happened.

        Args:
            line: what.
            bad: whether a person should notice.
            passing: whether it can be seen anyway where there is a picture of how it stands.
            summary: makes a few words on how it stands, for where there is none.
        """

    def show(self, standings: Standings) -> None:
        """This is how it stands, if somebody wants to know now."""

    def conclude(self, standings: Sequence[Standing]) -> None:
        """This is how it stands at last."""


class PlainScreen:
    """Lines for logs, pipes and scheduled jobs.

    Args:
        write: takes each line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Nothing was changed that had to be put back."""

    def tell(self, line: str, *, bad: bool = False, passing: bool = False, summary: Summary = str) -> None:  # noqa: ARG002
        """Write the line."""
        self._said = time.monotonic()
        self._write(f"{line} | {words}" if (words := summary()) else line)

    def show(self, standings: Standings) -> None:
        """Write how it stands, if there has been nothing to read for a while."""
        if time.monotonic() - self._said < SUMMARY_SECONDS:
            return
        self._said = time.monotonic()
        for standing in standings():
            if standing.rows:
                self._write(summary_line(standing))

    def conclude(self, standings: Sequence[Standing]) -> None:
        """Write it."""
        for standing in standings:
            self._write(summary_line(standing))


class TerminalScreen:
    """News that scroll, and below them, redrawn in place, how it stands."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self._lines: list[list[Segment]] = []
        self._drawn = 0.0
        self._leaving = contextlib.ExitStack()
        self._suspension = _Suspension(self._live.start, self._live.stop)

    def __enter__(self) -> Self:
        """Take the lower part of the terminal."""
        self._leaving.enter_context(self._suspension.possible())
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Give it back, with the cursor."""
        with self._suspension.postponed():
            self._live.stop()
        self._leaving.close()

    def tell(self, line: str, *, bad: bool = False, passing: bool = False, summary: Summary = str) -> None:  # noqa: ARG002
        """Leave the line above."""
        if passing:
            return
        with self._suspension.postponed():
            self._console.print(Text(line, style="red" if bad else ""))

    def show(self, standings: Standings) -> None:
        """Draw it, unless that was done a moment ago or looks the same."""
        now = time.monotonic()
        if now - self._drawn < DRAWING_SECONDS:
            return
        self._drawn = now
        with self._suspension.postponed():
            lines = self._picture(standings())
            if lines != self._lines:
                self._lines = lines
                self._live.update(SegmentLines(lines, new_lines=True), refresh=True)

    def conclude(self, standings: Sequence[Standing]) -> None:
        """Leave it as ordinary lines."""
        with self._suspension.postponed():
            self._live.stop()
            self._console.print(SegmentLines(self._picture(standings), new_lines=True), end="")

    def _picture(self, standings: Sequence[Standing]) -> list[list[Segment]]:
        width, height = self._console.size
        # The last column and line stay free: a terminal may wrap or scroll when they are written to.
        drawn = draw(standings, width - 1, height - 1, unicode=self._console.encoding.startswith("utf"))
        options = self._console.options.update(width=max(1, width - 1))
        return self._console.render_lines(drawn, options, pad=False)[: max(1, height - 1)]


def make_screen(console: Console, write: Callable[[str], None]) -> Screen:
    """The screen that suits `console`; `write` takes plain lines for it."""
    can_redraw = console.is_terminal and not console.is_dumb_terminal
    return TerminalScreen(console) if can_redraw else PlainScreen(write)


def summary_line(standing: Standing) -> str:
    """How a sweep stands as one line, such as "s: 1 done, 1 running, 12/20 epochs | 3f2a91c0 2/10 val_acc 91.20 %"."""
    trials = [
        f"{row.id[:SHOWN_ID]} {row.epochs}/{row.until}"
        + (f" {row.metric.name} {score(row.metric, row.curve[-1])}" if row.curve else "")
        for row in standing.rows[:MOST_IN_SUMMARY]
    ]
    if len(standing.rows) > len(trials):
        trials.append(f"and {len(standing.rows) - len(trials)} more")
    if not trials and standing.best:
        trials = [f"best {standing.best}"]
    told = ", ".join(filter(None, (standing.counted(), standing.worked(whole=True), standing.timed())))
    return " | ".join(filter(None, (f"{standing.name}: {told}", ", ".join(trials))))


class _Suspension:
    """Has Ctrl-Z give the terminal back, cursor and all, before it halts this process, and take it again after.

    A picture that is being drawn is finished first. To block the signal would not do: another thread would take it, and
    Python has its handlers run in the main thread whatever that blocks.

    Args:
        start: takes the terminal.
        stop: gives it back.
    """

    def __init__(self, start: Callable[[], None], stop: Callable[[], None]) -> None:
        self._start = start
        self._stop = stop
        self._drawing = False
        self._wanted = False

    @contextlib.contextmanager
    def possible(self) -> Iterator[None]:
        """Listen to Ctrl-Z inside the block."""
        if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTSTP) in IGNORED:
            yield
            return
        before = signal.signal(signal.SIGTSTP, self._heard)
        try:
            yield
        finally:
            signal.signal(signal.SIGTSTP, before)

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Write to the terminal in one go; that it was closed is for the runner to hear."""
        self._drawing = True
        try:
            with contextlib.suppress(OSError):
                yield
        finally:
            self._drawing = False
            if self._wanted:
                self._suspend()

    def _heard(self, *_arguments: object) -> None:
        self._wanted = True
        if not self._drawing:
            self._suspend()

    def _suspend(self) -> None:
        self._wanted = False
        with contextlib.suppress(OSError):
            self._stop()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # here this process rests until SIGCONT
        signal.signal(signal.SIGTSTP, self._heard)
        self._start()
