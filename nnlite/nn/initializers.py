"""First values of a layer's weights: functions of a shape and a generator."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Initializer = Callable[[tuple[int, int], np.random.Generator], NDArray[Any]]


def glorot_uniform(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Uniform in +-sqrt(6 / (inputs + outputs)), which keeps the variance of signals and gradients in sigmoid layers.

    Source: X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward networks, 2010, eq. 16.
    """
    limit = float(np.sqrt(6.0 / sum(shape)))
    return (rng.random(shape, dtype=np.float32) * 2.0 - 1.0) * limit


def he_normal(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Normal with mean 0 and variance 2 / inputs, which keeps the variance of signals through layers of rectifiers.

    Source: K. He et al., Delving deep into rectifiers, 2015, eq. 10.
    """
    return rng.standard_normal(shape, dtype=np.float32) * float(np.sqrt(2.0 / shape[0]))


def uniform(scale: float) -> Initializer:
    """The initializer that is uniform in +-`scale`, whatever the shape."""
    return lambda shape, rng: (rng.random(shape, dtype=np.float32) * 2.0 - 1.0) * scale
