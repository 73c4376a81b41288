"""Indexing of every NumPy kind, and its transpose, which adds up what an index names twice.

Each is linear and is the other's derivative, so between them they can be differentiated as often as one likes.
"""

import operator
from typing import Any

import numpy as np

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import RULES, Rule


@primitive(lambda g, y, values, index, shape: g[index], None, None)
def scatter(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, to which `values` have been added at `index`."""
    result = np.zeros(shape, values.dtype)
    np.add.at(result, index, values)
    return result


RULES[operator.getitem] = Rule(
    "x[index]", operator.getitem, (lambda g, y, x, index: scatter(g, index, np.shape(x)), None)
)
