"""The way between two latent points: an arc that ends where it should and keeps the length of what it joins."""

import numpy as np
import pytest

from nnlite.models.trained import arc


def test_it_begins_and_ends_at_the_points_and_turns_evenly():
    one, other = np.array([3.0, 0.0], np.float32), np.array([0.0, 3.0], np.float32)
    points = arc(one, other, 4)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points[[0, -1]], [one, other], atol=1e-6)
    np.testing.assert_allclose(np.degrees(np.arctan2(points[:, 1], points[:, 0])), [0, 30, 60, 90], atol=1e-4)


def test_every_point_is_as_long_as_normal_vectors_are():
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 100), dtype=np.float32)
    lengths = np.linalg.norm(arc(one, other, 21), axis=1)
    assert np.all(np.abs(lengths - 10) < 1.5)
    assert np.linalg.norm((one + other) / 2) < 8.5, "where a straight line would pass"


@pytest.mark.parametrize("other", [[2.0, 4.0], [-1.0, -2.0], [1.0, 2.0]])
def test_points_in_one_direction_or_its_opposite_are_joined_by_a_line(other):
    one, other = np.array([1.0, 2.0], np.float32), np.array(other, np.float32)
    np.testing.assert_allclose(arc(one, other, 3)[1], (one + other) / 2, atol=1e-6)


def test_a_single_step_is_the_first_point():
    np.testing.assert_allclose(arc(np.ones(3, np.float32), np.zeros(3, np.float32), 1), np.ones((1, 3)))
