"""What the specifications of traced steps have in common: running a function both ways, in step with each other."""

import copy
from typing import Any

import numpy as np
import pytest

import nnlite as nn


def numbers_in(value: Any) -> list[np.ndarray]:
    """All arrays in a result, as plain ones."""
    if isinstance(value, np.ndarray | np.generic):
        return [np.array(value, subok=False)]
    if isinstance(value, dict):
        value = list(value.values())
    return [array for each in value for array in numbers_in(each)] if isinstance(value, list | tuple) else []


def compare(one: Any, other: Any) -> None:
    """Assert that the numbers are the same, to the bit, and of the same forms."""
    ones, others = numbers_in(one), numbers_in(other)
    assert len(ones) == len(others)
    for a, b in zip(ones, others, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        assert a.tobytes() == b.tobytes()


def execute(step: Any, *args: Any) -> Any:
    """What the source of a step returns, run in a namespace of its arrays alone."""
    space = step.arrays
    exec(compile(step.source, "source", "exec"), space)  # noqa: S102 - what the specification says
    return space[step.__name__](*args)


@pytest.fixture
def assert_same():
    return compare


@pytest.fixture
def executed():
    return execute


@pytest.fixture
def in_step():
    """Runs what `make` makes twice, as it stands and traced, on the same batches, and compares all there is to."""

    def run(make, batches, **options):
        (function, *states), (other, *other_states) = make(), make()
        step = nn.traced(**options)(other) if options else nn.traced(other)
        for batch in batches:
            expected = function(*copy.deepcopy(batch))
            actual = step(*batch)
            assert type(actual) is type(expected)
            compare(actual, expected)
            for one, two in zip(states, other_states, strict=True):
                compare(two.state(), one.state())
        return step

    return run
