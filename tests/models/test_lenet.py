"""The convolutional classifier in `sweeps`: a file as a user writes one, and what it reaches."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "sweeps" / "lenet.py"


@pytest.fixture
def lenet():
    spec = importlib.util.spec_from_file_location("lenet", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_a_file_of_at_most_60_lines():
    assert PATH.read_text("utf-8").count("\n") <= 60


def test_it_maps_bytes_to_logits(lenet):
    model = lenet.network(np.random.default_rng(0))
    images = np.random.default_rng(1).integers(0, 256, (3, 784)).astype(np.uint8)
    assert model(images, training=False).shape == (3, 10)
    assert sum(parameter.size for parameter in model.parameters()) == 80_202


@pytest.mark.slow
def test_it_tells_99_2_percent_of_the_test_images_right(lenet):
    *_, last = lenet.lenet(seed=0)
    assert last["test_acc"] >= 0.992
