"""A dataset, its split, and the batches of a subset."""

import hashlib
import pickle

import numpy as np
import pytest

from nnlite.data import Dataset, Split, idx, locate
from nnlite.data.dataset import FILE_NAMES, stratified
from nnlite.errors import InputError


def fingerprint(split: Split) -> str:
    indices = np.concatenate([split.train.indices, split.validation.indices]).astype("<u4")
    return hashlib.sha256(indices.tobytes()).hexdigest()


def test_mnist_is_what_it_is_known_to_be(mnist: Dataset):
    assert mnist.checksum == "c65580678af93f1ea48c2c0d01d543ec89307c6b8a0eb7ca542d7c18c5f4c681"
    assert (mnist.image_shape, mnist.pixels, mnist.classes) == ((28, 28), 784, 10)
    assert mnist.class_names == tuple("0123456789")


def test_the_split_of_mnist_never_changes(mnist: Dataset):
    split = mnist.split()
    assert (len(split.train), len(split.validation), len(split.test)) == (50_000, 10_000, 10_000)
    assert fingerprint(split) == "9729869ac08316c37dd6ec15ab96b9afcfd00d89724cd8f7a1a74537cbe0d796"


def test_the_parts_are_disjoint_sorted_and_whole(mnist: Dataset):
    split = mnist.split(12_345)
    together = np.concatenate([split.train.indices, split.validation.indices])
    np.testing.assert_array_equal(np.sort(together), np.arange(60_000))
    assert (np.diff(split.train.indices) > 0).all()
    assert (np.diff(split.validation.indices) > 0).all()


def test_every_class_gives_its_share(mnist: Dataset):
    split = mnist.split(10_000)
    shares = np.bincount(split.train.labels) / 6
    given = np.bincount(split.validation.take(np.arange(10_000))[1])
    assert (abs(given - shares) < 1).all()


@pytest.mark.parametrize("count", range(13))
def test_the_count_is_exact_however_uneven_the_classes(count):
    labels = np.array([0] * 7 + [2] * 5 + [3], np.uint8)
    assert stratified(labels, count).sum() == count


def test_no_validation_is_an_empty_subset(mnist: Dataset):
    split = mnist.split(0)
    assert (len(split.train), len(split.validation)) == (60_000, 0)
    assert list(split.validation.batches(10)) == []


@pytest.mark.parametrize("count", [-1, 60_000])
def test_more_validation_than_there_is_is_refused(mnist: Dataset, count):
    with pytest.raises(InputError, match=f"expected 0 to 59999 .* found {count}"):
        mnist.split(count)


def test_a_dataset_travels_without_its_images(mnist: Dataset):
    sent = pickle.dumps(mnist)
    assert len(sent) < 2000
    assert fingerprint(pickle.loads(sent).split()) == fingerprint(mnist.split())  # noqa: S301 - our own


def test_splitting_maps_the_images_and_copies_none(mnist: Dataset):
    split = mnist.split()
    assert split.train.images is split.validation.images
    assert not split.train.images.flags.owndata
    assert not split.train.images.flags.writeable


def test_taking_positions_gives_those_rows_of_the_file(folder, arrays):
    subset = locate(str(folder)).split(3).train
    images, labels = subset.take([4, 0])
    rows = subset.indices[[4, 0]]
    np.testing.assert_array_equal(images, arrays[FILE_NAMES[0]].reshape(12, 784)[rows])
    np.testing.assert_array_equal(labels, arrays[FILE_NAMES[1]][rows])
    assert images.dtype == labels.dtype == np.uint8


def test_batches_come_in_order_and_the_last_may_be_smaller(folder):
    subset = locate(str(folder)).split(2).train
    batches = list(subset.batches(4))
    assert [images.shape for images, _ in batches] == [(4, 784), (4, 784), (2, 784)]
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), subset.labels[subset.indices])


def test_shuffled_batches_hold_every_image_once_and_follow_the_generator(folder):
    subset = locate(str(folder)).split(0).train

    def shuffled(seed: int) -> np.ndarray:
        return np.concatenate([images for images, _ in subset.batches(5, np.random.default_rng(seed))])

    np.testing.assert_array_equal(shuffled(1), shuffled(1))
    assert (shuffled(1) != shuffled(2)).any()
    assert sorted(map(bytes, shuffled(1))) == sorted(map(bytes, subset.images))


def test_a_batch_holds_one_image_at_least(folder):
    with pytest.raises(InputError, match="expected 1 or more, found 0"):
        next(locate(str(folder)).split(0).train.batches(0))


def test_a_folder_may_hold_images_of_any_shape_and_number_of_classes(folder):
    rng = np.random.default_rng(0)
    for name, count in zip(FILE_NAMES, (20, 20, 6, 6), strict=True):
        images = rng.integers(0, 256, (count, 5, 9), np.uint8)
        idx.write(folder / name, images if "images" in name else np.full(count, 41, np.uint8))
    dataset = locate(str(folder))
    assert (dataset.image_shape, dataset.pixels, dataset.classes) == ((5, 9), 45, 42)
    assert dataset.class_names[41] == "41"


MISMATCHES = {
    "too few labels": (1, np.zeros(11, np.uint8), "expected 12 labels, one an image, found 11"),
    "too many test labels": (3, np.zeros(6, np.uint8), "expected 5 labels, one an image, found 6"),
    "an unknown test label": (3, np.array([0, 1, 3, 0, 0], np.uint8), "up to 2, .* found 3 at index 2"),
    "test images of another shape": (2, np.zeros((5, 28, 27), np.uint8), "expected images of 28 x 28, found 28 x 27"),
    "images without pixels": (2, np.zeros((5, 0, 28), np.uint8), "at least one image, found 5 x 0 x 28"),
    "labels for images": (0, np.zeros(12, np.uint8), "expected 3 axes, found 1"),
}


@pytest.mark.parametrize(("which", "array", "sentence"), MISMATCHES.values(), ids=MISMATCHES)
def test_files_that_do_not_belong_together_are_refused_by_name(folder, which, array, sentence):
    idx.write(folder / FILE_NAMES[which], array)
    with pytest.raises(InputError, match=f"{FILE_NAMES[which]}: .*{sentence}"):
        locate(str(folder))


def test_no_images_at_all_are_refused(folder):
    idx.write(folder / FILE_NAMES[0], np.zeros((0, 28, 28), np.uint8))
    idx.write(folder / FILE_NAMES[1], np.zeros(0, np.uint8))
    with pytest.raises(InputError, match="at least one image, found 0 x 28 x 28"):
        locate(str(folder))
