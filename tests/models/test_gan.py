"""The GAN: who is updated when, and that each update is the textbook's."""

import itertools

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad

from nnlite.errors import InputError
from nnlite.models import GanHyperparameters, GanTraining
from nnlite.models.adversaries import draw
from nnlite.models.gan import updates_a_batch
from nnlite.nn import BatchNorm, Dense, Dropout


@pytest.fixture
def training(judge, digits):  # noqa: ARG001 - prepared
    """Make a training whose judge is prepared."""

    def make(**config):
        config = {"validation": 300, "hidden": [12], "discriminator_hidden": [10], "latent_dim": 6} | config
        return GanTraining(GanHyperparameters.model_validate({"epochs": 1} | config), digits, seed=0)

    return make


def history(training, monkeypatch):
    """Train an epoch; the weights of both networks after each of their updates, in order."""
    monkeypatch.setattr(training, "_step", training._train_on)  # what is replayed calls no methods
    seen = []
    networks = {"generator": training.generator, "discriminator": training.discriminator}
    for name in networks:
        optimizer = getattr(training, f"_{name}_optimizer")
        step = optimizer.step

        def spy(name=name, step=step):
            before = {other: network.state() for other, network in networks.items()}
            step()
            seen.append((name, before, {other: network.state() for other, network in networks.items()}))

        monkeypatch.setattr(optimizer, "step", spy)
    next(training.epochs())
    return seen


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("config", "order"),
    [
        ({}, "DG DG DG DG DG DG"),
        ({"discriminator_skip": 2}, "DG G DG G DG G"),
        ({"discriminator_skip": 3}, "DG DG G DG DG G"),
        ({"discriminator_skip": 9}, "DG DG DG DG DG DG"),
        ({"discriminator_steps": 2}, "DDG DDG DDG DDG DDG DDG"),
        ({"discriminator_steps": 2, "discriminator_skip": 3}, "DDG DDG G DDG DDG G"),
    ],
)
def test_the_discriminator_sits_out_every_nth_batch_and_the_generator_none(training, monkeypatch, config, order):
    seen = history(training(batch_size=200, **config), monkeypatch)
    assert "".join(name[0].upper() for name, _, _ in seen) == order.replace(" ", "")


def test_a_skipped_batch_leaves_the_discriminator_bit_equal_and_each_step_only_changes_its_own(training, monkeypatch):
    seen = history(training(batch_size=200, discriminator_skip=2), monkeypatch)
    for name, before, after in seen:
        other = {"generator": "discriminator", "discriminator": "generator"}[name]
        assert same(before[other], after[other])
        assert not same(before[name], after[name])
    for (_, _, earlier), (_, later, _) in itertools.pairwise(seen):
        assert same(earlier["discriminator"], later["discriminator"]), "nothing happens between updates"


def test_skipping_counts_on_over_epochs(training):
    gan = training(batch_size=1200, discriminator_skip=2, epochs=4)
    with_loss = ["discriminator_loss" in epoch.metrics for epoch in gan.epochs()]
    assert with_loss == [True, False, True, False], "one batch an epoch; every second is skipped"


# The oracle: the same few updates in float64, with the gradients of the autograd package.


def layers(state):
    count = len(state) // 2
    return [(state[f"{n}.weight"].astype(np.float64), state[f"{n}.bias"].astype(np.float64)) for n in range(count)]


def forward(weights, x):
    for weight, bias in weights[:-1]:
        x = anp.dot(x, weight) + bias
        x = anp.where(x > 0, x, 0.2 * x)
    weight, bias = weights[-1]
    return anp.dot(x, weight) + bias


def softplus(x):
    return anp.logaddexp(0.0, x)


def cross_entropy(logits, target):
    return target * softplus(-logits) + (1 - target) * softplus(logits)


