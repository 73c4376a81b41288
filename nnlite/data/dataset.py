"""A dataset: where its four files lie and what is in them, without the images themselves.

It is small and picklable: a worker process receives it and maps the files itself, so that all workers share the page
cache. `split` sorts the images into three subsets: to train on, to select a model by, and to score the winner with.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnlite.data import idx
from nnlite.data.catalogue import combined
from nnlite.errors import InputError

FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_SPLIT_SEED = 0  # any number would do, but for good: scores on another split are not comparable


class Files(NamedTuple):
    """The four uncompressed IDX files, in the order of `FILE_NAMES`."""

    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path


@dataclass(frozen=True)
class Subset:
    """Some of a file's images, chosen by index; the pixels stay in the map. Not for pickling: send the `Dataset`.

    Args:
        images: uint8 (N, pixels), the read-only map of the whole file.
        labels: uint8 (N,), likewise.
        indices: the rows that belong to this subset, in the file's order.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    indices: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return copies of the images (k, pixels) and labels (k,) at `positions`, k integers below `len(self)`."""
        rows = self.indices.take(np.asarray(positions, np.intp))
        return self.images.take(rows, axis=0), self.labels.take(rows)  # faster than by [rows]

    def batches(
        self, size: int, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Yield every image once, as images (k, pixels) and labels (k,), both uint8, k = `size` but for the last.

        Args:
            size: images a batch, 1 or more.
            rng: shuffles them; without one they come in order.
        """
        if size < 1:
            raise InputError(f"batch size: expected 1 or more, found {size}")
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        for start in range(0, len(self), size):
            yield self.take(order[start : start + size])


@dataclass(frozen=True)
class Split:
    """The three parts of a dataset."""

    train: Subset
    validation: Subset
    test: Subset


@dataclass(frozen=True)
class Dataset:
    """A dataset by its facts and paths; made by `locate` or, from files already verified, by `Dataset.of`.

    Args:
        name: as in the sweep file: "mnist", "fashion-mnist", or a folder's path.
        checksum: the SHA-256 over the four files' SHA-256, in hex: what identifies the data, wherever they lie.
        files: the four uncompressed files.
        training_images: how many, those for validation among them.
        image_shape: height and width.
        classes: the highest label, plus one.
        class_names: what each label means.
    """

    name: str
    checksum: str
    files: Files
    training_images: int
    image_shape: tuple[int, int]
    classes: int
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, name: str, files: Files, checksums: Sequence[str], class_names: Sequence[str] = ()) -> "Dataset":
        """Look into four uncompressed files and check that they belong together.

        Without `class_names` a label is called by its number.

        Raises:
            InputError: a file is no IDX file, has no images or other counts or shapes than its partner, or the test
                labels name a class that the training labels don't have.
        """
        train_images, test_images = idx.map_file(files.train_images, 3), idx.map_file(files.test_images, 3)
        train_labels, test_labels = idx.map_file(files.train_labels, 1), idx.map_file(files.test_labels, 1)
        for path, images, labels in (
            (files.train_labels, train_images, train_labels),
            (files.test_labels, test_images, test_labels),
        ):
            if len(images) != len(labels):
                raise InputError(f"{path}: expected {len(images):,} labels, one an image, found {len(labels):,}")
        for path, images in ((files.train_images, train_images), (files.test_images, test_images)):
            if images.size == 0:
                raise InputError(f"{path}: expected at least one image, found {idx.Header(images.shape)}")
        height, width = train_images.shape[1:]
        if test_images.shape[1:] != (height, width):
            found = " x ".join(map(str, test_images.shape[1:]))
            raise InputError(f"{files.test_images}: expected images of {height} x {width}, found {found}")
        highest = int(train_labels.max())
        if (strange := np.flatnonzero(test_labels > highest)).size:
            where, label = strange[0], test_labels[strange[0]]
            raise InputError(
                f"{files.test_labels}: expected labels up to {highest}, the highest in training, "
                f"found {label} at index {where}"
            )
        return cls(
            name=name,
            checksum=combined(checksums),
            files=files,
            training_images=len(train_labels),
            image_shape=(height, width),
            classes=highest + 1,
            class_names=tuple(class_names) or tuple(map(str, range(highest + 1))),
        )

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.image_shape[0] * self.image_shape[1]

    def train_size(self, validation: int = 10_000) -> int:
        """How many images are left to train on when so many are held out.

        Raises:
            InputError: there aren't so many training images.
        """
        count = self.training_images
        if not 0 <= validation < count:
            raise InputError(
                f"validation: expected 0 to {count - 1} of the {count} training images of {self.name}, "
                f"found {validation}"
            )
        return count - validation

    def split(self, validation: int = 10_000) -> Split:
        """Map the files and take `validation` of the training images off for validation.

        They are chosen by class in proportion, the same for every seed and machine; 0 leaves that subset empty.

        Raises:
            InputError: there aren't so many training images, or the files are no longer there.
        """
        self.train_size(validation)  # raises if that cannot be
        images, labels = idx.map_file(self.files.train_images, 3), idx.map_file(self.files.train_labels, 1)
        held_out = stratified(labels, validation)
        rows = images.reshape(len(images), self.pixels)
        test_images, test_labels = idx.map_file(self.files.test_images, 3), idx.map_file(self.files.test_labels, 1)
        return Split(
            train=Subset(rows, labels, np.flatnonzero(~held_out)),
            validation=Subset(rows, labels, np.flatnonzero(held_out)),
            test=Subset(test_images.reshape(len(test_images), self.pixels), test_labels, np.arange(len(test_labels))),
        )


def stratified(labels: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """Mark `count` of the labels (N,), as many of each class as its share says, by the largest remainder.

    Within a class the images with the smallest random keys are marked. The keys are raw bits of PCG64, a stream that
    NumPy promises never to change, unlike the methods of a Generator.
    """
    sizes = np.bincount(labels)
    quotas, remainders = np.divmod(sizes * count, len(labels))
    most_left_over = np.argsort(-remainders, kind="stable")
    quotas[most_left_over[: count - quotas.sum()]] += 1

    keys = np.random.PCG64(_SPLIT_SEED).random_raw(len(labels))
    chosen = np.zeros(len(labels), np.bool_)
    for label, quota in enumerate(quotas):
        members = np.flatnonzero(labels == label)
        chosen[members[np.argsort(keys[members], kind="stable")[:quota]]] = True
    return chosen
