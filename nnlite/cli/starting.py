"""The command to begin with: `init`."""

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from nnlite.cli.options import Json
from nnlite.cli.output import answer, answer_json
from nnlite.errors import InputError
from nnlite.sweep.starter import starter


def init(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where to write it; never overwritten.")] = Path(
        "sweep.toml"
    ),
    model: Annotated[Literal["classifier", "gan"], typer.Option("--model", help="What to train.")] = "classifier",
    as_json: Json = False,
) -> None:
    """Write a commented sweep file to start from."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(path.stem, model))
    except FileExistsError:
        raise InputError(f"{path} exists, and is never overwritten; give another name") from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path} cannot be written: {path.parent} is no folder") from None
    quoted = shlex.quote(str(path))
    if as_json:
        answer_json("nnlite.init/1", file=str(path), model=model)
        return
    answer(f"{path} is written; `nnlite sweep {quoted} -n` says what it would train")