def discriminator_loss(weights, real, drawn, smoothing):
    on_real, on_drawn = forward(weights, real), forward(weights, drawn)
    return (anp.mean(cross_entropy(on_real, 1 - smoothing)) + anp.mean(cross_entropy(on_drawn, 0))) / 2


def penalty(weights, real):
    slopes = elementwise_grad(lambda x: anp.sum(forward(weights, x)))(real)
    return anp.mean(anp.sum(slopes**2, axis=1)) / 2


def generator_loss(weights, latents, discriminator, noise):
    return anp.mean(softplus(-forward(discriminator, anp.tanh(forward(weights, latents)) + noise)))


def mean_features(discriminator, x):
    identity = (anp.eye(len(discriminator[-1][0])), 0.0)
    return anp.mean(forward([*discriminator[:-1], identity], x), axis=0)


def feature_gap(weights, latents, discriminator, real, noise):
    drawn = anp.tanh(forward(weights, latents)) + noise
    return anp.sum((mean_features(discriminator, drawn) - mean_features(discriminator, real)) ** 2)


def descend(weights, gradients, rate):
    return [(w - rate * gw, b - rate * gb) for (w, b), (gw, gb) in zip(weights, gradients, strict=True)]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"discriminator_skip": 2},
        {"discriminator_skip": 3, "discriminator_lr": 0.2},
        {"label_smoothing": 0.2},
        {"gradient_penalty": 3.0},
        {"gradient_penalty": 3.0, "gradient_penalty_every": 2},
        {"instance_noise": 0.5},
        {"feature_matching": 2.0},
        {"feature_matching": 2.0, "instance_noise": 0.5, "label_smoothing": 0.1, "gradient_penalty": 1.0},
    ],
    ids=lambda config: " ".join(config) or "nothing",
)
def test_an_epoch_is_what_the_formulas_say(training, config):
    config = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 200} | config
    gan, oracle = training(**config), training(**config)
    generator, discriminator = layers(oracle.generator.state()), layers(oracle.discriminator.state())
    losses = {"generator_loss": [], "discriminator_loss": []}
    skip, every = config.get("discriminator_skip", 0), config.get("gradient_penalty_every", 1)
    smoothing, matching = config.get("label_smoothing", 0.0), config.get("feature_matching", 0.0)

    def noise(batch, images):
        spread = config.get("instance_noise", 0.0) * (1 - (batch - 1) / 6)
        return spread * oracle._noise.standard_normal((images, 784), dtype=np.float32) if spread else 0.0

    for batch, (images, _) in enumerate(oracle.split.train.batches(200, oracle._order), start=1):
        real = images / 127.5 - 1.0
        latents = oracle._latent.standard_normal((len(real), 6), dtype=np.float32).astype(np.float64)
        drawn = np.tanh(forward(generator, latents))
        if not skip or batch % skip:
            seen_real, seen_drawn = np.split(np.concatenate([real, drawn]) + noise(batch, 400), 2)
            losses["discriminator_loss"].append(discriminator_loss(discriminator, seen_real, seen_drawn, smoothing))
            gradients = grad(discriminator_loss)(discriminator, seen_real, seen_drawn, smoothing)
            trained = descend(discriminator, gradients, config.get("discriminator_lr", 0.1))
            if "gradient_penalty" in config and (batch - 1) % every == 0:
                weight = config["gradient_penalty"] * every / 2
                trained = descend(trained, grad(penalty)(discriminator, seen_real), 0.1 * weight)
            discriminator = trained
        blur = noise(batch, 200)
        losses["generator_loss"].append(generator_loss(generator, latents, discriminator, blur))
        trained = descend(generator, grad(generator_loss)(generator, latents, discriminator, blur), 0.1)
        if matching:
            pull = grad(feature_gap)(generator, latents, discriminator, real + noise(batch, 200), blur)
            trained = descend(trained, pull, 0.1 * matching)
        generator = trained
    metrics = next(gan.epochs()).metrics
    for name, values in losses.items():
        assert metrics[name] == pytest.approx(np.mean(values), rel=1e-4)
    for network, expected in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for (weight, bias), (w, b) in zip(layers(network.state()), expected, strict=True):
            np.testing.assert_allclose(weight, w, rtol=0, atol=2e-5)
            np.testing.assert_allclose(bias, b, rtol=0, atol=2e-5)


