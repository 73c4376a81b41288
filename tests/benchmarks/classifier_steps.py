"""The steps of a classifier that are timed against each other: one sigmoid layer, softmax cross-entropy, plain SGD."""

from collections.abc import Callable

import numpy as np

import nnlite as nn

Step = Callable[[], object]
RATE = 0.1
INPUTS, CLASSES = 784, 10


class Problem:
    """A sigmoid network with one hidden layer, and one batch for it."""

    def __init__(self, hidden: int, batch: int) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.random((batch, INPUTS), dtype=np.float32)
        self.images.setflags(write=False)  # as batches are in training
        self.labels = rng.integers(0, CLASSES, batch)
        self.shapes = [(INPUTS, hidden), (hidden,), (hidden, CLASSES), (CLASSES,)]
        self.hidden, self.batch = hidden, batch

    def parameters(self) -> list[np.ndarray]:
        rng = np.random.default_rng(1)
        return [(rng.standard_normal(shape) * 0.05).astype(np.float32) for shape in self.shapes]


def bare_products(problem: Problem) -> Step:
    """The five matrix products of a step, into arrays that are there already."""
    w1, _, w2, _ = problem.parameters()
    x = problem.images
    rng = np.random.default_rng(2)
    hidden = rng.random((problem.batch, problem.hidden), dtype=np.float32)
    g1, g2 = np.ones_like(hidden), np.ones((problem.batch, CLASSES), np.float32)
    outs = [np.empty_like(each) for each in (hidden, g2, w1, w2, hidden)]

    def step() -> None:
        np.matmul(x, w1, out=outs[0])
        np.matmul(hidden, w2, out=outs[1])
        np.matmul(hidden.T, g2, out=outs[3])
        np.matmul(g2, w2.T, out=outs[4])
        np.matmul(x.T, g1, out=outs[2])

    return step


def by_hand(problem: Problem) -> Step:
    """The step as one writes it down plainly in NumPy."""
    w1, b1, w2, b2 = problem.parameters()
    x, labels, n = problem.images, problem.labels, problem.batch
    rows = np.arange(n)

    def step() -> None:
        hidden = 1 / (1 + np.exp(-(x @ w1 + b1)))
        logits = hidden @ w2 + b2
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        g = exponentials / exponentials.sum(axis=1, keepdims=True)
        _loss = -np.log(g[rows, labels]).mean()
        g[rows, labels] -= 1
        g /= n
        g_hidden = (g @ w2.T) * hidden * (1 - hidden)
        w2[...] -= RATE * (hidden.T @ g)
        b2[...] -= RATE * g.sum(axis=0)
        w1[...] -= RATE * (x.T @ g_hidden)
        b1[...] -= RATE * g_hidden.sum(axis=0)

    return step


def with_nnlite(
    problem: Problem, momentum: float = 0.0, *, look: bool = False, adam: bool = False, traced: bool = False
) -> Step:
    """The step of the README's example; perhaps with somebody who looks at every `.grad` in between, or traced."""
    rng = np.random.default_rng(1)
    model = nn.Sequential(
        nn.Dense(INPUTS, problem.hidden, activation="sigmoid", rng=rng), nn.Dense(problem.hidden, CLASSES, rng=rng)
    )
    parameters = model.parameters()
    optimizer = nn.Adam(parameters) if adam else nn.SGD(parameters, learning_rate=RATE, momentum=momentum)

    def step(images: np.ndarray, labels: np.ndarray) -> object:
        with nn.GradientTape():
            loss = nn.softmax_cross_entropy(model(images), labels)
        loss.backward()
        if look:
            for parameter in optimizer.parameters:
                assert parameter.grad is not None
        optimizer.step()
        return loss

    run = nn.traced(step) if traced else step
    return lambda: run(problem.images, problem.labels)


def with_autograd(problem: Problem) -> Step:
    import autograd.numpy as anp
    from autograd import grad

    parameters = problem.parameters()
    one_hot = np.eye(CLASSES, dtype=np.float32)[problem.labels]

    def loss(parameters):
        w1, b1, w2, b2 = parameters
        hidden = 1 / (1 + anp.exp(-(anp.dot(problem.images, w1) + b1)))
        logits = anp.dot(hidden, w2) + b2
        shifted = logits - anp.max(logits, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(shifted), axis=1)) - anp.sum(shifted * one_hot, axis=1))

    gradient = grad(loss)

    def step() -> None:
        for parameter, g in zip(parameters, gradient(parameters), strict=True):
            np.subtract(parameter, RATE * g, out=parameter)

    return step


def with_torch(problem: Problem) -> Step:
    import torch

    torch.set_num_threads(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(INPUTS, problem.hidden), torch.nn.Sigmoid(), torch.nn.Linear(problem.hidden, CLASSES)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    images, labels = torch.from_numpy(problem.images.copy()), torch.from_numpy(problem.labels)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def with_jax(problem: Problem, momentum: float = 0.0, *, adam: bool = False) -> Step:
    import jax
    import jax.numpy as jnp

    images, labels = jnp.asarray(problem.images), jnp.asarray(problem.labels)
    parameters = [jnp.asarray(each) for each in problem.parameters()]

    def loss(parameters):
        w1, b1, w2, b2 = parameters
        logits = jax.nn.sigmoid(images @ w1 + b1) @ w2 + b2
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])

    def update(state):
        parameters, mean, square, count = state
        gradients = jax.grad(loss)(parameters)
        if adam:
            count = count + 1
            mean = [0.9 * m + 0.1 * g for m, g in zip(mean, gradients, strict=True)]
            square = [0.999 * v + 0.001 * g * g for v, g in zip(square, gradients, strict=True)]
            rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            steps = [m / (jnp.sqrt(v) + 1e-8) for m, v in zip(mean, square, strict=True)]
            return [p - rate * s for p, s in zip(parameters, steps, strict=True)], mean, square, count
        if momentum:
            mean = [momentum * m + g for m, g in zip(mean, gradients, strict=True)]
            gradients = mean
        return [p - RATE * g for p, g in zip(parameters, gradients, strict=True)], mean, square, count

    zeros = [jnp.zeros_like(each) for each in parameters] if momentum or adam else []
    state = parameters, zeros, [jnp.zeros_like(each) for each in parameters] if adam else [], jnp.asarray(0.0)
    compiled = jax.jit(update, donate_argnums=0)

    def step() -> None:
        nonlocal state
        state = compiled(state)
        state[0][0].block_until_ready()

    return step
