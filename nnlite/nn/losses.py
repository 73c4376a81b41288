"""Losses: scalar functions of a batch's outputs and targets, each the mean over the batch.

The cross-entropies are primitives of the engine, because they are stable only when taken together with the output
activation: give them logits.
"""

from typing import Any

import numpy as np

from nnlite.autodiff import sigmoid_cross_entropy, softmax_cross_entropy

__all__ = ["sigmoid_cross_entropy", "softmax_cross_entropy", "squared_error"]


def squared_error(outputs: Any, targets: Any) -> Any:
    """Half the squared distance of each row to its target, averaged over the rows: sum((y - t)^2) / 2n.

    Args:
        outputs: (n, classes).
        targets: of the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    if np.shape(outputs) != np.shape(targets):
        raise ValueError(f"outputs of shape {np.shape(outputs)} have targets of shape {np.shape(targets)}")
    return np.sum(np.square(outputs - targets)) * (0.5 / len(targets))
