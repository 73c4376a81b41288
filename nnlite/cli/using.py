"""The commands that use a trained model: `predict` for a classifier, `sample` for a generator."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import typer
from pydantic import ValidationError

from nnlite.cli.options import EXPERIMENTS, DataDir, Experiments, Json
from nnlite.cli.output import answer, answer_json, say
from nnlite.cli.references import Reference, run_named
from nnlite.data.catalogue import image_shape
from nnlite.errors import InputError
from nnlite.files import must_be_new
from nnlite.models import ClassifierHyperparameters, Dataset, GanHyperparameters, Hyperparameters
from nnlite.models.trained import TrainedClassifier, TrainedGenerator
from nnlite.runs import Run
from nnlite.runs.commands import USES, repeat_command
from nnlite.runs.quantities import counted
from nnlite.sweep.environment import limit_threads
from nnlite.sweep.verify import dataset_of_run

BAR = 40  # characters of a bar for a probability of 1
MOST_SAMPLES = 10_000
DEFAULT_GRID = "10x10"

Config = TypeVar("Config", bound=Hyperparameters)

# Each command imports the reading and writing of pictures for itself: no other command has to wait for it.


def predict(
    reference: Reference,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Image files: any size, dark on light or light on dark.")
    ],
    experiments: Experiments = EXPERIMENTS,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Tell which class each image shows, by a trained classifier."""
    from nnlite.data.pictures import Framing, read_picture  # noqa: PLC0415

    run = trained(reference, experiments, "classifier")
    dataset = dataset_of_run(run, data, say)
    framing = Framing.of(dataset)
    pictures = [read_picture(path, framing) for path in images]
    classifier = TrainedClassifier(config_of(run, ClassifierHyperparameters), dataset, run.folder.best)
    with limit_threads():
        probabilities = classifier.probabilities(np.stack(pictures).reshape(len(pictures), -1))
    if as_json:
        predictions = [_fields(path, dataset, row) for path, row in zip(images, probabilities, strict=True)]
        answer_json("nnlite.predict/1", run=run.id, folder=str(run.folder.path), predictions=predictions)
        return
    for path, row in zip(images, probabilities, strict=True):
        answer(f"{path}: {dataset.class_names[int(row.argmax())]}")
        width = max(map(len, dataset.class_names))
        for name, share in zip(dataset.class_names, row, strict=True):
            answer(f"  {name:>{width}} {share:7.2%} {'#' * round(BAR * share)}".rstrip())


def sample(
    reference: Reference,
    shape: Annotated[
        str | None, typer.Option("--grid", metavar="RxC", help="Rows and columns of the grid; default 10x10.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", min=1, max=MOST_SAMPLES, help="How many images, instead.")
    ] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Each row goes from one latent point to that of the next row.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn: another, and others are drawn.")] = 0,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", help="A new file for them: one grid (.png) or an array (.npy).", dir_okay=False
        ),
    ] = Path("samples.png"),
    experiments: Experiments = EXPERIMENTS,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Draw new images by a trained generator: a grid in a PNG file, or an array (n, height, width) of bytes."""
    from nnlite.images import grid, write_npy, write_png  # noqa: PLC0415

    if out.suffix.lower() not in (".png", ".npy"):
        raise InputError(
            f"--out {out}: expected the name of a PNG file, such as {out.with_suffix('.png')}, or of an array, such as "
            f"{out.with_suffix('.npy')}"
        )
    must_be_new(out)
    rows, columns, total = _layout(shape, count, interpolate=interpolate)
    run = trained(reference, experiments, "gan")
    # What is known by its checksum need not be here to draw more of it.
    known = image_shape(run.start.get("dataset_checksum"))
    height_and_width = known or dataset_of_run(run, data, say).image_shape
    generator = TrainedGenerator(config_of(run, GanHyperparameters), height_and_width, run.folder.best)
    rng = np.random.default_rng(seed)
    with limit_threads():
        images = generator.interpolate(rows, columns, rng) if interpolate else generator.sample(total, rng)
    if out.suffix.lower() == ".npy":
        write_npy(out, images)
    else:
        write_png(out, grid(images, columns))
    if as_json:
        answer_json("nnlite.sample/1", run=run.id, folder=str(run.folder.path), count=total, seed=seed, out=str(out))
        return
    answer(f"{counted(total, 'image')} of run {run.id} in {out}")


def _layout(shape: str | None, count: int | None, *, interpolate: bool) -> tuple[int, int, int]:
    """Rows, columns and number of the images that `--grid` or `--count` ask for.

    So many images without a shape make a grid that is as square as can be, or one row if they are a path.
    """
    if shape is not None and count is not None:
        raise InputError(f"--grid {shape} says how many images, and --count {count} too: give one of them")
    if count is not None:
        columns = count if interpolate else math.ceil(math.sqrt(count))
        return math.ceil(count / columns), columns, count
    sides = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", shape or DEFAULT_GRID)
    rows, columns = map(int, sides.groups()) if sides else (0, 0)
    if not 1 <= rows * columns <= MOST_SAMPLES:
        raise InputError(f"--grid {shape}: expected rows x columns, such as 10x10, {MOST_SAMPLES:,} images at most")
    return rows, columns, rows * columns


def trained(reference: str, experiments: Path, model: str) -> Run:
    """The run that `reference` names, if it is of that model and its weights are there."""
    run = run_named(reference, experiments, model)
    if run.model != model:
        other = f"; `nnlite {USES[run.model]}` uses it" if run.model in USES else ""
        raise InputError(f"run {run.id} is a {run.model}, and not a {model}{other}")
    if not run.folder.best.exists():
        raise InputError(
            f"{run.folder.path} has no {run.folder.best.name}, the trained weights: "
            f"`{repeat_command(run.folder.log)}` makes it, then give --experiments repeated"
        )
    return run


def config_of(run: Run, kind: type[Config]) -> Config:
    """The hyperparameters that its log tells."""
    try:
        return kind.model_validate(run.config)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(f"{run.folder.log}: {place} is not a hyperparameter, or no value of it, here") from None


def _fields(path: Path, dataset: Dataset, row: Any) -> dict[str, Any]:
    best = int(row.argmax())
    return {
        "image": str(path),
        "label": best,
        "class": dataset.class_names[best],
        "probability": float(row[best]),
        "probabilities": dict(zip(dataset.class_names, map(float, row), strict=True)),
    }
