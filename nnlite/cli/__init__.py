"""The command line: one function a command, each of which parses, calls and prints."""

from nnlite.cli.entry import main

__all__ = ["main"]
