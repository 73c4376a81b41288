"""The classifier: it learns, whatever it is made of, and goes on from a saved state to the bit."""

import numpy as np
import pytest

from nnlite.models import ClassifierHyperparameters, ClassifierTraining

ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu"]


def train(dataset, epochs=3, **config):
    config = {"validation": 300, "hidden": [16], "epochs": epochs} | config
    training = ClassifierTraining(ClassifierHyperparameters.model_validate(config), dataset, seed=0)
    return training, [epoch.metrics for epoch in training.epochs()]


def numbers(metrics):
    return {name: value for name, value in metrics.items() if name not in ("seconds", "images_per_second")}


def test_it_learns_mnist(mnist):
    training, epochs = train(mnist, epochs=2, validation=50_000, hidden=[32], optimizer="adam", learning_rate=0.003)
    assert epochs[-1]["val_acc"] > 0.9
    assert training.score(training.weights())["test_acc"] > 0.9


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_every_activation_learns_by_either_loss(digits, activation, loss):
    _, epochs = train(digits, epochs=8, activation=activation, loss=loss, optimizer="adam", learning_rate=0.01)
    assert epochs[-1]["val_acc"] > 0.7
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]


@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "linear", "cosine"])
@pytest.mark.parametrize("optimizer", [{"momentum": 0.9}, {"optimizer": "adam", "weight_decay": 0.01}])
def test_a_restored_training_goes_on_to_the_bit(digits, schedule, optimizer):
    """F41."""
    config = {"lr_schedule": schedule, "lr_decay_epochs": 2, "epochs": 4, "learning_rate": 0.01} | optimizer
    straight, expected = train(digits, **config)
    stopped = ClassifierTraining(straight.config, digits, seed=0)
    epochs = stopped.epochs()
    seen = [next(epochs).metrics for _ in range(2)]
    resumed = ClassifierTraining(straight.config, digits, seed=99)
    resumed.restore(stopped.state())
    seen += [epoch.metrics for epoch in resumed.epochs()]
    assert list(map(numbers, seen)) == list(map(numbers, expected))
    for name, array in straight.weights().items():
        assert np.array_equal(array, resumed.weights()[name])


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.1, 0.1, 0.1, 0.1]),
        ("step", [0.1, 0.1, 0.05, 0.05]),
        ("exponential", [0.1, 0.1 * 0.5**0.5, 0.05, 0.05 * 0.5**0.5]),
        ("linear", [0.1, 0.075, 0.05, 0.025]),
        ("cosine", [0.1, 0.05 * (1 + 0.5**0.5), 0.05, 0.05 * (1 - 0.5**0.5)]),
    ],
)
def test_the_learning_rate_follows_its_schedule(digits, schedule, rates):
    _, epochs = train(digits, epochs=4, lr_schedule=schedule, lr_decay=0.5, lr_decay_epochs=2)
    assert [epoch["learning_rate"] for epoch in epochs] == pytest.approx(rates)


def test_weight_decay_shrinks_the_weights(digits):
    sizes = [
        sum(float(np.sum(array**2)) for array in train(digits, weight_decay=decay)[0].weights().values())
        for decay in (0.0, 0.1)
    ]
    assert sizes[1] < 0.9 * sizes[0]


def test_without_validation_images_there_are_no_validation_metrics(digits):
    training, (epoch,) = train(digits, epochs=1, validation=0)
    assert {"val_loss", "val_acc"}.isdisjoint(epoch)
    assert "test_acc" in training.score(training.weights())


def test_scoring_leaves_the_training_as_it_was(digits):
    training, _ = train(digits)
    before = training.weights()
    training.score({name: np.zeros_like(array) for name, array in before.items()})
    assert all(np.array_equal(array, training.weights()[name]) for name, array in before.items())


def test_seeds_differ_and_repeat(digits):
    config = ClassifierHyperparameters(validation=300, hidden=(8,), epochs=1)
    losses = [next(ClassifierTraining(config, digits, seed).epochs()).metrics["train_loss"] for seed in (0, 1, 0)]
    assert losses[0] == losses[2] != losses[1]
