"""A network that is trained by a traced step has the same numbers, to the bit, as without the decorator."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.models.penalties import gradient_penalty
from nnlite.nn import schedules, smoothed_cross_entropy
from nnlite.nn.layers import constrain

CLASSES = 4


def dense_part(rng, width, units):
    """A layer or two that map rows to rows, chosen at random, and how long theirs are."""
    activation = [None, "sigmoid", "tanh", "relu", "leaky_relu", nn.softplus, np.sin][rng.integers(7)]
    kind = rng.integers(5)
    if kind == 0:
        return [nn.Dense(width, units, bias=False, rng=rng), nn.BatchNorm(units, activation)], units
    if kind == 1:
        return [nn.LayerNorm(width), nn.Dense(width, units, activation, rng=rng)], units
    if kind == 2:
        return [nn.Dropout(float(rng.choice([0.0, 0.2, 0.5])), rng=np.random.default_rng(int(rng.integers(99))))], width
    return [nn.Dense(width, units, activation, rng=rng)], units


def image_part(rng):
    """Layers that map images (n, 6, 6) to rows."""
    layers = [
        Channelled(),
        nn.Conv2D(1, 3, 3, "relu" if rng.integers(2) else None, padding=int(rng.integers(2)), rng=rng),
    ]
    side = 6 if layers[-1].padding else 4
    if rng.integers(2):
        layers.append(nn.MaxPool2D(2))
        side //= 2
    return [*layers, nn.Flatten()], side * side * 3


class Channelled(nn.Layer):
    """Images (n, 36) as images with one channel."""

    def __call__(self, x, *, training=None):  # noqa: ARG002 - as a layer is called
        return np.reshape(x, (len(x), 6, 6, 1))


class Halves(nn.Layer):
    """Indices as rows of numbers."""

    def __init__(self, rng):
        self.table = nn.Embedding(8, 3, rng=rng)

    def __call__(self, x, *, training=None):  # noqa: ARG002 - as a layer is called
        return np.reshape(self.table(x), (len(x), -1))


def build(seed):
    """A network and what it takes: rows of 36 numbers, or of 5 indices."""
    rng = np.random.default_rng(seed)
    kind = ["rows", "images", "indices"][seed % 3]
    layers, width = {"rows": ([], 36), "images": image_part(rng), "indices": ([Halves(rng)], 15)}[kind]
    for _ in range(rng.integers(1, 4)):
        more, width = dense_part(rng, width, int(rng.integers(3, 9)))
        layers += more
    return nn.Sequential(*layers, nn.Dense(width, CLASSES, rng=rng)), kind


def optimizer_for(seed, parameters):
    rng = np.random.default_rng(seed + 1000)
    rate = [0.02, schedules.cosine_decay(0.02, 50), schedules.warm_up(schedules.step_decay(0.02, 0.5, 20), 7)][seed % 3]
    decay, clip = float(rng.choice([0.0, 0.01])), float(rng.choice([0.0, 0.05, 5.0]))
    if seed % 4 == 3:
        return nn.Adam(parameters, 0.01, weight_decay=decay, clip_norm=clip)
    momentum = float(rng.choice([0.0, 0.9]))
    return nn.SGD(parameters, rate, momentum, decay, clip_norm=clip, nesterov=bool(momentum) and seed % 2 == 0)


def one_hot(labels):
    return nn.Tensor(np.eye(CLASSES, dtype=np.float32))[labels]


LOSSES = [
    nn.softmax_cross_entropy,
    lambda y, labels: smoothed_cross_entropy(y, labels, 0.1),
    lambda y, labels: nn.squared_error(y, one_hot(labels)),
    lambda y, labels: nn.sigmoid_cross_entropy(y, one_hot(labels)),
]


def batches_of(kind, count, size=6, seed=0):
    rng = np.random.default_rng(seed)
    for k in range(count):
        n = size - 1 if k % 5 == 4 else size  # the last of each epoch is smaller
        x = rng.integers(0, 8, (n, 5)) if kind == "indices" else rng.standard_normal((n, 36)).astype(np.float32)
        yield x, rng.integers(0, CLASSES, n)


def make_training(seed):
    model, _ = build(seed)
    optimizer = optimizer_for(seed, model.parameters())
    average = nn.WeightAverage(model, 0.95)
    loss_of = LOSSES[seed % len(LOSSES)]

    def step(x, labels):
        with nn.GradientTape():
            outputs = model(x, training=True)
            loss = loss_of(outputs, labels)
        loss.backward()
        optimizer.step()
        if seed % 5 == 0:
            constrain(model.layers[-1], 0.5)
        average.update()
        return loss, np.argmax(nn.stop_gradient(outputs), axis=1)

    return step, model, optimizer, average


@pytest.mark.parametrize("seed", range(36))
def test_generated_networks_train_alike(seed, in_step):
    in_step(lambda: make_training(seed), batches_of(build(seed)[1], 40))


@pytest.mark.parametrize("seed", range(3))
def test_hundreds_of_steps_stay_alike(seed, in_step):
    in_step(lambda: make_training(seed), batches_of(build(seed)[1], 400))


@pytest.mark.parametrize("seed", range(12))
def test_the_source_alone_gives_the_same_numbers(seed, executed, assert_same):
    model, kind = build(seed)
    optimizer = optimizer_for(seed, model.parameters())

    @nn.traced
    def step(x, labels):
        with nn.GradientTape():
            loss = LOSSES[seed % len(LOSSES)](model(x, training=False), labels)
        loss.backward()
        optimizer.step()
        return loss

    batches = [batch for batch in batches_of(kind, 9) if len(batch[0]) == 6]
    for batch in batches[:3]:
        step(*batch)
    before, steps = model.state(), optimizer.state()
    expected, after = step(*batches[3]), model.state()
    model.load_state(before)
    optimizer.load_state(steps)
    actual = executed(step, *batches[3])
    assert_same(actual, np.asarray(expected))
    assert_same(model.state(), after)


def test_evaluation_has_no_tape_and_reads_what_training_has_moved(in_step):
    def make():
        model, _ = build(0)
        other = nn.BatchNorm(CLASSES)

        def evaluate(x, labels):
            other(model(x, training=False), training=True)  # moves the running statistics
            return {"loss": nn.softmax_cross_entropy(other(model(x, training=False), training=False), labels), "n": 3}

        return evaluate, model, other

    in_step(make, batches_of("rows", 12))


def test_the_gradient_penalty_of_a_gan(in_step):
    def make():
        rng = np.random.default_rng(1)
        model = nn.Sequential(nn.Dense(36, 8, "leaky_relu", rng=rng), nn.Dense(8, 1, rng=rng))
        optimizer = nn.Adam(model.parameters(), 0.01)

        def step(images, _labels):
            with nn.GradientTape():
                told = nn.sigmoid_cross_entropy(model(images, training=True), np.float32(0.9))
                loss = told + 5.0 * gradient_penalty(model, images)
            loss.backward(model.parameters())
            optimizer.step()
            return told, loss

        return step, model, optimizer

    in_step(make, batches_of("rows", 30))


def test_both_networks_of_a_gan_in_one_step(in_step):
    def make():
        rng, latent = np.random.default_rng(1), np.random.default_rng(2)
        generator = nn.Sequential(
            nn.Dense(5, 8, bias=False, rng=rng), nn.BatchNorm(8, "relu"), nn.Dense(8, 36, rng=rng)
        )
        judge = nn.Sequential(nn.Dense(36, 8, "leaky_relu", rng=rng), nn.Dropout(0.2, rng=rng), nn.Dense(8, 1, rng=rng))
        first, second = nn.SGD(judge.parameters(), 0.1, 0.5), nn.Adam(generator.parameters(), 0.01)

        def step(images, _labels):
            with nn.GradientTape() as tape:
                drawn = generator(nn.ask(latent.standard_normal, (len(images), 5), np.float32), training=True)
            with nn.GradientTape():
                both = np.concatenate([images, nn.stop_gradient(drawn)])
                targets = np.repeat(np.array([[0.9], [0.0]], np.float32), len(images), axis=0)
                told = nn.sigmoid_cross_entropy(judge(both, training=True), targets)
            told.backward()
            first.step()
            with tape:
                fooled = nn.sigmoid_cross_entropy(judge(drawn, training=True), np.float32(1.0))
            fooled.backward(generator.parameters())
            second.step()
            return told, fooled

        return step, generator, judge, first, second

    in_step(make, batches_of("rows", 30))


def test_a_recurrent_cell_over_a_hundred_steps(in_step):
    def make():
        rng = np.random.default_rng(1)
        inner, outer = nn.Dense(9, 6, rng=rng), nn.Dense(6, CLASSES, rng=rng)
        optimizer = nn.SGD([*inner.parameters(), *outer.parameters()], 0.05, clip_norm=1.0)

        def step(x, labels):
            with nn.GradientTape():
                state = np.zeros((len(x), 6), np.float32)
                for k in range(100):
                    state = np.tanh(inner(np.concatenate([x[:, k % 12 * 3 : k % 12 * 3 + 3], state], axis=1)))
                loss = nn.softmax_cross_entropy(outer(state), labels)
            loss.backward()
            optimizer.step()
            return loss

        return step, inner, outer, optimizer

    in_step(make, batches_of("rows", 8))


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_other_precisions(dtype, in_step):
    def make():
        rng = np.random.default_rng(1)
        weight, bias = (nn.Tensor(rng.standard_normal(shape), dtype) for shape in ((36, CLASSES), CLASSES))
        optimizer = nn.SGD([weight, bias], 0.01, 0.9)
        holder = nn.Layer()
        holder.weight, holder.bias = weight, bias

        def step(x, labels):
            with nn.GradientTape():
                loss = nn.softmax_cross_entropy(x.astype(dtype) @ weight + bias, labels)
            loss.backward()
            optimizer.step()
            return loss

        return step, holder, optimizer

    in_step(make, batches_of("rows", 30))
