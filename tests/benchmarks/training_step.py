"""What training costs: steps of a classifier and of a GAN, a whole epoch, memory.

    python tests/benchmarks/training_step.py

Every contender trains the same network on the same batch, in float32 on one thread, in turn, round after round; each
round gives one ratio to the contender that all are compared with, and a table shows the median of the ratios.
Contenders whose package is not installed (autograd, torch, jax) are left out.
"""

import os

for library in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # before NumPy is imported
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import importlib.util
import itertools
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import classifier_steps
import gan_steps
import numpy as np
from classifier_steps import Problem

import nnlite as nn
from nnlite.data import locate
from nnlite.models import ClassifierHyperparameters, ClassifierTraining
from nnlite.models.training import scaled

Step = Callable[[], object]
ROUNDS = 12
ROUND_SECONDS = 0.05

# Who competes: what package it takes, and how its step is made.
CLASSIFIERS: dict[str, tuple[str, Callable[[Problem], Step]]] = {
    "bare products": ("numpy", classifier_steps.bare_products),
    "nnlite, traced": ("numpy", lambda problem: classifier_steps.with_nnlite(problem, traced=True)),
    "JAX, jit": ("jax", classifier_steps.with_jax),
    "traced, momentum": ("numpy", lambda problem: classifier_steps.with_nnlite(problem, 0.9, traced=True)),
    "JAX, momentum": ("jax", lambda problem: classifier_steps.with_jax(problem, 0.9)),
    "traced, Adam": ("numpy", lambda problem: classifier_steps.with_nnlite(problem, adam=True, traced=True)),
    "JAX, Adam": ("jax", lambda problem: classifier_steps.with_jax(problem, adam=True)),
    "nnlite": ("numpy", classifier_steps.with_nnlite),
    "each `.grad` looked at": ("numpy", lambda problem: classifier_steps.with_nnlite(problem, look=True)),
    "momentum": ("numpy", lambda problem: classifier_steps.with_nnlite(problem, momentum=0.9)),
    "by hand in NumPy": ("numpy", classifier_steps.by_hand),
    "autograd": ("autograd", classifier_steps.with_autograd),
    "PyTorch": ("torch", classifier_steps.with_torch),
}
GANS: dict[str, tuple[str, Callable[[str], Step]]] = {
    "by hand in NumPy": ("numpy", gan_steps.by_hand),
    "nnlite, traced": ("numpy", lambda optimizer: gan_steps.with_nnlite(optimizer, traced=True)),
    "nnlite": ("numpy", gan_steps.with_nnlite),
    "PyTorch": ("torch", gan_steps.with_torch),
    "bare products": ("numpy", lambda _: gan_steps.bare_products()),
}


def make_all(contenders: Mapping[str, tuple[str, Callable[[Any], Step]]], setting: object) -> dict[str, Step]:
    """The steps of all who can compete here."""
    return {name: make(setting) for name, (package, make) in contenders.items() if importlib.util.find_spec(package)}


def ratios(steps: Mapping[str, Step], to: str) -> dict[str, float]:
    """Each contender's time a step as a multiple of that of the one named `to`: the median over the rounds."""
    for step in steps.values():
        repeat(step, 20)
    count = max(10, round(ROUND_SECONDS / repeat(steps[to], 20)))
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        times = {name: repeat(step, count) for name, step in steps.items()}
        for name, seconds in times.items():
            found[name].append(seconds / times[to])
    return {name: statistics.median(each) for name, each in found.items()}


def repeat(step: Step, count: int) -> float:
    """Seconds a step, averaged over `count` of them."""
    started = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - started) / count


def epoch_of_steps() -> float:
    """What an epoch on MNIST, from the stored bytes, costs as a multiple of its steps on a batch that is there."""
    dataset = locate("mnist")
    training = ClassifierTraining(ClassifierHyperparameters(epochs=1000, validation=0), dataset, seed=0)
    images, labels = next(iter(training.split.train.batches(50, np.random.default_rng(0))))
    batch = scaled(images, 0.0, 1.0)
    optimizer = nn.SGD(training.model.parameters(), learning_rate=0.1)

    @nn.traced
    def train(batch: np.ndarray, labels: np.ndarray) -> object:
        with nn.GradientTape():
            loss = nn.softmax_cross_entropy(training.model(batch), labels)
        loss.backward()
        optimizer.step()
        return loss

    def step() -> None:
        train(batch, labels)

    epochs = training.epochs()
    next(epochs)
    found = []
    for _ in range(5):
        rate = next(epochs).metrics["images_per_second"]
        found.append(1200 * 50 / rate / (1200 * repeat(step, 1200)))
    return statistics.median(found)


def peak_of_a_step(step: Step) -> tuple[int, int]:
    """The most bytes that a step has allocated at one time, and by how much 100 steps have grown."""
    repeat(step, 12)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    repeat(step, 12)
    settled, peak = tracemalloc.get_traced_memory()
    repeat(step, 100)
    grown = tracemalloc.get_traced_memory()[0] - settled
    tracemalloc.stop()
    return peak - before, grown


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """A Markdown table, the first column to the left."""
    print("| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main() -> None:
    """Print the tables."""
    rows = []
    for hidden, batch in itertools.product((392, 128, 32, 16), (50, 128)):
        found = ratios(make_all(CLASSIFIERS, Problem(hidden, batch)), to="bare products")
        rows.append(
            [
                f"784-{hidden}-10, batch {batch}",
                *(f"{found[name]:.2f}" if name in found else "-" for name in CLASSIFIERS),
            ]
        )
    print_table(["classifier step, in bare products", *CLASSIFIERS], rows)

    rows = []
    for name, optimizer in (("SGD", "sgd"), ("Adam", "adam")):
        found = ratios(make_all(GANS, optimizer), to="by hand in NumPy")
        rows.append([name, *(f"{found[name]:.2f}" if name in found else "-" for name in GANS)])
    print_table(["GAN step, in steps by hand", *GANS], rows)

    rows = []
    for name, by_hand, with_nnlite in (
        ("784-392-10", classifier_steps.by_hand(Problem(392, 50)), classifier_steps.with_nnlite(Problem(392, 50))),
        ("GAN, Adam", gan_steps.by_hand("adam"), gan_steps.with_nnlite("adam")),
    ):
        (theirs, _), (ours, grown) = peak_of_a_step(by_hand), peak_of_a_step(with_nnlite)
        rows.append([name, f"{theirs / 1e6:.2f} MB", f"{ours / 1e6:.2f} MB", f"{ours / theirs:.2f}", f"{grown} bytes"])
    print_table(["memory a step allocates", "by hand", "nnlite", "ratio", "growth over 100 steps"], rows)
    print(f"an epoch of the classifier costs {epoch_of_steps():.2f} times its 1,200 steps alone")


if __name__ == "__main__":
    main()
