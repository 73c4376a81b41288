"""The classifier: it learns, whatever it is made of, and goes on from a saved state to the bit."""

import numpy as np
import pytest

from nnlite.errors import InputError
from nnlite.models import ClassifierHyperparameters, ClassifierTraining
from nnlite.models.classifier import input_range
from nnlite.nn import BatchNorm, Dense, Dropout

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
    assert training.score(training.weights()).metrics["test_acc"] > 0.9


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_every_activation_learns_by_either_loss(digits, activation, loss):
    _, epochs = train(digits, epochs=8, activation=activation, loss=loss, optimizer="adam", learning_rate=0.01)
    assert epochs[-1]["val_acc"] > 0.7
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]


@pytest.mark.parametrize("schedule", ["constant", "step", "exponential", "linear", "cosine", "one_cycle"])
@pytest.mark.parametrize(
    "optimizer",
    [
        {"momentum": 0.9},
        {"optimizer": "adam", "weight_decay": 0.01},
        {"dropout": 0.3},
        {"input_dropout": 0.2, "batch_norm": True},
        {"weight_average": 0.99, "batch_norm": True},
        {"momentum": 0.9, "nesterov": True, "clip_norm": 0.5, "warmup_epochs": 1.5},
        {"input_scaling": "standardized", "label_smoothing": 0.1, "max_norm": 1.0, "dropout": 0.2},
        {"augment_shift": 1.0, "augment_rotation": 10.0, "augment_elastic": 34.0, "dropout": 0.2},
    ],
    ids=" ".join,
)
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
    for name, array in straight.state().items():
        assert np.array_equal(array, resumed.state()[name]), name


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


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [("constant", [0.1, 0.1, 0.1]), ("step", [0.1, 0.05, 0.025]), ("linear", [0.1, 0.2 / 3, 0.1 / 3])],
)
def test_a_schedule_begins_where_the_warm_up_ends(digits, schedule, rates):
    """24 updates an epoch, of which the first 24 warm up; the straight line still ends with the last epoch."""
    _, epochs = train(digits, epochs=4, lr_schedule=schedule, lr_decay_epochs=1, warmup_epochs=1)
    assert [epoch["learning_rate"] for epoch in epochs] == pytest.approx([0.1 / 25, *rates])


def test_a_warm_up_may_take_a_part_of_an_epoch_or_the_whole_budget(digits):
    _, epochs = train(digits, epochs=2, warmup_epochs=1.5)
    assert [epoch["learning_rate"] for epoch in epochs] == pytest.approx([0.1 / 37, 0.1 * 25 / 37])
    _, epochs = train(digits, epochs=2, warmup_epochs=4, lr_schedule="cosine")
    assert [epoch["learning_rate"] for epoch in epochs] == pytest.approx([0.1 / 97, 0.1 * 25 / 97])


def test_a_default_network_has_dense_layers_alone_and_its_checkpoint_holds_what_it_always_did(digits):
    training, _ = train(digits, epochs=1)
    assert [type(layer) for layer in training.model.layers] == [Dense, Dense]
    assert [name for name in training.state() if not name.startswith("model/")] == [
        "optimizer/steps",
        "training/epoch",
        "training/order",
    ]


def test_a_network_has_the_layers_that_its_hyperparameters_ask_for(digits):
    training, _ = train(digits, epochs=1, hidden=[8, 8], dropout=0.5, input_dropout=0.1, batch_norm=True)
    hidden = [Dense, BatchNorm, Dropout]
    assert [type(layer) for layer in training.model.layers] == [Dropout, *hidden, *hidden, Dense]
    assert [layer.rate for layer in training.model.layers if isinstance(layer, Dropout)] == [0.1, 0.5, 0.5]


@pytest.mark.parametrize(
    "config", [{"dropout": 0.3}, {"batch_norm": True}, {"weight_average": 0.9}, {"initializer": "he"}]
)
def test_it_learns_with_each_of_them(digits, config):
    _, epochs = train(digits, epochs=8, activation="relu", optimizer="adam", learning_rate=0.01, **config)
    assert epochs[-1]["val_acc"] > 0.8


def test_dropout_makes_training_harder_and_leaves_evaluation_alone(digits):
    free, dropping = (train(digits, epochs=6, activation="relu", dropout=rate) for rate in (0.0, 0.5))
    assert dropping[1][-1]["train_acc"] < free[1][-1]["train_acc"] - 0.05
    assert dropping[1][-1]["val_acc"] > dropping[1][-1]["train_acc"]
    training, _ = dropping
    assert training.score(training.weights()).metrics == training.score(training.weights()).metrics


