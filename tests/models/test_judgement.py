"""The judge of sets of images, with the small dataset."""

import numpy as np
import pytest

from nnlite.models.judgement import Judge


@pytest.fixture(scope="module")
def court(digits, judge):  # noqa: ARG001 - prepared
    return Judge(digits, validation=300)


def test_real_images_are_nearer_more_varied_and_truer_than_noise(court):
    noise = np.random.default_rng(0).integers(0, 256, (300, 784), np.uint8)
    real, bad = court.figures(court.real), court.figures(noise)
    assert real.fid < 0.1 * bad.fid
    assert real.mode_coverage > bad.mode_coverage
    assert real.label_entropy > bad.label_entropy
    assert real.precision > 0.6
    assert real.recall > 0.6
    assert bad.precision == bad.recall == 0.0


def test_one_digit_alone_has_no_recall(court):
    one_image = np.repeat(court.real[:1], 300, axis=0)
    figures = court.figures(one_image)
    assert (figures.mode_coverage, figures.label_entropy) == (1, 0.0)
    assert figures.recall < 0.05


def test_a_copy_of_a_training_image_is_found_out(court, digits):
    training, _ = digits.split(300).train.take([5, 17])
    images, distances = court.nearest_training_images(training, 3)
    assert images.shape == (2, 3, 784)
    assert np.array_equal(images[:, 0], training)
    assert np.all(distances[:, 0] < 0.02)
    assert np.all(np.diff(distances, axis=1) >= 0)
    _, real = court.nearest_training_images(court.real[:20])
    assert np.all(real > 0.5), "a held-out image is no copy"


def test_without_validation_images_the_test_images_are_the_measure(digits, court):
    other = Judge(digits, validation=0)
    assert len(other.real) == len(court.real)
    assert not np.array_equal(other.real, court.real)
    assert other.figures(court.real).fid == pytest.approx(0, abs=1e-6)


def test_too_few_images_have_no_precision(court):
    assert np.isnan(court.figures(court.real[:3]).precision)
