"""The steps of a GAN that are timed against each other: the original's sizes, a batch of 100, skipping every third.

Every contender draws a batch of images once, trains the discriminator on real and drawn ones (but for every third
batch), then the generator on what the discriminator says of its images, by the non-saturating loss from logits.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

import nnlite as nn
from nnlite.nn import fully_connected

Step = Callable[[], object]

BATCH, LATENT, PIXELS = 100, 100, 784
GENERATOR = [LATENT, 200, 400, PIXELS]
DISCRIMINATOR = [PIXELS, 400, 50, 1]
SKIP, LEAK, RATE, BETA1, BETA2, EPSILON = 3, 0.2, 5e-4, 0.5, 0.999, 1e-8

Layers = list[list[np.ndarray]]


def data() -> tuple[np.ndarray, np.ndarray]:
    """Real images from -1 to 1, and latent vectors."""
    rng = np.random.default_rng(0)
    return rng.random((BATCH, PIXELS), np.float32) * 2 - 1, rng.standard_normal((BATCH, LATENT), np.float32)


def layers(sizes: list[int], seed: int) -> Layers:
    rng = np.random.default_rng(seed)
    return [
        [(rng.standard_normal((m, n)) * np.sqrt(2 / (m + n))).astype(np.float32), np.zeros(n, np.float32)]
        for m, n in pairwise(sizes)
    ]


def bare_products() -> Step:
    """The matrix products of the step, into arrays that are there already."""
    g = [weight for weight, _ in layers(GENERATOR, 1)]
    d = [weight for weight, _ in layers(DISCRIMINATOR, 2)]
    rows = {n: [np.zeros((n, size), np.float32) for size in DISCRIMINATOR] for n in (BATCH, 2 * BATCH)}
    drawn = [np.zeros((BATCH, size), np.float32) for size in GENERATOR]
    of_g, of_d = [np.empty_like(each) for each in g], [np.empty_like(each) for each in d]
    batch = 0

    def forward(weights: list[np.ndarray], values: list[np.ndarray]) -> None:
        for weight, x, y in zip(weights, values, values[1:], strict=False):
            np.matmul(x, weight, out=y)

    def back(weights: list[np.ndarray], values: list[np.ndarray], grads: list[np.ndarray] | None, last: int) -> None:
        for k in reversed(range(len(weights))):
            if grads is not None:
                np.matmul(values[k].T, values[k + 1], out=grads[k])
            if k >= last:
                np.matmul(values[k + 1], weights[k].T, out=values[k])

    def step() -> None:
        nonlocal batch
        batch += 1
        forward(g, drawn)
        if batch % SKIP:
            forward(d, rows[2 * BATCH])
            back(d, rows[2 * BATCH], of_d, 1)
        forward(d, rows[BATCH])
        back(d, rows[BATCH], None, 0)
        back(g, drawn, of_g, 1)

    return step


def by_hand(optimizer: str) -> Step:
    """The step as one writes it down in NumPy: plainly, but no product that nobody needs."""
    real, latent = data()
    generator, discriminator = layers(GENERATOR, 1), layers(DISCRIMINATOR, 2)
    moments = {id(p): [np.zeros_like(p), np.zeros_like(p)] for layer in generator + discriminator for p in layer}
    updates = {"generator": 0, "discriminator": 0}
    targets = np.repeat(np.array([[1], [0]], np.float32), BATCH, axis=0)
    batch = 0

    def leaky(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, LEAK * x)

    def forward(network: Layers, x: np.ndarray, last: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
        values = [x]
        for k, (weight, bias) in enumerate(network):
            y = values[-1] @ weight + bias
            values.append(leaky(y) if k + 1 < len(network) else last(y))
        return values

    def back(network: Layers, values: list[np.ndarray], g: np.ndarray, last: int) -> tuple[Layers, np.ndarray]:
        """Gradients of the layers, given that of what the last one computes before its activation."""
        grads = []
        for k in reversed(range(len(network))):
            grads.append([values[k].T @ g, g.sum(axis=0)])
            if k >= last:
                g = g @ network[k][0].T
            if k > 0:
                g = g * np.where(values[k] > 0, np.float32(1), np.float32(LEAK))
        return grads[::-1], g

    def through(network: Layers, values: list[np.ndarray], g: np.ndarray) -> np.ndarray:
        """The gradient of the network's input alone."""
        for k in reversed(range(len(network))):
            g = g @ network[k][0].T
            if k > 0:
                g = g * np.where(values[k] > 0, np.float32(1), np.float32(LEAK))
        return g

    def update(name: str, network: Layers, grads: Layers) -> None:
        updates[name] += 1
        t = updates[name]
        for layer, layer_grads in zip(network, grads, strict=True):
            for p, g in zip(layer, layer_grads, strict=True):
                if optimizer == "sgd":
                    np.subtract(p, RATE * g, out=p)
                    continue
                m, v = moments[id(p)]
                m[...] = BETA1 * m + (1 - BETA1) * g
                v[...] = BETA2 * v + (1 - BETA2) * g**2
                step = RATE * (m / (1 - BETA1**t)) / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)
                np.subtract(p, step, out=p)

    def loss(logits: np.ndarray, targets: np.ndarray | float) -> tuple[float, np.ndarray]:
        value = np.mean(np.log1p(np.exp(-np.abs(logits))) + np.maximum(logits, 0) - targets * logits)
        return value, ((1 / (1 + np.exp(-logits)) - targets) / len(logits)).astype(np.float32)

    def step() -> None:
        nonlocal batch
        batch += 1
        drawn = forward(generator, latent, np.tanh)
        if batch % SKIP:
            values = forward(discriminator, np.concatenate([real, drawn[-1]]), lambda y: y)
            _, g = loss(values[-1], targets)
            update("discriminator", discriminator, back(discriminator, values, g, 1)[0])
        values = forward(discriminator, drawn[-1], lambda y: y)
        _, g = loss(values[-1], 1.0)
        g = through(discriminator, values, g) * (1 - drawn[-1] ** 2)
        update("generator", generator, back(generator, drawn, g, 1)[0])

    return step