def test_dropout_draws_from_a_generator_of_its_own(digits):
    free, dropping = (train(digits, epochs=1, dropout=rate)[0] for rate in (0.0, 0.5))
    assert free.state()["training/order"] == dropping.state()["training/order"]
    again = train(digits, epochs=1, dropout=0.5)[0]
    assert again.state()["training/dropout"] == dropping.state()["training/dropout"]


def test_the_average_is_what_is_evaluated_and_the_weights_are_what_is_trained(digits):
    (_, expected), (training, epochs) = (train(digits, weight_average=decay) for decay in (0.0, 0.9))
    assert [epoch["train_loss"] for epoch in epochs] == [epoch["train_loss"] for epoch in expected]
    assert [epoch["val_loss"] for epoch in epochs] != [epoch["val_loss"] for epoch in expected]
    raw, average = training.model.state(), training.weights()
    assert not np.array_equal(raw["0.weight"], average["0.weight"])
    training.model.load_state(average)
    assert training._evaluate(training.split.validation)[0] == epochs[-1]["val_loss"]


def test_an_average_of_no_memory_is_the_weights(digits):
    (_, expected), (_, epochs) = (train(digits, weight_average=decay, batch_norm=True) for decay in (0.0, 1e-9))
    assert [epoch["val_loss"] for epoch in epochs] == pytest.approx([epoch["val_loss"] for epoch in expected], rel=1e-5)


def test_gradients_are_clipped(digits):
    training, _ = train(digits, epochs=1, learning_rate=1e3, clip_norm=1e-6)
    free, _ = train(digits, epochs=1, learning_rate=1e-9)
    for name, array in training.weights().items():
        assert np.max(np.abs(array - free.weights()[name])) < 24 * 1e-3 * 1.01


@pytest.mark.parametrize("batch_size", [1, 11, 1199])
def test_a_batch_of_a_single_image_that_would_be_standardized_is_refused_at_once(digits, batch_size):
    with pytest.raises(InputError, match=rf"batch_size = {batch_size}, the last of the 1,200 training images is alone"):
        train(digits, batch_norm=True, batch_size=batch_size)
    assert train(digits, batch_norm=True, batch_size=1200, epochs=1)[1]


def test_weight_decay_shrinks_the_weights(digits):
    sizes = [
        sum(float(np.sum(array**2)) for array in train(digits, weight_decay=decay)[0].weights().values())
        for decay in (0.0, 0.1)
    ]
    assert sizes[1] < 0.9 * sizes[0]


def test_without_validation_images_there_are_no_validation_metrics(digits):
    training, (epoch,) = train(digits, epochs=1, validation=0)
    assert {"val_loss", "val_acc"}.isdisjoint(epoch)
    assert "test_acc" in training.score(training.weights()).metrics


def test_a_single_image_can_be_held_out(digits):
    _, (epoch,) = train(digits, epochs=1, validation=1)
    assert epoch["val_acc"] in {0.0, 1.0}
    assert np.isfinite(epoch["val_loss"])


def test_scoring_leaves_the_training_as_it_was(digits):
    training, _ = train(digits)
    before = training.weights()
    training.score({name: np.zeros_like(array) for name, array in before.items()})
    assert all(np.array_equal(array, training.weights()[name]) for name, array in before.items())


def test_seeds_differ_and_repeat(digits):
    config = ClassifierHyperparameters(validation=300, hidden=(8,), epochs=1)
    losses = [next(ClassifierTraining(config, digits, seed).epochs()).metrics["train_loss"] for seed in (0, 1, 0)]
    assert losses[0] == losses[2] != losses[1]


def test_one_cycle_rises_and_falls_over_the_whole_budget(digits):
    rates = [epoch["learning_rate"] for epoch in train(digits, epochs=10, lr_schedule="one_cycle")[1]]
    assert rates[0] == pytest.approx(0.004)
    assert max(rates) == rates[3] == pytest.approx(0.1)
    assert rates[-1] == pytest.approx(0.05 * (1 - np.cos(np.pi / 7)))


def test_a_step_may_come_at_milestones_alone(digits):
    _, epochs = train(digits, epochs=5, lr_schedule="step", lr_milestones=[3, 1], lr_decay=0.7, lr_decay_epochs=1)
    assert [epoch["learning_rate"] for epoch in epochs] == pytest.approx([0.1, 0.07, 0.07, 0.049, 0.049])