def test_the_rate_of_the_discriminator_alone_falls_at_its_milestones(training):
    gan = training(epochs=4, batch_size=200, discriminator_skip=2, discriminator_lr_milestones=[3, 1], lr_decay=0.25)
    networks = (gan._generator_optimizer, gan._discriminator_optimizer)
    rates = [tuple(each.learning_rate for each in networks) for _ in gan.epochs()]
    assert rates == [(5e-4, 5e-4 / 4), (5e-4, 5e-4 / 4), (5e-4, 5e-4 / 16), (5e-4, 5e-4 / 16)]


def test_noise_is_gone_by_the_end_and_so_depends_on_the_budget(training):
    gan = training(epochs=2, instance_noise=0.8, batch_size=200)
    spreads = []
    for gan._batch in range(1, 13):
        spreads.append(float(np.std(gan._blurred(np.zeros((50, 784), dtype=np.float32)))))
    assert spreads == pytest.approx(0.8 * (1 - np.arange(12) / 12), rel=0.02)


def test_quality_and_samples_are_of_the_same_latent_points_at_every_epoch(training):
    gan = training(epochs=2, learning_rate=1e-12)
    first, second = gan.epochs()
    assert first.samples.shape == (100, 28, 28)
    assert first.samples.dtype == np.uint8
    assert np.mean(first.samples == second.samples) > 0.99
    assert first.metrics["fid"] == pytest.approx(second.metrics["fid"], rel=1e-3)


def test_the_classes_of_the_judged_images_are_counted_and_the_metrics_follow_from_them(training):
    (epoch,) = training().epochs()
    shares = np.array(epoch.class_counts) / 10_000
    assert sum(epoch.class_counts) == 10_000
    assert epoch.metrics["mode_coverage"] == np.sum(shares > 0.01)
    assert epoch.metrics["label_entropy"] == pytest.approx(-sum(p * np.log2(p) for p in shares if p))


def test_without_validation_images_there_is_no_distance_but_a_score(training):
    gan = training(validation=0)
    (epoch,) = gan.epochs()
    assert "fid" not in epoch.metrics
    assert {"mode_coverage", "label_entropy"} <= epoch.metrics.keys()
    scores = gan.score(gan.weights()).metrics
    assert scores["test_fid"] > 0
    assert 0 <= scores["test_precision"] <= 1
    assert 0 <= scores["test_recall"] <= 1


def test_a_single_validation_image_makes_no_number_infinite(training):
    (epoch,) = training(validation=1).epochs()
    assert np.isfinite(epoch.metrics["fid"])


def test_it_learns_to_draw_more_like_the_digits(training):
    fids = [epoch.metrics["fid"] for epoch in training(epochs=6, hidden=[64], learning_rate=0.003).epochs()]
    assert fids[-1] < 0.9 * fids[0]


@pytest.mark.parametrize(
    "options",
    [
        {"lr_schedule": "cosine"},
        {"dropout": 0.3},
        {"batch_norm": True, "discriminator_steps": 2},
        {"batch_norm": True, "weight_average": 0.9},
        {"clip_norm": 0.1, "warmup_epochs": 1.5},
        {"optimizer": "sgd", "momentum": 0.5, "nesterov": True},
        {"instance_noise": 0.3, "feature_matching": 1.0},
        {"gradient_penalty": 1.0, "gradient_penalty_every": 2},
    ],
    ids=" ".join,
)
def test_a_restored_training_goes_on_to_the_bit(training, options):
    """F41."""
    config = {"epochs": 3, "discriminator_skip": 2, "batch_size": 400} | options
    straight, stopped, resumed = (training(**config) for _ in range(3))
    expected = [epoch.metrics["generator_loss"] for epoch in straight.epochs()]
    seen = [next(stopped.epochs()).metrics["generator_loss"]]
    resumed.restore(stopped.state())
    seen += [epoch.metrics["generator_loss"] for epoch in resumed.epochs()]
    assert seen == expected
    assert same(straight.state(), resumed.state())


