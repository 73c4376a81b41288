"""Augmentation: what each distortion does to an image, that it does it as strongly as said, and that it repeats."""

import math

import numpy as np
import pytest
from scipy import ndimage

from nnlite.models.augmentation import Augmentation, sample, waves

SHAPE = (28, 28)
ALL = {"shift": 2.0, "rotation": 15.0, "scale": 0.15, "shear": 15.0, "elastic": 34.0}
MIDDLE = 13.5


@pytest.fixture(scope="module")
def images(mnist):
    return mnist.split().train.take(np.arange(400))[0]


def blobs(*places, count=500):
    """Images of a soft dot at each of `places` (row, column), all alike."""
    y, x = np.mgrid[:28, :28]
    one = sum(np.exp(-0.5 * ((y - row) ** 2 + (x - column) ** 2) / 1.5) for row, column in places)
    return np.tile((250 * one).astype(np.uint8).reshape(1, -1), (count, 1))


def distorted(images, seed=0, **amounts):
    return Augmentation(SHAPE, **amounts)(images, np.random.default_rng(seed))


def centres(images):
    """The centre of mass of each image: rows and columns, measured from the middle."""
    pictures = images.reshape(-1, *SHAPE).astype(float)
    mass = pictures.sum(axis=(1, 2))
    rows = (pictures.sum(axis=2) @ np.arange(28)) / mass - MIDDLE
    columns = (pictures.sum(axis=1) @ np.arange(28)) / mass - MIDDLE
    return rows, columns


def assert_uniform(values, reach):
    assert np.max(np.abs(values)) <= reach * 1.03
    assert np.max(values) > 0.9 * reach
    assert np.min(values) < -0.9 * reach
    assert abs(np.mean(values)) < 0.1 * reach
    assert np.std(values) == pytest.approx(reach / math.sqrt(3), rel=0.1)


def test_no_distortion_leaves_every_byte(images):
    nothing = Augmentation(SHAPE)
    assert not nothing.distorts
    np.testing.assert_array_equal(nothing(images, np.random.default_rng(0)), images)


@pytest.mark.parametrize("amount", ALL.items(), ids=lambda amount: amount[0])
def test_each_distortion_changes_images_and_keeps_shape_type_and_the_original(images, amount):
    before = images.copy()
    after = distorted(images, **dict([amount]))
    assert after.shape == images.shape
    assert after.dtype == np.uint8
    assert np.mean(np.any(after != images, axis=1)) > 0.99
    np.testing.assert_array_equal(images, before)


def test_the_same_generator_gives_the_same_images_and_another_others(images):
    one, again, other = (distorted(images, seed, **ALL) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.mean(one != other) > 0.1


def test_a_shift_moves_each_image_evenly_within_its_reach():
    rows, columns = centres(distorted(blobs((MIDDLE, MIDDLE)), shift=3.0))
    assert_uniform(rows, 3.0)
    assert_uniform(columns, 3.0)
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.15


def test_a_rotation_turns_about_the_middle_within_its_reach():
    rows, columns = centres(distorted(blobs((MIDDLE, MIDDLE + 9)), rotation=30.0))
    assert_uniform(np.degrees(np.arctan2(rows, columns)), 30.0)
    np.testing.assert_allclose(np.hypot(rows, columns), 9.0, atol=0.1)


def test_a_scale_stretches_width_and_height_independently():
    right, below = (
        centres(distorted(blobs(place), scale=0.2)) for place in ((MIDDLE, MIDDLE + 9), (MIDDLE + 9, MIDDLE))
    )
    assert_uniform(right[1] / 9 - 1, 0.2)
    assert_uniform(below[0] / 9 - 1, 0.2)
    assert np.max(np.abs([right[0], below[1]])) < 0.05
    assert abs(np.corrcoef(right[1], below[0])[0, 1]) < 0.15


def test_a_shear_slants_upright_strokes_and_leaves_rows_where_they_are():
    rows, columns = centres(distorted(blobs((MIDDLE + 9, MIDDLE)), shear=20.0))
    assert np.max(np.abs(rows - 9)) < 0.05
    assert_uniform(np.degrees(np.arctan2(columns, 9)), 20.0)


@pytest.mark.parametrize("sigma", [1.0, 4.0, 8.0])
def test_the_waves_are_the_smoothed_noise_of_simard(sigma):
    """Their covariance is, but for a thousandth, that of noise which SciPy smooths by its Gaussian."""
    basis = waves(SHAPE, sigma)
    padding = math.ceil(4 * sigma)
    impulses = np.eye(28 + 2 * padding)
    smoothing = ndimage.gaussian_filter1d(impulses, sigma, axis=1, mode="constant")[:, padding:-padding]
    along_an_axis = smoothing.T @ smoothing
    expected = np.kron(along_an_axis, along_an_axis) / 3
    assert np.max(np.abs(basis.T @ basis - expected)) < 0.02 * expected.max()
    assert np.trace(basis.T @ basis) == pytest.approx(np.trace(expected), rel=2e-3)


def test_smooth_waves_need_few_random_numbers():
    assert len(waves(SHAPE, 4.0)) < 60
    assert len(waves(SHAPE, 0.1)) > 700


def test_alpha_34_displaces_by_a_little_more_than_a_pixel():
    rows, columns = Augmentation(SHAPE, elastic=34.0)._places(500, np.random.default_rng(0))
    y, x = np.mgrid[:28, :28].reshape(2, -1)
    for moved in (rows - y, columns - x):
        assert np.sqrt(np.mean(moved**2)) == pytest.approx(34 * 0.041, rel=0.05)
        assert abs(np.mean(moved)) < 0.1


def test_half_of_the_images_are_mirrored_to_the_byte_and_the_others_stay(images):
    after = distorted(images, mirror=True)
    turned = images.reshape(-1, *SHAPE)[..., ::-1].reshape(images.shape)
    stayed, mirrored = ((after == each).all(axis=1) for each in (images, turned))
    assert (stayed | mirrored).all()
    assert 0.4 < np.mean(mirrored) < 0.6


def test_it_is_the_mirrored_image_that_is_distorted(images):
    """In the very way in which it would be without that."""
    turned = images.reshape(-1, *SHAPE)[..., ::-1].reshape(images.shape)
    both = distorted(images, mirror=True, **ALL).astype(int)
    differences = [np.abs(both - distorted(each, **ALL)).max(axis=1) for each in (images, turned)]
    assert (np.minimum(*differences) <= 1).all(), "but for the rounding"
    assert 0.4 < np.mean(differences[1] < differences[0]) < 0.6


def test_bilinear_sampling_agrees_with_scipy(images):
    rng = np.random.default_rng(0)
    rows, columns = (rng.uniform(-3, 30, (50, 784)).astype(np.float32) for _ in range(2))
    expected = [
        ndimage.map_coordinates(image.reshape(SHAPE).astype(float), places, order=1, mode="grid-constant", cval=0.0)
        for image, places in zip(images, np.stack([rows, columns], axis=1).astype(float), strict=False)
    ]
    found = sample(images[:50], SHAPE, rows, columns)
    assert np.max(np.abs(found - np.array(expected))) <= 0.51


def test_images_need_not_be_square():
    tall = np.random.default_rng(0).integers(0, 256, (10, 12 * 7), dtype=np.uint8)
    nothing = Augmentation((12, 7))
    np.testing.assert_array_equal(nothing(tall, np.random.default_rng(0)), tall)
    assert Augmentation((12, 7), **ALL)(tall, np.random.default_rng(0)).shape == tall.shape
