"""How good the GAN is that does well in PyTorch, by nnlite's own judge: `python tests/benchmarks/gan_quality.py`.

The recipe is the one that nnlite's own are held against: the original's layer sizes, LeakyReLU(0.2), logits, the
non-saturating loss, Adam (beta1 0.5) at 0.001 falling linearly to 0, dropout of 0.3 in the discriminator, a moving
average of 0.999 of the generator's weights, batches of 100. It is trained in PyTorch on the very images that nnlite
trains on, on one thread, and judged after every epoch on 10,000 images against the same validation images; the seconds
are those of the processor, without the judging.
"""

import argparse
import copy
import os
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from nnlite.data import Dataset, locate
from nnlite.models import prepare_reference
from nnlite.models.judgement import Judge
from nnlite.sweep.environment import limit_threads

BATCH, LATENT, VALIDATION, JUDGED = 100, 100, 10_000, 10_000
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


def main() -> None:
    """Train and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dataset", default="mnist")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    dataset: Dataset = locate(wanted.dataset, None)
    with limit_threads():
        prepare_reference(dataset)
        judge = Judge(dataset, VALIDATION)
        train = dataset.split(VALIDATION).train
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