@pytest.mark.parametrize(
    ("scaling", "black", "white"), [("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0), ("standardized", -0.4241, 2.8215)]
)
def test_pixels_enter_in_the_range_that_is_asked_for(mnist, scaling, black, white):
    """The mean of all pixels of MNIST is 0.1307 and their standard deviation 0.3081."""
    config = ClassifierHyperparameters(input_scaling=scaling, hidden=(4,))
    assert input_range(config, mnist) == pytest.approx((black, white), abs=1e-4)


@pytest.mark.parametrize("scaling", ["symmetric", "standardized"])
def test_training_and_evaluation_see_the_same_range(digits, scaling):
    """A network whose first layer undoes the scaling gives the same outputs."""
    scaled, _ = train(digits, epochs=1, input_scaling=scaling)
    plain, _ = train(digits, epochs=1)
    weights = scaled.weights()
    low, high = input_range(scaled.config, digits)
    undone = {**weights, "0.weight": weights["0.weight"] * np.float32(high - low)}
    undone["0.bias"] = weights["0.bias"] + low * weights["0.weight"].sum(axis=0)
    expected, found = scaled.score(weights).metrics, plain.score(undone).metrics
    assert found["test_loss"] == pytest.approx(expected["test_loss"], rel=1e-4)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_label_smoothing_keeps_predictions_modest_and_validation_comparable(digits, loss):
    config = {"epochs": 10, "optimizer": "adam", "learning_rate": 0.01, "hidden": [64], "loss": loss}
    (free, _), (smooth, epochs) = (train(digits, label_smoothing=share, **config) for share in (0.0, 0.4))
    confidence = [
        np.mean(np.max(np.asarray(each.model(np.float32(each.split.test.images / 255), training=False)), axis=1))
        for each in (free, smooth)
    ]
    assert confidence[1] < confidence[0]
    assert epochs[-1]["val_acc"] > 0.7
    assert smooth._evaluate(smooth.split.validation)[0] == epochs[-1]["val_loss"]
    smooth.config = free.config
    assert smooth._evaluate(smooth.split.validation)[0] == epochs[-1]["val_loss"]


@pytest.mark.parametrize("optimizer", [{"momentum": 0.9}, {"optimizer": "adam", "learning_rate": 0.01}])
def test_max_norm_holds_for_every_hidden_unit_after_training(digits, optimizer):
    training, _ = train(digits, hidden=[16, 16], max_norm=0.5, **optimizer)
    free, _ = train(digits, hidden=[16, 16], **optimizer)
    for layer in ("0.weight", "1.weight"):
        assert np.max(np.linalg.norm(training.weights()[layer], axis=0)) <= 0.5 * (1 + 1e-6)
        assert np.max(np.linalg.norm(free.weights()[layer], axis=0)) > 0.5
    assert np.max(np.linalg.norm(training.weights()["2.weight"], axis=0)) > 0.5


def test_augmentation_draws_from_a_generator_of_its_own_and_leaves_evaluation_alone(digits):
    plain, shifted = (train(digits, augment_shift=reach)[0] for reach in (0.0, 2.0))
    assert plain.state()["training/order"] == shifted.state()["training/order"]
    assert "training/augmentation" not in plain.state()
    shifted.model.load_state(plain.weights())
    assert shifted.score(plain.weights()).metrics == plain.score(plain.weights()).metrics


def test_augmentation_makes_training_harder_and_the_network_indifferent_to_what_it_does(digits):
    config = {"epochs": 15, "activation": "relu", "optimizer": "adam", "learning_rate": 0.01, "hidden": [64]}
    plain, shifted = (train(digits, augment_shift=reach, **config) for reach in (0.0, 3.0))
    assert shifted[1][-1]["train_acc"] < plain[1][-1]["train_acc"]
    moved = np.roll(digits.split(0).test.images.reshape(-1, 28, 28), 3, axis=2).reshape(-1, 784) / np.float32(255)
    correct = [
        np.mean(np.argmax(training.model(moved, training=False), axis=1) == digits.split(0).test.labels)
        for training, _ in (plain, shifted)
    ]
    assert correct[1] > correct[0] + 0.2


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_an_examination_counts_every_test_image_and_lists_the_most_confident_mistakes(digits, loss):
    training, _ = train(digits, epochs=4, optimizer="adam", learning_rate=0.01, loss=loss)
    weights = training.weights()
    score = training.score(weights)
    examination = score.examination
    confusion = np.array(examination.confusion)
    assert confusion.sum(axis=1).tolist() == np.bincount(training.split.test.labels, minlength=10).tolist()
    assert np.trace(confusion) / confusion.sum() == pytest.approx(score.metrics["test_acc"])
    wrong = int(confusion.sum() - np.trace(confusion))
    assert len(examination.mistakes) == len(examination.images) == min(wrong, 25)
    certainties = [each.probability for each in examination.mistakes]
    assert certainties == sorted(certainties, reverse=True)
    for mistake, image in zip(examination.mistakes, examination.images, strict=True):
        found, (label,) = training.split.test.take([mistake.index])
        assert np.array_equal(found.reshape(28, 28), image)
        assert label == mistake.label != mistake.predicted
