"""The two networks of a GAN, fully connected: a generator from random vectors to images, and its discriminator."""

import numpy as np
from numpy.typing import NDArray

from nnlite.models.hyperparameters import GanHyperparameters
from nnlite.models.training import BLACK_TO_WHITE, EVALUATION_BATCH, make_initializer
from nnlite.nn import Sequential, fully_connected


def build_generator(config: GanHyperparameters, pixels: int, rng: np.random.Generator) -> Sequential:
    """The generator that `config` describes, from latent vectors to images of so many pixels between -1 and 1."""
    return fully_connected(
        [config.latent_dim, *config.hidden, pixels],
        config.activation,
        "tanh",
        rng,
        initializer=make_initializer(config),
        batch_norm=config.batch_norm,
    )


def build_discriminator(
    config: GanHyperparameters, pixels: int, rng: np.random.Generator, dropout_rng: np.random.Generator
) -> Sequential:
    """The discriminator that `config` describes, from so many pixels to the logit of an image's being real."""
    return fully_connected(
        [pixels, *config.discriminator_hidden, 1],
        config.activation,
        None,
        rng,
        initializer=make_initializer(config),
        dropout=config.dropout,
        dropout_rng=dropout_rng,
    )


def draw(generator: Sequential, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What `generator` makes of each row of `latents`: images (n, pixels)."""
    images = []
    for start in range(0, len(latents), EVALUATION_BATCH):
        outputs = np.asarray(generator(latents[start : start + EVALUATION_BATCH], training=False))
        images.append(np.rint((np.nan_to_num(outputs) + 1.0) * (BLACK_TO_WHITE / 2)).astype(np.uint8))
    return np.concatenate(images)
