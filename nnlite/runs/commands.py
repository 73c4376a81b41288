"""What to type to train a logged run again, in a folder of its own or on all training images, and to use it."""

import shlex
from pathlib import Path

USES = {"classifier": "predict", "gan": "sample"}  # the command that uses a trained model


def repeat_command(log: str | Path) -> str:
    """The command that trains the run of this `log` again, into a folder of its own."""
    return f"nnlite train {shlex.quote(str(log))} --experiments repeated"


def refit_command(log: str | Path) -> str:
    """The command that trains its configuration on all training images, none held out."""
    return f"nnlite train {shlex.quote(str(log))} -S validation=0"


def use_command(folder: str | Path, model: str) -> str:
    """The command that uses the trained weights in this run's folder; empty for an unknown model."""
    if model not in USES:
        return ""
    return f"nnlite {USES[model]} {shlex.quote(str(folder))}{' IMAGE...' if USES[model] == 'predict' else ''}"