def test_a_default_gan_has_dense_layers_alone_and_its_checkpoint_holds_what_it_always_did(training):
    gan = training()
    assert {type(layer) for layer in (*gan.generator.layers, *gan.discriminator.layers)} == {Dense}
    assert {name.split("/")[0] for name in gan.state()} == {
        "generator",
        "discriminator",
        "generator_optimizer",
        "discriminator_optimizer",
        "training",
    }
    assert [name for name in gan.state() if name.startswith("training/")] == [
        "training/epoch",
        "training/batch",
        "training/order",
        "training/latent",
    ]


def test_batches_are_standardized_in_the_generator_and_units_left_out_of_the_discriminator(training):
    gan = training(batch_norm=True, dropout=0.3, hidden=[12, 12])
    assert [type(layer) for layer in gan.generator.layers] == [Dense, BatchNorm, Dense, BatchNorm, Dense]
    assert [type(layer) for layer in gan.discriminator.layers] == [Dense, Dropout, Dense]
    (epoch,) = gan.epochs()
    assert np.isfinite(epoch.metrics["fid"])
    assert np.any(gan.generator.layers[1].mean)


def test_an_image_does_not_depend_on_those_drawn_beside_it(training):
    gan = training(batch_norm=True)
    list(gan.epochs())
    latents = np.random.default_rng(0).standard_normal((300, 6), dtype=np.float32)
    together, alone = draw(gan.generator, latents), draw(gan.generator, latents[:2])
    assert np.max(np.abs(together[:2].astype(int) - alone)) <= 1, "but for rounding"


def test_it_is_the_average_that_draws_and_the_weights_that_are_trained(training):
    plain, averaged = (training(epochs=2, weight_average=decay, learning_rate=0.01) for decay in (0.0, 0.99))
    expected, seen = list(plain.epochs()), list(averaged.epochs())
    assert [each.metrics["generator_loss"] for each in seen] == [each.metrics["generator_loss"] for each in expected]
    assert [each.metrics["fid"] for each in seen] != [each.metrics["fid"] for each in expected]
    assert same(averaged.generator.state(), plain.generator.state())
    assert not same(averaged.weights(), averaged.generator.state())
    averaged.generator.load_state(averaged.weights())
    images = draw(averaged.generator, averaged._judged_latents[:100])
    assert np.array_equal(images.reshape(seen[-1].samples.shape), seen[-1].samples)


def test_a_batch_of_a_single_image_that_would_be_standardized_is_refused_at_once(training):
    with pytest.raises(InputError, match="batch_size = 11, the last of the 1,200 training images is alone"):
        training(batch_norm=True, batch_size=11)
    training(batch_size=11)


@pytest.mark.parametrize(("skip", "steps", "expected"), [(0, 1, 1.0), (2, 1, 0.5), (3, 1, 2 / 3), (2, 4, 2.0)])
def test_schedules_of_the_discriminator_count_its_own_updates(skip, steps, expected):
    config = GanHyperparameters(discriminator_skip=skip, discriminator_steps=steps)
    assert updates_a_batch(config) == pytest.approx(expected)


@pytest.mark.parametrize("skip", [0, 2])
def test_a_falling_rate_reaches_zero_for_both_networks(training, skip):
    gan = training(epochs=2, batch_size=200, discriminator_skip=skip, lr_schedule="linear")
    list(gan.epochs())
    assert gan._generator_optimizer.learning_rate == 0
    assert gan._discriminator_optimizer.learning_rate == 0
