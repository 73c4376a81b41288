"""One thread for every training, and the judge of the small dataset, prepared once."""

import pytest

from nnlite.models import prepare_reference
from nnlite.sweep.environment import limit_threads


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """As every trial has: more would change the bits, and fight over the cores."""
    with limit_threads():
        yield


@pytest.fixture(scope="session")
def judge(digits):
    """The reference classifier of the small dataset."""
    return prepare_reference(digits)
