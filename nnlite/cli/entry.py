"""The way in: loads the command line itself, which takes a moment, in which Ctrl-C is as quiet as it is later."""

import os
import signal
import warnings


def main() -> None:
    """Run the command that the process was given, and exit."""
    waited = signal.getsignal(signal.SIGINT)
    if waited is signal.default_int_handler:  # else it is ignored, as for a job in a shell's background
        signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    # Where workers cannot be started, a sentence says so when they are wanted.
    warnings.filterwarnings("ignore", ".*joblib will operate in serial mode", UserWarning)
    from nnlite.cli import app  # noqa: PLC0415 - what this is about

    signal.signal(signal.SIGINT, waited)
    app.main()
