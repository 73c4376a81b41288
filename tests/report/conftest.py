"""Logs as training would have written them, with made-up curves, for all tests of the report."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnlite.images import grid, write_gif, write_png
from nnlite.runs import LogWriter, RunFolder

START = {
    "schema": 1,
    "git": "0123456",
    "dataset_checksum": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "host": "somewhere",
    "pid": 1,
    "threads": 1,
    "versions": {"nnlite": "0.1.0", "python": "3.11.7", "numpy": "2.1.0", "blas": "OpenBLAS 0.3.27"},
}
CLASSIFIER = {
    "activation": "relu",
    "batch_size": 100,
    "epochs": 12,
    "hidden": [64],
    "learning_rate": 0.1,
    "loss": "softmax_cross_entropy",
    "lr_schedule": None,
    "momentum": 0.9,
    "optimizer": "sgd",
    "validation": 10000,
}
GAN = {
    "batch_size": 100,
    "discriminator_skip": 0,
    "epochs": 30,
    "hidden": [200, 400],
    "latent_dim": 32,
    "learning_rate": 0.1,
}
OBJECTIVES = {"classifier": ("val_acc", "maximize"), "gan": ("fid", "minimize")}
Numbers = dict[str, Any]


def write_run(
    root: Path,
    run: str,
    epochs: list[Numbers],
    config: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    model: str = "classifier",
    end: dict[str, Any] | str | None = "completed",
    **start: Any,
) -> RunFolder:
    """Write one log; `end` is its status, all the fields of the event, or None for a run without an end."""
    folder = RunFolder(root / run)
    metric, direction = OBJECTIVES[model]
    sweep = {"sweep": root.name, "dataset": "mnist", "spec": f"sweeps/{root.name}.toml", "swept": sorted(config or {})}
    whole = {**(CLASSIFIER if model == "classifier" else GAN), **(config or {})}
    event = {"run": run, "model": model, "config": whole, "seed": seed, **START, **sweep}
    event["objective"] = {"metric": metric, "direction": direction}
    with LogWriter(folder.log) as log:
        log.write("start", **{**event, **start})
        for number, numbers in enumerate(epochs, start=1):
            log.write("epoch", **{"epoch": number, **numbers})
        if end is not None:
            log.write("end", **({"status": end, "metrics": {}} if isinstance(end, str) else end))
    return folder


def classifier_curve(rng: np.random.Generator, top: float, epochs: int = 12) -> list[Numbers]:
    """Accuracies that approach `top`, losses that fall with them."""
    steps = np.arange(1, epochs + 1)
    val = top - (top - 0.8) * np.exp(-steps / 3) + rng.normal(0, 0.0006, epochs)
    train = np.minimum(1.0, val + 0.002 * steps)
    losses = 2.3 * np.exp(-steps / 2) + 3 * (1 - top) + abs(rng.normal(0, 0.003, epochs))
    return [
        {
            "train_loss": losses[i] * 0.8 ** (i / 3),
            "train_acc": train[i],
            "val_loss": losses[i],
            "val_acc": val[i],
            "learning_rate": 0.1,
            "seconds": 1.5 + rng.random() / 10,
            "images_per_second": 33000.0,
        }
        for i in range(epochs)
    ]


def gan_curve(rng: np.random.Generator, floor: float, epochs: int = 30) -> list[Numbers]:
    """Fréchet distances that fall to `floor`, and more classes drawn the lower they get."""
    steps = np.arange(1, epochs + 1)
    fid = floor + 250 * np.exp(-steps / 4) + abs(rng.normal(0, 1.5, epochs))
    modes = np.clip(np.round(10 - floor / 12 - 6 * np.exp(-steps / 5) + rng.normal(0, 0.4, epochs)), 1, 10)
    return [
        {
            "generator_loss": 1 + 0.5 * np.sin(i / 5) + rng.random() / 5,
            "discriminator_loss": 0.6 + rng.random() / 10 + i / 100,
            "fid": fid[i],
            "mode_coverage": int(modes[i]),
            "label_entropy": np.log2(max(modes[i], 1)) - rng.random() / 10,
            "learning_rate": 0.1,
            "seconds": 8.0 + rng.random(),
            "images_per_second": 7000.0,
        }
        for i in range(epochs)
    ]


def write_quickstart(root: Path) -> Path:
    """A sweep over hidden x learning_rate x 3 seeds; the highest rate diverged, one run failed, one was stopped."""
    rng = np.random.default_rng(0)
    sweep = root / "quickstart"
    swept = ["hidden", "learning_rate"]
    number = 0
    for hidden, bonus in (([64], 0.0), ([128], 0.004), ([200, 400], 0.006)):
        for rate, penalty in ((0.003, 0.05), (0.03, 0.006), (0.1, 0.0), (10.0, 0.9)):
            for seed in range(3):
                number += 1
                run = f"{number * 7919:012x}"
                config = {"hidden": hidden, "learning_rate": rate}
                curve = classifier_curve(rng, 0.975 + bonus - penalty if penalty < 0.5 else 0.85)
                end: Any = {
                    "status": "completed",
                    "metrics": {"test_acc": curve[-1]["val_acc"] - 0.001, "test_loss": 0.081, "seconds": 19.0},
                }
                if penalty > 0.5:
                    curve = [*curve[:2], {**curve[2], "train_loss": float("nan"), "val_acc": float("nan")}]
                    end = {"status": "diverged", "error": "train_loss is not finite in epoch 3", "metrics": {}}
                elif (hidden, rate, seed) == ([64], 0.003, 1):
                    end = {"status": "failed", "error": "MemoryError: <b>no</b> | `room`\n# at all", "metrics": {}}
                    curve = []
                elif (hidden, rate, seed) == ([128], 0.003, 2):
                    curve, end = curve[:5], None
                write_run(sweep, run, curve, config, seed=seed, end=end, swept=swept)
    torn = sweep / f"{7919:012x}" / "run.jsonl"
    torn.write_bytes(torn.read_bytes().replace(b'"event": "epoch"', b'"event": "epo', 1) + b'{"event": "ep')
    (sweep / "ffffffffffff").mkdir()
    (sweep / "ffffffffffff" / "run.jsonl").touch()
    return sweep


def write_gan(root: Path) -> Path:
    """A sweep over learning_rate x discriminator_skip x 2 seeds with sample grids."""
    rng = np.random.default_rng(1)
    sweep = root / "gan_lr"
    number = 0
    for rate, lift in ((0.01, 30.0), (0.03, 8.0), (0.1, 14.0)):
        for skip, more in ((0, 6.0), (2, 0.0), (3, 2.0)):
            for seed in range(2):
                number += 1
                curve = gan_curve(rng, lift + more + rng.normal(0, 1))
                config = {"learning_rate": rate, "discriminator_skip": skip}
                end = {"status": "completed", "metrics": {"test_fid": curve[-1]["fid"] + 1}}
                run = f"{number * 104729:012x}"
                folder = write_run(sweep, run, curve, config, seed=seed, model="gan", end=end, swept=[*config])
                frames = [
                    grid(rng.integers(0, 256, (20, 8, 8), dtype=np.uint8) // (1 + 3 * epoch), 5) for epoch in range(3)
                ]
                write_png(folder.sample(30), frames[-1])
                write_gif(folder.animation, frames)
    return sweep


@pytest.fixture
def logs() -> SimpleNamespace:
    """The functions above, for tests that write logs of their own."""
    return SimpleNamespace(write_run=write_run, classifier_curve=classifier_curve, gan_curve=gan_curve)


@pytest.fixture(scope="session")
def experiments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both sweeps, never to be changed."""
    root = tmp_path_factory.mktemp("published") / "experiments"
    write_quickstart(root)
    write_gan(root)
    return root
