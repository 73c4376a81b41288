"""The GAN: a generator that draws images from random vectors, against a discriminator that tells them from real ones.

Each batch, the discriminator learns to tell real images (target 1) from drawn ones (target 0), unless it sits this
batch out; then the generator learns to have its images taken for real. The generator draws a batch once: its recording
is re-entered, after the discriminator's update, to go on through the discriminator. The generator's loss is the
non-saturating one of I. Goodfellow et al., Generative adversarial nets, 2014, section 3. What keeps the two in balance
is off by default: smoothed targets, noise on what the discriminator sees, and the terms of `penalties`.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import GradientTape, stop_gradient
from nnlite.autodiff.hearing import ask
from nnlite.data import Dataset
from nnlite.models.adversaries import build_discriminator, build_generator, draw
from nnlite.models.hyperparameters import GanHyperparameters
from nnlite.models.manifold import K, precision_recall
from nnlite.models.penalties import feature_distance, gradient_penalty
from nnlite.models.quality import Gaussian, class_counts, frechet_distance, label_entropy, mode_coverage
from nnlite.models.reference import load_reference
from nnlite.models.training import (
    Epoch,
    Score,
    Training,
    averaged,
    borrowed,
    check_batches,
    generator_states,
    make_average,
    make_optimizer,
    nested,
    part_of,
    restore_generators,
    scaled,
)
from nnlite.nn import Sequential, sigmoid_cross_entropy
from nnlite.nn.weights import Arrays
from nnlite.tracing import traced

JUDGED = 10_000  # images drawn to measure quality
SHOWN = 100  # of them, images kept as samples


class GanTraining(Training):
    """Training of one GAN; see `Training`.

    Args:
        config: its hyperparameters.
        dataset: what it learns to draw; pixels are numbers from -1 to 1. Its reference classifier must be prepared.
        seed: of the first weights, of the order of the images, of the latent vectors, of noise and of what dropout
            leaves out.

    Raises:
        InputError: a batch of a single image would have to be standardized, or the reference classifier is missing.
    """

    def __init__(self, config: GanHyperparameters, dataset: Dataset, seed: int) -> None:
        super().__init__(config)
        self.config = config
        self.split = dataset.split(config.validation)
        self._dataset = dataset
        if config.batch_norm:
            check_batches(config.batch_size, len(self.split.train))
        # A further one is to be spawned last: the others then stay as they are, and so do all runs.
        first_weights, self._order, self._latent, judged, dropout, self._noise = np.random.default_rng(seed).spawn(6)
        self._generators = {"order": self._order, "latent": self._latent}
        if config.dropout:
            self._generators["dropout"] = dropout
        if config.instance_noise:
            self._generators["noise"] = self._noise
        self.generator = build_generator(config, dataset.pixels, first_weights)
        self.discriminator = build_discriminator(config, dataset.pixels, first_weights, dropout)
        self._average = make_average(config, self.generator)
        steps = -(-len(self.split.train) // config.batch_size)
        self._batches = steps * config.epochs
        generator_lr = config.generator_lr or config.learning_rate
        discriminator_lr = config.discriminator_lr or config.learning_rate
        self._generator_optimizer = make_optimizer(config, self.generator.parameters(), generator_lr, steps)
        self._discriminator_optimizer = make_optimizer(
            config,
            self.discriminator.parameters(),
            discriminator_lr,
            steps * updates_a_batch(config),
            config.discriminator_lr_milestones,
        )
        self._judged_latents = judged.standard_normal((JUDGED, config.latent_dim), dtype=np.float32)
        self._reference = load_reference(dataset)
        self._real = self._reference.summarise(self.split.validation) if len(self.split.validation) else None
        self._batch = 0
        self._step = traced(self._train_on)

    def state(self) -> Arrays:
        """Weights, the average of the generator's, optimizers and random generators."""
        own = {"epoch": np.array(self._epoch), "batch": np.array(self._batch), **generator_states(self._generators)}
        return nested(
            generator=self.generator.state(),
            average=self._average.state() if self._average else {},
            discriminator=self.discriminator.state(),
            generator_optimizer=self._generator_optimizer.state(),
            discriminator_optimizer=self._discriminator_optimizer.state(),
            training=own,
        )

    def restore(self, state: Arrays) -> None:
        """Go on from `state`."""
        self.generator.load_state(part_of(state, "generator"))
        if self._average:
            self._average.load_state(part_of(state, "average"))
        self.discriminator.load_state(part_of(state, "discriminator"))
        self._generator_optimizer.load_state(part_of(state, "generator_optimizer"))
        self._discriminator_optimizer.load_state(part_of(state, "discriminator_optimizer"))
        own = part_of(state, "training")
        self._epoch, self._batch = int(own["epoch"]), int(own["batch"])
        restore_generators(self._generators, own)

    def weights(self) -> Arrays:
        """The generator's weights; their average, if there is one."""
        return self._average.weights() if self._average else self.generator.state()

    def score(self, weights: Arrays) -> Score:
        """The Fréchet distance to the test images, and precision and recall as against as many of them."""
        with borrowed(self.generator, weights):
            features, _ = self._reference.judge(draw(self.generator, self._judged_latents))
        real = self._reference.features_of(self.split.test)
        scores = {"test_fid": frechet_distance(Gaussian.fitted_to(real), Gaussian.fitted_to(features))}
        size = min(len(real), len(features))
        if size > K:
            precision, recall = precision_recall(real[:size], features[:size])
            scores |= {"test_precision": precision, "test_recall": recall}
        return Score(scores)

    def program(self) -> str:
        """The program of a step on a whole batch, with all that there is to it; it takes a step to tell."""
        images, _ = next(iter(self.split.train.batches(self.config.batch_size)))
        self._batch = 1
        self._step(images, self._penalty_weights() or (0.0,) * self.config.discriminator_steps)
        return self._step.source

    def _train_one_epoch(self) -> Epoch:
        started = time.perf_counter()
        rate = self._generator_optimizer.learning_rate
        generator_losses: list[float] = []
        discriminator_losses: list[float] = []
        for images, _ in self.split.train.batches(self.config.batch_size, self._order):
            self._batch += 1
            told_apart, fooled = self._step(images, self._penalty_weights())
            discriminator_losses += map(float, told_apart)
            generator_losses.append(float(fooled))
        trained = time.perf_counter()
        quality, samples, counts = self._judge()
        metrics = {
            "generator_loss": _mean(generator_losses),
            # Where an epoch has so few batches that the discriminator sat out all of them, it has no loss.
            **({"discriminator_loss": _mean(discriminator_losses)} if discriminator_losses else {}),
            **quality,
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
            "images_per_second": len(self.split.train) / (trained - started),
        }
        return Epoch(self._epoch, metrics, samples, counts.tolist())

    def _train_on(self, images: NDArray[np.uint8], penalty_weights: tuple[float, ...]) -> tuple[list[Any], Any]:
        """One batch: the discriminator's updates, one for each penalty weight, and the generator's.

        Returns:
            The cross-entropy part of the loss at each update of the discriminator, and at the generator's.
        """
        real = scaled(images, -1.0, 1.0)
        with GradientTape() as tape:
            drawn = self.generator(self._draw_latents(len(real)), training=True)
        told_apart = self._train_discriminator(real, stop_gradient(drawn), penalty_weights) if penalty_weights else []
        return told_apart, self._train_generator(tape, drawn, real)

    def _train_generator(self, tape: GradientTape, drawn: Any, real: Any) -> Any:
        """One update of the generator, which has `drawn` on `tape`; the cross-entropy part of its loss."""
        weight = self.config.feature_matching
        with tape:
            *hidden, last = self.discriminator.layers
            trunk = Sequential(*hidden)
            features = trunk(self._blurred(drawn), training=True)
            loss = fooled = sigmoid_cross_entropy(last(features, training=True), 1.0)
            if weight:
                loss = fooled + weight * feature_distance(features, trunk(self._blurred(real), training=True))
        loss.backward(self.generator.parameters())
        self._generator_optimizer.step()
        if self._average:
            self._average.update()
        return fooled

    def _train_discriminator(self, real: Any, drawn: Any, penalty_weights: tuple[float, ...]) -> list[Any]:
        """One batch's updates of the discriminator; each after the first is against newly drawn images.

        Returns:
            The cross-entropy part of the loss at each update.
        """
        losses = []
        for_real = 1.0 - self.config.label_smoothing
        targets = np.repeat(np.array([[for_real], [0.0]], dtype=np.float32), len(real), axis=0)
        for step, weight in enumerate(penalty_weights):
            if step:
                drawn = self.generator(self._draw_latents(len(real)), training=True)
            both = self._blurred(np.concatenate([real, stop_gradient(drawn)]))
            both.setflags(write=False)
            with GradientTape():
                loss = told_apart = sigmoid_cross_entropy(self.discriminator(both, training=True), targets)
                if weight:
                    loss = told_apart + weight * gradient_penalty(self.discriminator, both[: len(real)])
            loss.backward(self.discriminator.parameters())
            self._discriminator_optimizer.step()
            losses.append(told_apart)
        return losses

    def _penalty_weights(self) -> tuple[float, ...]:
        """What the gradient penalty is multiplied by in each of the discriminator's updates in this batch.

        It is left out of most updates and weighs the more in the others (T. Karras et al., Analyzing and improving the
        image quality of StyleGAN, 2020, section 3.1). The half is that of the cross-entropy, which here is the mean
        over real and drawn images where the penalty's source has the sum of two means.
        """
        if self._sits_out(self._batch):
            return ()
        every, steps = self.config.gradient_penalty_every, self._discriminator_optimizer.steps
        weight = 0.5 * every * self.config.gradient_penalty
        updates = range(steps, steps + self.config.discriminator_steps)
        return tuple(weight if update % every == 0 else 0.0 for update in updates)

    def _blurred(self, images: Any) -> Any:
        """`images` (n, pixels) under as much noise as is due in this batch; themselves, if that is none.

        Source: C. Sønderby et al., Amortised MAP inference for image super-resolution, 2017, section 3.3 (instance
        noise): real and drawn images, blurred until they overlap, cannot be told apart without fail.
        """
        if not self.config.instance_noise:
            return images
        noise: Any = ask(self._noise.standard_normal, np.shape(images), dtype=np.float32)
        return images + noise * ask(self._spread)

    def _spread(self) -> np.float32:
        """The standard deviation of the noise in this batch."""
        return np.float32(self.config.instance_noise * (1.0 - (self._batch - 1) / self._batches))

    def _sits_out(self, batch: int) -> bool:
        """Whether the discriminator is not updated in this batch, counted from 1 through all epochs."""
        skip = self.config.discriminator_skip
        return skip > 0 and batch % skip == 0

    def _draw_latents(self, count: int) -> NDArray[np.float32]:
        latents: NDArray[np.float32] = ask(
            self._latent.standard_normal, (count, self.config.latent_dim), dtype=np.float32
        )
        return latents

    def _judge(self) -> tuple[dict[str, float], NDArray[np.uint8], NDArray[np.intp]]:
        """What the generator draws now from the same latent vectors as ever: its quality, first images and classes."""
        with averaged(self.generator, self._average):
            images = draw(self.generator, self._judged_latents)
        samples = images[:SHOWN].reshape(-1, *self._dataset.image_shape)
        features, labels = self._reference.judge(images)
        counts = class_counts(labels, self._dataset.classes)
        shares = counts / len(labels)
        quality: dict[str, float] = {"mode_coverage": mode_coverage(shares), "label_entropy": label_entropy(shares)}
        if self._real is not None:
            finite = bool(np.isfinite(features).all())
            fid = frechet_distance(self._real, Gaussian.fitted_to(features)) if finite else float("nan")
            quality = {"fid": fid, **quality}
        return quality, samples, counts


def updates_a_batch(config: GanHyperparameters) -> float:
    """How often the discriminator is updated, averaged over the batches that it trains in and those it sits out."""
    share = 1.0 - 1.0 / config.discriminator_skip if config.discriminator_skip else 1.0
    return config.discriminator_steps * share


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
