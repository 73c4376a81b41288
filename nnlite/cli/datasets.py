"""The command about data: `data`, and `data fetch`."""

from typing import Annotated

import typer

from nnlite.cli.options import DataDir, Json
from nnlite.cli.output import answer, answer_json, answer_table, say
from nnlite.data import fetch as fetch_dataset
from nnlite.data import inventory

data = typer.Typer(help="Which datasets there are, and where each was found.", no_args_is_help=False)


@data.callback(invoke_without_command=True)
def list_datasets(context: typer.Context, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Which datasets there are, and where each was found."""
    if context.invoked_subcommand is not None:
        return
    holdings = inventory(data_dir)
    if as_json:
        answer_json("nnlite.data/1", datasets=[holding.__dict__ for holding in holdings])
        return
    rows = []
    for holding in holdings:
        where = str(holding.path) if holding.path else holding.problem or f"not here: nnlite data fetch {holding.name}"
        images = f"{holding.training_images:,} + {holding.test_images:,}"
        size = f"{holding.bytes / 1e6:.1f} MB" if holding.bytes else ""
        rows.append([holding.name, images, size, where, holding.licence])
    answer_table(["dataset", "images", "size", "where", "licence"], rows)


@data.command()
def fetch(
    name: Annotated[str, typer.Argument(help="mnist or fashion-mnist.", show_default=False)], data_dir: DataDir = None
) -> None:
    """Download a dataset into the cache, unless it is there."""
    dataset = fetch_dataset(name, data_dir, announce=say)
    answer(f"{dataset.name} is in {dataset.files.train_images.parent}")
