"""Losses: scalar functions of a batch's outputs and targets, each the mean over the batch.

The cross-entropies are primitives of the engine, because they are stable only when taken together with the output
activation: give them logits.
"""

from typing import Any

import numpy as np

from nnlite.autodiff import sigmoid_cross_entropy, softmax_cross_entropy, stop_gradient
from nnlite.autodiff.compounds import one_hot

__all__ = ["sigmoid_cross_entropy", "smoothed_cross_entropy", "softmax_cross_entropy", "squared_error"]


def smoothed_cross_entropy(logits: Any, labels: Any, smoothing: float) -> Any:
    """The softmax cross-entropy with targets of which a share is spread evenly over all classes.

    With t = (1 - smoothing) * one_hot(labels) + smoothing / classes it is the mean over the rows of
    -sum(t * log(softmax(logits))).

    Source: C. Szegedy et al., Rethinking the inception architecture for computer vision, 2016, section 7.

    Args:
        logits: (n, classes), floating point.
        labels: (n,), integers.
        smoothing: from 0 to 1.
    """
    # -log(softmax(x)[k]) is the same for each class k but for x[k]: what smoothing adds is linear in the logits.
    share = one_hot(labels, stop_gradient(logits))
    share -= 1.0 / share.shape[1]
    share *= smoothing / len(share)
    return softmax_cross_entropy(logits, labels) + np.sum(logits * share)


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
