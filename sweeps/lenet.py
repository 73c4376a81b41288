"""A convolutional classifier of MNIST: two convolutions and two dense layers, trained on slightly distorted images.

After Y. LeCun et al., Gradient-based learning applied to document recognition, 1998. By `python sweeps/lenet.py`.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import nnlite as nn
from nnlite.data import locate
from nnlite.models.augmentation import Augmentation
from nnlite.nn.schedules import one_cycle


def network(rng: np.random.Generator) -> nn.Sequential:
    """Maps images (n, 784), 0 to 255, to logits (n, 10)."""
    return nn.Sequential(
        lambda x: np.reshape(x, (-1, 28, 28, 1)).astype(np.float32) / 255,
        nn.Conv2D(1, 16, 5, rng=rng, initializer=nn.he_normal),
        nn.MaxPool2D(2),
        nn.relu,
        nn.Conv2D(16, 32, 5, rng=rng, initializer=nn.he_normal),
        nn.MaxPool2D(2),
        nn.relu,
        nn.Flatten(),
        nn.Dense(512, 128, "relu", rng=rng, initializer=nn.he_normal),
        nn.Dropout(0.3, rng=rng),
        nn.Dense(128, 10, rng=rng),
    )


def lenet(epochs: int = 10, batch_size: int = 100, learning_rate: float = 4e-3, *, seed: int) -> Iterator[Any]:
    """Train on all training images; yields the loss and the share of the test images that are told right, by name."""
    rng = np.random.default_rng(seed)
    split, model = locate("mnist").split(validation=0), network(rng)
    distort = Augmentation((28, 28), shift=1.5, rotation=8.0, scale=0.08, shear=5.0)
    steps = epochs * -(-len(split.train) // batch_size)
    optimizer = nn.Adam(model.parameters(), one_cycle(learning_rate, steps), weight_decay=1e-3)

    @nn.traced
    def step(images: Any, labels: Any) -> Any:
        with nn.GradientTape():
            loss = nn.softmax_cross_entropy(model(images, training=True), labels)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(epochs):
        losses = [float(step(distort(x, rng), labels)) for x, labels in split.train.batches(batch_size, rng)]
        right = [np.argmax(model(x, training=False), 1) == labels for x, labels in split.test.batches(1000)]
        yield {"train_loss": float(np.mean(losses)), "test_acc": float(np.mean(np.concatenate(right)))}


if __name__ == "__main__":
    started = time.perf_counter()
    for metrics in lenet(seed=0):
        print(f"{time.perf_counter() - started:4.0f} s", *(f"{name} {value:.4f}" for name, value in metrics.items()))
