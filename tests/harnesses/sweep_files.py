"""The sweeps that the harnesses disturb: every strategy, on both models, with trials of about a second."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlite.data import idx, locate

IMAGES = {"train": 2000, "t10k": 500}
FIXED = {
    "classifier": "validation = 300\nhidden = [16]\nbatch_size = 50\nepochs = {epochs}",
    "gan": "validation = 300\nhidden = [16]\ndiscriminator_hidden = [16]\nlatent_dim = 4\nepochs = {epochs}",
}
EPOCHS = {"classifier": 18, "gan": 6}
GRID = {
    "classifier": "[grid]\nlearning_rate = [0.1, 0.2, 0.4]\nmomentum = [0.0, 0.9]\n",
    "gan": "[grid]\nlearning_rate = [0.0005, 0.001, 0.002]\ndiscriminator_skip = [0, 3]\n",
}
SEARCH = {
    "classifier": "learning_rate = { low = 0.05, high = 0.5, log = true }\n",
    "gan": "learning_rate = { low = 0.0003, high = 0.003, log = true }\n",
}
ZIP = {
    "classifier": '[zip]\noptimizer = ["sgd", "sgd", "adam"]\nlearning_rate = [0.1, 0.3, 0.003]\n'
    "[when]\nmomentum = \"optimizer == 'sgd'\"\n[grid]\nmomentum = [0.0, 0.9]\n",
    "gan": "[zip]\ngenerator_lr = [0.0005, 0.001, 0.002]\ndiscriminator_lr = [0.001, 0.001, 0.0005]\n",
}


@dataclass(frozen=True)
class Strategy:
    """What stands in a sweep file beside the fixed values.

    Attributes:
        name: of the strategy, for tables.
        tables: by model, the text of its tables.
        order_matters: whether every call trains the same epochs of the same trials.
        failing: whether trials whose worker was killed fail, and are taken up by `--retry-failed`; what such a search
            proposes depends on which failed, so it has no undisturbed twin.
    """

    name: str
    tables: dict[str, str]
    order_matters: bool = True
    failing: bool = False


def _searched(strategy: str, trials: int) -> dict[str, str]:
    return {model: f'[search]\nstrategy = "{strategy}"\ntrials = {trials}\n{text}' for model, text in SEARCH.items()}


def _pruned(tables: dict[str, str], pruning: str) -> dict[str, str]:
    return {model: f"{text}[pruning]\n{pruning}\n" for model, text in tables.items()}


STRATEGIES = {
    each.name: each
    for each in (
        Strategy("grid", GRID),
        Strategy("random", _searched("random", 6)),
        Strategy("tpe", _searched("tpe", 6)),
        Strategy("halving", _pruned(GRID, 'strategy = "halving"\nmin_epochs = 2')),
        Strategy("asha", _pruned(GRID, 'strategy = "asha"\nmin_epochs = 2'), order_matters=False),
        Strategy("median", _pruned(GRID, 'strategy = "median"\ngeneration = 2')),
        Strategy("zip, when", ZIP),
        Strategy("tpe, failing", _searched("tpe", 6), failing=True),
    )
}


def sweep_file(
    path: Path, model: str, tables: str, data: Path, seeds: list[int], *, epochs: int | None = None, limits: str = ""
) -> Path:
    """Write a sweep file.

    Args:
        path: where.
        model: which model.
        tables: the text of its tables, beside `[fixed]` and `[limits]`.
        data: the folder of the dataset.
        seeds: of every configuration.
        epochs: of every trial; default: what makes it last about a second.
        limits: the text of its `[limits]`.
    """
    fixed = FIXED[model].format(epochs=epochs or EPOCHS[model])
    head = f'name = "{path.stem}"\nmodel = "{model}"\ndataset = "{data}"\nseeds = {seeds}\n'
    path.write_text(f"{head}[fixed]\n{fixed}\n{tables}[limits]\n{limits}", "utf-8")
    return path


def write_digits(folder: Path, images: dict[str, int] | None = None) -> Path:
    """The first images of the real MNIST as a dataset of its own, in a folder of IDX files."""
    files = locate("mnist").files
    folder.mkdir(parents=True)
    for part, pictures, labels in (
        ("train", files.train_images, files.train_labels),
        ("t10k", files.test_images, files.test_labels),
    ):
        count = (images or IMAGES)[part]
        idx.write(folder / f"{part}-images-idx3-ubyte", np.array(idx.map_file(pictures, 3)[:count]))
        idx.write(folder / f"{part}-labels-idx1-ubyte", np.array(idx.map_file(labels, 1)[:count]))
    return folder
