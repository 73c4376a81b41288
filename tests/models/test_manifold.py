"""Precision, recall and nearest neighbours, against a naive twin and by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from nnlite.models.manifold import nearest, precision_recall, radii, share_within


def normal(seed, count, size=5):
    return np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)


def test_a_radius_reaches_to_the_kth_other_point():
    points = np.array([[0.0], [1.0], [3.0], [7.0]], np.float32)
    np.testing.assert_allclose(radii(points, 1), [1, 1, 4, 16])
    np.testing.assert_allclose(radii(points, 2), [9, 4, 9, 36])


def test_they_are_what_a_naive_count_of_all_pairs_says():
    real, drawn = normal(0, 600), normal(1, 700) * 0.7 + 0.3
    between = cdist(drawn, real)
    around_real = np.sort(cdist(real, real), axis=1)[:, 3]  # the point itself is the nearest
    around_drawn = np.sort(cdist(drawn, drawn), axis=1)[:, 3]
    precision = np.mean(np.any(between <= around_real, axis=1))
    recall = np.mean(np.any(between <= around_drawn[:, np.newaxis], axis=0))
    assert precision_recall(real, drawn) == pytest.approx((precision, recall), abs=0.002)


def test_the_same_images_have_all_of_both():
    real = normal(0, 300)
    assert precision_recall(real, real.copy()) == (1.0, 1.0)


def test_what_lies_far_off_has_none_of_either():
    assert precision_recall(normal(0, 300), normal(1, 300) + 100) == (0.0, 0.0)


def test_a_collapse_costs_recall_and_not_precision():
    real = np.concatenate([normal(0, 300), normal(1, 300) + 50])
    drawn = normal(2, 600)
    precision, recall = precision_recall(real, drawn)
    assert precision > 0.8
    assert 0.35 < recall <= 0.5


def test_images_between_the_real_ones_cost_precision():
    real = np.concatenate([normal(0, 300), normal(1, 300) + 50])
    drawn = np.concatenate([real[::2] + 0.01, normal(2, 300) + 25])
    precision, recall = precision_recall(real, drawn)
    assert precision == pytest.approx(0.5, abs=0.02)
    assert recall > 0.9


def test_the_edge_of_a_ball_belongs_to_it():
    assert share_within(np.array([[3.0], [3.5]], np.float32), np.zeros((1, 1), np.float32), np.float32([9.0])) == 0.5


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="more than 3 are needed"):
        precision_recall(normal(0, 3), normal(1, 300))


def test_the_nearest_come_first_with_their_distances():
    points, others = normal(0, 300), normal(1, 400)
    indices, distances = nearest(points, others, 4)
    expected = np.argsort(cdist(points, others), axis=1)[:, :4]
    assert np.mean(indices == expected) > 0.99
    np.testing.assert_allclose(distances, np.sort(cdist(points, others), axis=1)[:, :4], atol=1e-3)
