"""What to type to train a logged run again, in a folder of its own or on all training images."""

import shlex
from pathlib import Path


def repeat_command(log: str | Path) -> str:
    """The command that trains the run of this `log` again, into a folder of its own."""
    return f"nnlite train {shlex.quote(str(log))} --experiments repeated"


def refit_command(log: str | Path) -> str:
    """The command that trains its configuration on all training images, none held out."""
    return f"nnlite train {shlex.quote(str(log))} -S validation=0"
