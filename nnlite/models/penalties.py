"""Penalties: terms that are added to the losses of a GAN's two networks, so that neither runs away from the other.

Each is a function of the discriminator and of a batch, recorded on whatever tape records.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import GradientTape, Tensor, stop_gradient
from nnlite.nn import Sequential


def gradient_penalty(discriminator: Sequential, real: NDArray[np.float32]) -> Any:
    """R1: half the squared length of the discriminator's slope at real images, the mean of |dD(x)/dx|^2 / 2.

    It holds the discriminator flat where it should no longer tell anything apart, and so lets the two networks settle.
    To be differentiated, the slope is itself a gradient: a tape inside the one that records.

    Source: L. Mescheder et al., Which training methods for GANs do actually converge?, 2018, eq. 9, without its gamma.

    Args:
        discriminator: gives one logit (n, 1) for each image; no image's logit depends on the others.
        real: images (n, pixels).

    Returns:
        A scalar; its gradient leads to the discriminator's weights, by second derivatives.
    """
    images = Tensor(real)
    with GradientTape() as tape:
        logits = np.sum(discriminator(images, training=True))
    (slopes,) = tape.gradient(logits, [images])
    return np.sum(np.square(slopes)) * (0.5 / len(real))


def feature_distance(features: Any, real_features: Any) -> Any:
    """The squared distance between the mean features of drawn and of real images.

    Source: T. Salimans et al., Improved techniques for training GANs, 2016, section 3.1 (feature matching).

    Args:
        features: what enters the discriminator's last layer for drawn images, (n, d).
        real_features: the same of real ones; a constant.
    """
    return np.sum(np.square(np.mean(features, axis=0) - np.mean(stop_gradient(real_features), axis=0)))
