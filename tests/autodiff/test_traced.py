"""Every rule and every composition comes to the same numbers when it is traced and replayed, on other inputs."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.autodiff import GradientTape, Tensor
from nnlite.autodiff.tensor import plain


def moved(inputs, kind):
    """Inputs of the same form: as they are, smaller, and in reverse."""
    if kind == 0:
        return [each.copy() for each in inputs]
    return [
        np.ascontiguousarray(np.flip(each) if kind % 2 else each).reshape(each.shape) * (1 - 0.01 * kind)
        for each in inputs
    ]


def forward_and_backward(case, order):
    def run(*inputs):
        tensors = [Tensor(each) for each in inputs]
        with GradientTape() as outer:
            with GradientTape() as tape:
                result = case(*tensors)
                total = np.sum(result * 0.75)
            if order == 2:
                gradients = tape.gradient(total, tensors, unconnected_zero=True)
                total = sum(np.sum(np.square(each)) for each in gradients)
        try:
            return result, outer.gradient(total, tensors, unconnected_zero=True)
        except ValueError as error:
            if "was not recorded" not in str(error):
                raise
            return result, []

    return run


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("order", [1, 2])
def test_a_rule_comes_to_the_same_numbers_when_it_is_replayed(case, order):
    run = forward_and_backward(case, order)
    step = nn.traced(run)
    if not case.inputs:
        return
    for kind in (0, 1, 2, 3):
        inputs = moved(case.inputs, kind)
        expected, gradients = run(*inputs)
        actual, found = step(*inputs)
        for one, other in zip([expected, *gradients], [actual, *found], strict=True):
            assert one.dtype == other.dtype
            assert one.shape == other.shape
            assert plain(one).tobytes() == plain(other).tobytes(), (kind, one, other)
