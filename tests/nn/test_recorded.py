"""What the library itself writes to, between recording and differentiating: an error, or no change of the gradient."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.nn.layers import constrain

RNG = np.random.default_rng(2)
X = RNG.standard_normal((6, 3), np.float32)


class Remembering(nn.Layer):
    """A layer of a user, with a buffer that its result depends on."""

    def __init__(self):
        self.weight = nn.Tensor(np.ones(3), np.float32)
        self.memory = np.full(3, 2.0, np.float32)

    def __call__(self, x):
        return x * self.weight * self.memory


def network():
    rng = np.random.default_rng(1)
    return nn.Sequential(nn.Dense(3, 3, "tanh", rng=rng), nn.BatchNorm(3), Remembering(), nn.Dropout(0.5, rng=rng))


def step(model, kind, **options):
    for parameter in model.parameters():
        parameter.grad = np.ones(parameter.shape)
    kind(model.parameters(), 0.1, **options).step()


WRITES = {
    "a training call": lambda model, _: model(10 * X, training=True),
    "a call in use": lambda model, _: model(10 * X, training=False),
    "load_state": lambda model, _: model.load_state({name: a + 1 for name, a in model.state().items()}),
    "SGD": lambda model, _: step(model, nn.SGD, weight_decay=0.1),
    "momentum": lambda model, _: step(model, nn.SGD, momentum=0.9, clip_norm=0.5),
    "Adam": lambda model, _: step(model, nn.Adam),
    "an average": lambda _, average: average.update(),
    "an average that is loaded": lambda _, average: average.load_state(average.state()),
    "max-norm": lambda model, _: constrain(model[0], 1e-3),
    "backward of another tape": lambda model, _: trained(model),
}


def trained(model):
    with nn.GradientTape():
        loss = np.sum(model(X, training=True))
    loss.backward()


USES = {
    "in use": lambda model, _: model(X, training=False),
    "in training": lambda model, _: model(X, training=True),
    "as a constant": lambda model, w: w * np.sum([np.sum(nn.stop_gradient(each)) for each in model.parameters()]),
    "each as a constant": lambda model, w: w * nn.stop_gradient(model[0].bias) * nn.stop_gradient(model[2].weight),
    "buffers": lambda model, w: w * model[1].mean * model[2].memory,
    "averages": lambda model, w: w * model.average.weights()["2.weight"],
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_was_recorded_is_differentiated_as_it_was_or_not_at_all(use, write):
    gradients = []
    for written in (False, True):
        model = network()
        model.average = nn.WeightAverage(network(), 0.9)
        w = nn.Tensor(np.ones(3), np.float32)
        with nn.GradientTape() as tape:
            y = np.sum(np.square(use(model, w) + w))
        if written:
            write(model, model.average)
        sources = [w, *model.parameters()]
        try:
            gradients.append(tape.gradient(y, sources, unconnected_zero=True))
        except RuntimeError as error:
            assert "was changed in place after this GradientTape recorded it" in str(error)  # noqa: PT017
            return
    for before, after in zip(*gradients, strict=True):
        assert before.tobytes() == after.tobytes()