def with_nnlite(optimizer: str, *, traced: bool = False) -> Step:
    """As `nnlite.models.gan` trains, with or without being traced."""
    real, latent = data()
    rng = np.random.default_rng(1)
    generator = fully_connected(GENERATOR, "leaky_relu", "tanh", rng)
    discriminator = fully_connected(DISCRIMINATOR, "leaky_relu", None, rng)
    make = {"sgd": lambda ps: nn.SGD(ps, RATE), "adam": lambda ps: nn.Adam(ps, RATE, beta1=BETA1)}[optimizer]
    of_generator, of_discriminator = make(generator.parameters()), make(discriminator.parameters())
    targets = np.repeat(np.array([[1], [0]], np.float32), BATCH, axis=0)
    batch = 0

    def train(real: np.ndarray, latent: np.ndarray, sits_out: bool) -> object:
        with nn.GradientTape() as tape:
            drawn = generator(latent)
        if not sits_out:
            with nn.GradientTape():
                both = np.concatenate([real, nn.stop_gradient(drawn)])
                loss = nn.sigmoid_cross_entropy(discriminator(both), targets)
            loss.backward()
            of_discriminator.step()
        with tape:
            loss = nn.sigmoid_cross_entropy(discriminator(drawn), 1.0)
        loss.backward(generator.parameters())
        of_generator.step()
        return loss

    run = nn.traced(train) if traced else train

    def step() -> None:
        nonlocal batch
        batch += 1
        run(real, latent, batch % SKIP == 0)

    return step


def with_torch(optimizer: str) -> Step:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    real, latent = map(torch.from_numpy, data())

    def network(sizes: list[int], last: list[torch.nn.Module]) -> torch.nn.Module:
        parts: list[torch.nn.Module] = []
        for m, n in pairwise(sizes):
            parts += [torch.nn.Linear(m, n), torch.nn.LeakyReLU(LEAK)]
        return torch.nn.Sequential(*parts[:-1], *last)

    generator, discriminator = network(GENERATOR, [torch.nn.Tanh()]), network(DISCRIMINATOR, [])
    make = {
        "sgd": lambda ps: torch.optim.SGD(ps, lr=RATE),
        "adam": lambda ps: torch.optim.Adam(ps, lr=RATE, betas=(BETA1, BETA2)),
    }[optimizer]
    of_generator, of_discriminator = make(generator.parameters()), make(discriminator.parameters())
    criterion = torch.nn.BCEWithLogitsLoss()
    targets, ones = torch.ones(2 * BATCH, 1), torch.ones(BATCH, 1)
    targets[BATCH:] = 0
    batch = 0

    def step() -> None:
        nonlocal batch
        batch += 1
        drawn = generator(latent)
        if batch % SKIP:
            of_discriminator.zero_grad()
            criterion(discriminator(torch.cat([real, drawn.detach()])), targets).backward()
            of_discriminator.step()
        of_generator.zero_grad()
        discriminator.requires_grad_(False)
        criterion(discriminator(drawn), ones).backward()
        discriminator.requires_grad_(True)
        of_generator.step()

    return step
