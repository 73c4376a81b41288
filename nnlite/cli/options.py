"""The options that several commands share, each defined once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="A sweep file (TOML).", show_default=False)]
Specs = Annotated[
    list[Path], typer.Argument(metavar="SPEC...", help="Sweep files (TOML), trained in turn.", show_default=False)
]
Experiments = Annotated[
    Path, typer.Option("--experiments", metavar="DIR", help="The folder of all sweeps.", file_okay=False)
]
Folder = Annotated[
    Path, typer.Argument(metavar="[EXPERIMENTS]", help="A folder of sweeps, one sweep's folder, or one run's.")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, max=1024, help="Trials at a time; default: one a core or worker."),
]
Backend = Annotated[
    Literal["loky", "dask", "ray"],
    typer.Option("--backend", help="Where trials run: processes of this machine, a dask or a ray cluster."),
]
Address = Annotated[
    str | None, typer.Option("--address", help="Of the cluster: tcp://HOST:8786 of dask's scheduler, ray's HOST:6379.")
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
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show how the runs go, until none is running any more.")]
Format = Literal["table", "json", "csv", "markdown"]
Where = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="CONDITION", help="Of these alone, such as \"val_acc > 0.97 and optimizer == 'sgd'\"."
    ),
]
Sort = Annotated[
    str | None, typer.Option("--sort", metavar="NAMES", help="Best or least first, such as val_acc or sweep,-seconds.")
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="NAMES", help="Show these, such as run,val_acc,learning_rate,config,metrics."),
]
Top = Annotated[int | None, typer.Option("--top", metavar="N", min=1, help="The first N alone.")]
Shape = Annotated[Format | None, typer.Option("--format", "-f", help="How to answer; default: table.")]
At = Annotated[Literal["best", "last"], typer.Option("--at", help="A run's value: of its best epoch, or of its last.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Print the trials and an estimate, train nothing.")]
MostTrials = Annotated[
    int | None,
    typer.Option("--trials", metavar="N", min=1, help="Of a search: how many configurations; as -S search.trials=N."),
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="Of a trial, such as 90m; as -S limits.timeout=TIME."),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Train failed trials again.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Start no more trials once one has failed.")]

EXPERIMENTS = Path("experiments")
REPORTS = Path("reports")
