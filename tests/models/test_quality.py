"""The quality of images, against closed forms."""

import math

import numpy as np
import pytest

from nnlite.models.quality import Gaussian, class_counts, frechet_distance, label_entropy, mode_coverage


def gaussian(mean, covariance):
    return Gaussian(np.atleast_1d(np.array(mean, float)), np.atleast_2d(np.array(covariance, float)))


@pytest.mark.parametrize(("m1", "s1", "m2", "s2"), [(0, 1, 0, 1), (0, 1, 3, 1), (1, 2, -1, 0.5), (0, 0, 0, 2)])
def test_in_one_dimension_the_distance_is_that_of_means_and_deviations(m1, s1, m2, s2):
    found = frechet_distance(gaussian(m1, s1**2), gaussian(m2, s2**2))
    assert found == pytest.approx((m1 - m2) ** 2 + (s1 - s2) ** 2, abs=1e-12)


def test_where_covariances_commute_the_distance_is_that_of_their_square_roots():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    a, b = rng.uniform(0.1, 3, 5), rng.uniform(0.1, 3, 5)
    one, other = gaussian(np.zeros(5), turn * a @ turn.T), gaussian(np.ones(5), turn * b @ turn.T)
    assert frechet_distance(one, other) == pytest.approx(5 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2))


def test_the_distance_is_symmetric_and_zero_for_the_same_images():
    rng = np.random.default_rng(1)
    one, other = (Gaussian.fitted_to(rng.normal(size=(500, 8)).astype(np.float32) * scale) for scale in (1, 2))
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one))


def test_features_that_never_vary_are_no_obstacle():
    flat = Gaussian.fitted_to(np.zeros((10, 3), np.float32))
    assert frechet_distance(flat, flat) == 0


def test_a_gaussian_is_fitted_as_numpy_does():
    features = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    fitted = Gaussian.fitted_to(features)
    np.testing.assert_allclose(fitted.mean, features.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(fitted.covariance, np.cov(features.astype(np.float64).T))


def test_entropy_is_that_of_a_die():
    assert label_entropy(np.full(10, 0.1)) == pytest.approx(math.log2(10))
    assert label_entropy(np.array([0.5, 0.5, 0, 0])) == pytest.approx(1)
    assert str(label_entropy(np.array([1.0, 0.0]))) == "0.0"


def test_a_class_is_covered_above_one_per_cent():
    assert mode_coverage(np.array([0.01, 0.0101, 0.9799])) == 2
    assert mode_coverage(class_counts(np.array([3] * 99 + [1]), 10) / 100) == 1
    assert mode_coverage(class_counts(np.array([3] * 98 + [1] * 2), 10) / 100) == 2


def test_shares_count_every_class():
    assert class_counts(np.array([0, 2, 2, 3]), 5).tolist() == [1, 0, 2, 1, 0]
