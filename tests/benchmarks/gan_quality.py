"""How good the GAN is that does well in PyTorch, by nnlite's own judge: `python tests/benchmarks/gan_quality.py`.

The recipe is the one that nnlite's own are held against: the original's layer sizes, LeakyReLU(0.2), logits, the
non-saturating loss, Adam (beta1 0.5) at 0.001 falling linearly to 0, dropout of 0.3 in the discriminator, a moving
average of 0.999 of the generator's weights, batches of 100. It is trained in PyTorch on the very images that nnlite
trains on, on one thread, and judged after every epoch on 10,000 images against the same validation images; the seconds
are those of the processor, without the judging. With --speed it is timed instead, in turn with the same recipe and with
that of `sweeps/gan_best.toml` in nnlite.
"""

import argparse
import copy
import os
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from nnlite.data import Dataset, locate
from nnlite.data.dataset import Subset
from nnlite.models import GanHyperparameters, GanTraining, prepare_reference
from nnlite.models.judgement import Judge
from nnlite.sweep.environment import limit_threads

BATCH, LATENT, VALIDATION, JUDGED = 100, 100, 10_000, 10_000
PIECE = 5000  # images of an epoch that is timed
RATE, BETA1, AVERAGE, DROPOUT, LEAK = 1e-3, 0.5, 0.999, 0.3, 0.2


def networks() -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and discriminator."""
    generator = nn.Sequential(
        nn.Linear(LATENT, 200),
        nn.LeakyReLU(LEAK),
        nn.Linear(200, 400),
        nn.LeakyReLU(LEAK),
        nn.Linear(400, 784),
        nn.Tanh(),
    )
    hidden = [(784, 400), (400, 50)]
    layers = [layer for m, n in hidden for layer in (nn.Linear(m, n), nn.LeakyReLU(LEAK), nn.Dropout(DROPOUT))]
    return generator, nn.Sequential(*layers, nn.Linear(50, 1))


class Recipe:
    """The training, an epoch at a time."""

    def __init__(self, images: np.ndarray, epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.images = torch.from_numpy(images.astype(np.float32) / 127.5 - 1.0)
        self.generator, self.discriminator = networks()
        self.average = copy.deepcopy(self.generator)
        both = (self.generator, self.discriminator)
        self.optimizers = [torch.optim.Adam(each.parameters(), RATE, (BETA1, 0.999)) for each in both]
        steps = epochs * -(-len(images) // BATCH)
        self.schedules = [
            torch.optim.lr_scheduler.LambdaLR(each, lambda step: 1.0 - step / steps) for each in self.optimizers
        ]

    def train_an_epoch(self) -> None:
        for chosen in torch.randperm(len(self.images)).split(BATCH):
            self.step(self.images[chosen])

    def step(self, real: Tensor) -> None:
        of_generator, of_discriminator = self.optimizers
        drawn = self.generator(torch.randn(len(real), LATENT))
        loss = softplus(-self.discriminator(real)).mean() + softplus(self.discriminator(drawn.detach())).mean()
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        of_generator.zero_grad()
        softplus(-self.discriminator(drawn)).mean().backward()
        of_generator.step()
        for schedule in self.schedules:
            schedule.step()
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                average.lerp_(weight, 1.0 - AVERAGE)

    def draw(self, latents: Tensor) -> np.ndarray:
        with torch.no_grad():
            return np.rint((self.average(latents).numpy() + 1.0) * 127.5).astype(np.uint8)


def nnlite_epoch(dataset: Dataset, epochs: int, **config: object) -> Callable[[], object]:
    """What trains through the first images of an epoch in nnlite, with the given hyperparameters."""
    common = {"epochs": epochs, "lr_schedule": "linear", "weight_average": AVERAGE, "validation": VALIDATION}
    training = GanTraining(GanHyperparameters.model_validate(common | config), dataset, 0)
    train = training.split.train
    training.split = replace(training.split, train=Subset(train.images, train.labels, train.indices[:PIECE]))
    training._judge = lambda: ({}, None, np.zeros(dataset.classes, int))
    training._epoch = 1
    return training._train_one_epoch


def compare_speed(dataset: Dataset, train: Subset, epochs: int) -> None:
    """Tell the milliseconds of the processor that a batch takes, medians of nine rounds."""
    best = {"learning_rate": 0.003, "batch_norm": True, "gradient_penalty": 1.0, "gradient_penalty_every": 4}
    contenders = {
        "PyTorch": Recipe(train.take(np.arange(PIECE))[0], epochs, 0).train_an_epoch,
        "nnlite, the same": nnlite_epoch(dataset, epochs, learning_rate=RATE, beta1=BETA1, dropout=DROPOUT),
        "nnlite, gan_best": nnlite_epoch(dataset, epochs, **best),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(9):
        for name, train_a_piece in contenders.items():
            started = time.process_time()
            train_a_piece()
            times[name].append(time.process_time() - started)
    for name, each in times.items():
        ratio = median(each) / median(times["PyTorch"])
        print(f"{name}: {1000 * median(each) * BATCH / PIECE:.2f} ms a batch, {ratio:.2f}")


def main() -> None:
    """Train and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--speed", action="store_true")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    dataset: Dataset = locate(wanted.dataset, None)
    with limit_threads():
        prepare_reference(dataset)
        train = dataset.split(VALIDATION).train
        if wanted.speed:
            compare_speed(dataset, train, wanted.epochs)
            return
        judge = Judge(dataset, VALIDATION)
        recipe = Recipe(train.take(np.arange(len(train)))[0], wanted.epochs, wanted.seed)
        latents = torch.randn(JUDGED, LATENT, generator=torch.Generator().manual_seed(1))
        seconds = 0.0
        for epoch in range(1, wanted.epochs + 1):
            started = time.process_time()
            recipe.train_an_epoch()
            seconds += time.process_time() - started
            found = judge.figures(recipe.draw(latents))
            print(
                f"epoch {epoch}: fid {found.fid:.2f}, {found.mode_coverage} classes, {found.label_entropy:.3f} bits, "
                f"precision {found.precision:.3f}, recall {found.recall:.3f}, {seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
