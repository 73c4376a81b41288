"""What a person sees while sweeps train: a live picture on a terminal, plain lines anywhere else.

Two sources, the runner's news (`listener`) and logs alone (`watching`), make a `standing` from runs; `drawing` draws
it, `screens` bring it to a terminal or into lines. All of it goes to stderr.
"""

from collections.abc import Callable

from rich.console import Console

from nnlite.sweep.display.listener import SweepDisplay
from nnlite.sweep.display.screens import make_screen
from nnlite.sweep.display.watching import watch
from nnlite.sweep.plan import Plan

__all__ = ["SweepDisplay", "make_display", "make_screen", "watch"]


def make_display(plan: Plan, console: Console, write: Callable[[str], None]) -> SweepDisplay:
    """The display of a sweep that suits `console`, which writes to stderr; `write` takes plain lines for it."""
    return SweepDisplay(plan, make_screen(console, write))
