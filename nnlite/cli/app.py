"""The command line as a whole: its commands, and how whatever goes wrong becomes one line and an exit code.

0 all done, 1 something failed or nothing was found, 2 the command line or an input file is wrong, 128 + n after the
signal n.
"""

import io
import os
import signal
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version
from typing import Annotated

import typer

from nnlite.cli.output import one_line, say
from nnlite.errors import InputError, NnliteError, Stopped

LONGEST_SENTENCE = 1500  # characters

# Each command, and the module that it is a function of. That is loaded when the command is called: what trains needs
# much that what asks does without.
COMMANDS = {
    "init": "starting",
    "sweep": "training",
    "train": "training",
    "report": "questions",
    "best": "choosing",
    "runs": "questions",
    "show": "showing",
    "diff": "diffing",
    "export": "exporting",
    "replay": "replaying",
    "verify": "verifying",
    "predict": "using",
    "sample": "using",
    "judge": "judging",
    "data": "datasets",
}


def application(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    app = typer.Typer(
        help="Train many small networks, and see what each hyperparameter does.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(options)
    for name in names:
        command = getattr(import_module(f"nnlite.cli.{COMMANDS[name]}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nnlite {version('nnlite')}")  # noqa: T201
        raise typer.Exit


def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train many small networks, and see what each hyperparameter does."""


def main() -> None:
    """Run the command that the process was given, and exit."""
    _repair_streams()
    os.environ.setdefault("PYTHONSAFEPATH", "1")  # no process of ours takes a module from the current folder
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    # It may stand anywhere, as people add it to the end of the command that went wrong.
    arguments = [argument for argument in arguments if argument != "--debug"]
    code = run(arguments, debug=debug)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C shall not change the exit code any more
    sys.exit(code)


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command and return its exit code."""
    named = next((argument for argument in arguments if not argument.startswith("-")), None)
    try:
        app = application([named] if named in COMMANDS else COMMANDS)
        code = app(arguments, prog_name="nnlite", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        if sentence := error.format_message():  # empty where no command was given and the help was shown
            say(f"nnlite: {sentence.replace('Value error, ', '').replace('Input should', 'should')}")
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Stopped as stopped:
        say("stopped; the same command goes on from here")
        return stopped.exit_code
    except (NnliteError, OSError) as error:
        if debug:
            traceback.print_exc()
        say(f"nnlite: {sentence_of(error)}")
        return 2 if isinstance(error, InputError) else 1


def sentence_of(error: NnliteError | OSError) -> str:
    """An error as the command line tells it: one line, of which a quoted text cannot make a page."""
    sentence = str(error)
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename is not None else ""
        sentence = f"{place}{error.strerror.lower()}"
    sentence = one_line(sentence)
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    half = LONGEST_SENTENCE // 2
    return f"{sentence[:half]} [...] {sentence[-half:]}"  # where it is, and what to do


def _repair_streams() -> None:
    """Make printing safe: in any locale, and where a stream was closed, whose number the next file would get."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open to the end
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
