"""The options that several commands share, each defined once."""

from pathlib import Path
from typing import Annotated

import typer

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="A sweep file (TOML).", show_default=False)]
Experiments = Annotated[
    Path, typer.Option("--experiments", metavar="DIR", help="The folder of all sweeps.", file_okay=False)
]
Folder = Annotated[
    Path, typer.Argument(metavar="[EXPERIMENTS]", help="A folder of sweeps, one sweep's folder, or one run's.")
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, max=1024, help="Trials at a time; default: one a core.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", "-S", metavar="KEY=VALUE", help="Change a value of the file; may be repeated."),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Where datasets lie, as DIR/mnist/...; default: $NNLITE_DATA."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Print the trials, train nothing.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Train failed trials again.")]

EXPERIMENTS = Path("experiments")
REPORTS = Path("reports")
