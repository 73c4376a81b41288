"""The command that judges a trained generator beside real images and noise: `judge`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from nnlite.cli.options import EXPERIMENTS, DataDir, Experiments, Json
from nnlite.cli.output import answer, answer_json, answer_table, say
from nnlite.cli.preparation import prepare
from nnlite.cli.references import Reference
from nnlite.cli.using import config_of, trained
from nnlite.errors import InputError
from nnlite.files import must_be_new
from nnlite.models import GanHyperparameters
from nnlite.models.gan import JUDGED
from nnlite.models.judgement import COMPARED, Figures, Judge
from nnlite.models.trained import TrainedGenerator
from nnlite.sweep.environment import limit_threads
from nnlite.sweep.verify import dataset_of_run

SHOWN, NEIGHBOURS = 10, 5  # drawn images in the picture, and training images beside each
FORMATS = {"fid": ".2f", "mode_coverage": ".1f", "label_entropy": ".3f", "precision": ".3f", "recall": ".3f"}


def judge(
    reference: Reference,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=1, max=100, help=f"How often {JUDGED:,} images are drawn.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="A new PNG file of drawn images beside the nearest training images."
        ),
    ] = None,
    experiments: Experiments = EXPERIMENTS,
    data: DataDir = None,
    as_json: Json = False,
) -> None:
    """Judge a trained generator: how real, varied and new its images are, beside real ones and noise."""
    if out is not None and out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: expected the name of a PNG file, such as {out.with_suffix('.png')}")
    if out is not None:
        must_be_new(out)
    run = trained(reference, experiments, "gan")
    config, dataset = config_of(run, GanHyperparameters), dataset_of_run(run, data, say)
    prepare("gan", dataset)
    generator = TrainedGenerator(config, dataset.image_shape, run.folder.best)
    with limit_threads():
        judgement = _judged(Judge(dataset, config.validation), generator, draws, np.random.default_rng(seed))
    if out is not None:
        _picture(out, judgement, dataset.image_shape)
    if as_json:
        figures = {kind: [asdict(one) for one in each] for kind, each in judgement.figures.items()}
        about = {"run": run.id, "folder": str(run.folder.path), "seed": seed}
        answer_json("nnlite.judge/1", **about, figures=figures, nearest=judgement.nearest)
    else:
        _tell(judgement)


@dataclass(frozen=True)
class _Judgement:
    """What is told: of each kind of images, drawn, real and noise, the figures of each of its sets.

    Attributes:
        figures: by kind.
        nearest: of drawn and of real images, how far their nearest training images are.
        drawn: some images (n, pixels).
        neighbours: the training images nearest to each, (n, k, pixels).
    """

    figures: dict[str, list[Figures]]
    nearest: dict[str, dict[str, float]]
    drawn: NDArray[np.uint8]
    neighbours: NDArray[np.uint8]


def _judged(court: Judge, generator: TrainedGenerator, draws: int, rng: np.random.Generator) -> _Judgement:
    drawn = [generator.sample(JUDGED, rng).reshape(JUDGED, -1) for _ in range(draws)]
    noise = [rng.integers(0, 256, drawn[0].shape, np.uint8) for _ in range(draws)]
    figures = {
        "drawn": [court.figures(images) for images in drawn],
        "real": [court.figures(court.real)],
        "noise": [court.figures(images) for images in noise],
    }
    neighbours, from_drawn = court.nearest_training_images(drawn[0][:COMPARED], NEIGHBOURS)
    _, from_real = court.nearest_training_images(court.real[:COMPARED])
    nearest = {
        kind: {"median": float(np.median(each[:, 0])), "percentile_1": float(np.percentile(each[:, 0], 1))}
        for kind, each in (("drawn", from_drawn), ("real", from_real))
    }
    return _Judgement(figures, nearest, drawn[0][:SHOWN], neighbours[:SHOWN])


def _picture(path: Path, judgement: _Judgement, shape: tuple[int, int]) -> None:
    """A row for each drawn image: itself, and the training images nearest to it."""
    from nnlite.images import grid, write_png  # noqa: PLC0415 - no other command has to wait for it

    rows = np.concatenate([judgement.drawn[:, np.newaxis], judgement.neighbours], axis=1)
    write_png(path, grid(rows.reshape(-1, *shape), rows.shape[1]))


def _tell(judgement: _Judgement) -> None:
    rows = [[kind, *_cells(each)] for kind, each in judgement.figures.items()]
    answer_table(["images", *FORMATS], rows, right=range(1, 1 + len(FORMATS)))
    answer("")
    answer("Euclidean distance to the nearest training image, pixels from 0 to 1 (copies would be at 0):")
    for kind, spread in judgement.nearest.items():
        answer(f"  {kind:<5}  median {spread['median']:.2f}, nearest 1 % below {spread['percentile_1']:.2f}")


def _cells(figures: list[Figures]) -> list[str]:
    """Each figure as its mean over the draws, and their standard deviation."""
    cells = []
    for name, shape in FORMATS.items():
        values = [float(getattr(each, name)) for each in figures]
        spread = f" ± {np.std(values, ddof=1):{shape}}" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):{shape}}{spread}")
    return cells
