"""Every rule and every composition comes to the same numbers, to the bit, when it is traced and replayed."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.autodiff import GradientTape, Tensor
from nnlite.autodiff.tensor import plain

# Which formula its second derivative takes depends on whether the determinant is 0, and is to stay.
SINGULAR = "np.linalg.det(f[3,3])"


def moved(inputs, kind):
    """Inputs of the same form: as they are, in reverse and smaller, and smaller still."""
    reverse = [np.flip(each) if kind % 2 else each for each in inputs]
    return [np.ascontiguousarray(each).reshape(each.shape) * (1.0 - 0.01 * kind) for each in reverse]


def derivatives_of(case):
    """A function that returns the result, its gradients, and those of the sum of their squares."""

    def run(*inputs):
        tensors = [Tensor(each) for each in inputs]
        with GradientTape() as outer:
            with GradientTape() as tape:
                result = case(*tensors)
                total = np.sum(result * 0.75)
            if total._node is None:
                return [result]
            gradients = tape.gradient(total, tensors, unconnected_zero=True)
            length = sum(np.sum(np.square(each)) for each in gradients)
        if length._node is None:
            return [result, *gradients]
        return [result, *gradients, *outer.gradient(length, tensors, unconnected_zero=True)]

    return run


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rule_comes_to_the_same_numbers_when_it_is_replayed(case):
    run = derivatives_of(case)
    step = nn.traced(run)
    for kind in (0, 0, 0) if SINGULAR in str(case) else (0, 1, 2):
        inputs = moved(case.inputs, kind)
        for one, other in zip(run(*inputs), step(*inputs), strict=True):
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert plain(one).tobytes() == plain(other).tobytes()
    assert not case.inputs or step.source.startswith("import numpy as np")
