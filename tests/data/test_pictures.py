"""Pictures that people have become images like the dataset's own."""

import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from nnlite.data import FILE_NAMES, idx, locate
from nnlite.data.pictures import MOST_PIXELS, Framing, read_picture
from nnlite.errors import InputError

SHAPE = (28, 28)
MNIST = Framing(20 / 28, by_mass=True, on_white=False, shape=SHAPE)
FASHION_MNIST = Framing(1.0, by_mass=False, on_white=False, shape=SHAPE)


@pytest.fixture(scope="module")
def digits(mnist):
    return mnist.split().validation.take(np.arange(40))[0].reshape(-1, *SHAPE)


@pytest.fixture
def digits_on_white(tmp_path_factory, mnist):
    folder = tmp_path_factory.mktemp("on_white")
    for name, path in zip(FILE_NAMES, mnist.files, strict=True):
        content = np.array(idx.map_file(path, 3 if "images" in name else 1)[:500])
        idx.write(folder / name, 255 - content if content.ndim == 3 else content)
    return locate(str(folder))


@pytest.fixture
def full_frames(tmp_path):
    """Triangles that reach from edge to edge, as garments do: their centre of mass is below the middle."""
    rows, columns = np.indices(SHAPE)
    triangle = np.where(np.abs(columns - 13.5) <= rows / 2, 255, 0).astype(np.uint8)
    for name in FILE_NAMES:
        content = np.tile(triangle, (20, 1, 1)) if "images" in name else np.arange(20, dtype=np.uint8) % 2
        idx.write(tmp_path / name, content)
    return locate(str(tmp_path))


@pytest.fixture
def read(tmp_path):
    """Save a picture, and read it."""

    def call(image, name="picture.png", framing=MNIST, **options):
        image = image if isinstance(image, Image.Image) else Image.fromarray(image)
        image.save(tmp_path / name, **options)
        return read_picture(tmp_path / name, framing)

    return call


def enlarged(digit, times=12, *, margin=40):
    """As a pen of soft ink would draw it: white on black."""
    image = Image.fromarray(digit).resize((28 * times, 28 * times), Image.Resampling.BICUBIC)
    return np.pad(np.asarray(image), margin)


def likeness(one, other):
    """The correlation of two images; the centre of mass may round to the next pixel."""
    moved = (np.roll(one, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    return max(np.corrcoef(each.ravel().astype(float), other.ravel().astype(float))[0, 1] for each in moved)


def test_an_image_of_mnist_stays_as_it_is(read, digits):
    found = [read(digit) for digit in digits]
    assert np.mean([np.array_equal(one, other) for one, other in zip(found, digits, strict=True)]) > 0.7
    assert min(map(likeness, found, digits)) > 0.9


@pytest.mark.parametrize("times", [3, 12, 50])
def test_the_size_makes_no_difference(read, digits, times):
    found = [read(enlarged(digit, times)) for digit in digits[:10]]
    assert min(map(likeness, found, digits)) > 0.9


def test_it_fills_a_box_of_20_pixels_about_its_centre_of_mass(read):
    stroke = np.zeros((300, 500), np.uint8)
    stroke[50:250, 30:60] = 255
    stroke[200:250, 30:110] = 255  # an L, whose centre of mass is not that of its box
    found = read(stroke)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert (len(rows), len(columns)) == (20, 8)
    assert ndimage.center_of_mass(found) == pytest.approx((14, 14), abs=0.51)
    assert found.max() == 255


def test_fashion_mnist_fills_its_frame(read):
    shirt = np.full((600, 400), 255, np.uint8)
    shirt[100:500, 150:350] = 90
    found = read(shirt, framing=FASHION_MNIST)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, 27, 7, 20)


VARIANTS = {
    "dark on light": lambda ink: Image.fromarray(255 - ink),
    "grey on grey": lambda ink: Image.fromarray((150 - ink * 0.3).astype(np.uint8)),
    "light grey on grey": lambda ink: Image.fromarray((100 + ink * 0.3).astype(np.uint8)),
    "red on white": lambda ink: Image.merge("RGB", [Image.fromarray(x) for x in (ink * 0 + 255, 255 - ink, 255 - ink)]),
    "red on green, equally bright": lambda ink: Image.merge(
        "RGB",
        [Image.fromarray(x.astype(np.uint8)) for x in (ink / 255 * 196, (1 - ink / 255) * 100, ink * 0)],
    ),
    "black on transparent": lambda ink: Image.merge("LA", [Image.fromarray(ink * 0), Image.fromarray(ink)]),
    "white on transparent": lambda ink: Image.merge("LA", [Image.fromarray(ink * 0 + 255), Image.fromarray(ink)]),
    "a palette": lambda ink: Image.fromarray(255 - ink).convert("P"),
    "black and white": lambda ink: Image.fromarray(ink > 127),
    "16 bits": lambda ink: Image.fromarray(ink.astype(np.uint16) * 100),
    "floating point": lambda ink: Image.fromarray(ink.astype(np.float32) / 255),
    "CMYK": lambda ink: Image.fromarray(255 - ink).convert("RGB").convert("CMYK"),
    "noisy paper": lambda ink: Image.fromarray(
        np.clip(220 - ink * 0.7 + np.random.default_rng(0).normal(0, 6, ink.shape), 0, 255).astype(np.uint8)
    ),
    "with a speck": lambda ink: Image.fromarray(np.where(np.indices(ink.shape).sum(axis=0) < 8, ink * 0 + 200, ink)),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_colour_polarity_and_kind_make_no_difference(read, digits, variant):
    name = "picture.tif" if variant in ("floating point", "CMYK") else "picture.png"
    for digit in digits[:5]:
        assert likeness(read(VARIANTS[variant](enlarged(digit)), name), digit) > 0.85


def test_a_photograph_is_turned_as_its_camera_says(read, digits):
    turned = Image.fromarray(enlarged(digits[0])).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    assert likeness(read(turned, "photo.jpg", exif=exif), digits[0]) > 0.9


def test_how_a_dataset_is_framed_is_seen_from_its_images(mnist, digits_on_white, full_frames):
    assert Framing.of(mnist) == MNIST
    assert Framing.of(full_frames) == FASHION_MNIST
    assert Framing.of(digits_on_white) == replace(MNIST, on_white=True)


def test_where_a_dataset_is_on_white_so_is_the_picture(read, digits):
    assert likeness(255 - read(enlarged(digits[0]), framing=replace(MNIST, on_white=True)), digits[0]) > 0.9


def test_the_first_picture_of_an_animation_counts(read, digits):
    first, second = (Image.fromarray(enlarged(digit)) for digit in digits[:2])
    assert likeness(read(first, "moving.gif", save_all=True, append_images=[second]), digits[0]) > 0.9


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_blank_picture_is_refused(read, shade):
    with pytest.raises(InputError, match=r"picture\.png: nothing stands out"):
        read(np.full((50, 50), shade, np.uint8))


def test_a_picture_of_a_single_pixel_is_blank(read):
    with pytest.raises(InputError, match="nothing stands out"):
        read(np.full((1, 1), 7, np.uint8))


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("side", [10_001, 12_000, 60_000])
def test_a_bomb_is_refused_by_its_header(tmp_path, side):
    """F65: a few bytes that claim to be billions of pixels, or just more than are unpacked."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    with pytest.raises(InputError, match=rf"expected an image of {MOST_PIXELS:,} pixels at most, found"):
        read_picture(path, MNIST)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_image_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.png is (not|a damaged) "):
        read_picture(path, MNIST)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_half_a_file_is_refused(tmp_path, digits, kind):
    path = tmp_path / f"half.{kind}"
    Image.fromarray(enlarged(digits[0])).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"half\.{kind} is (not|a damaged) "):
        read_picture(path, MNIST)


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path):
    for path, said in ((tmp_path / "no.png", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(InputError, match=f"{path}: {said}"):
            read_picture(path, MNIST)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_no_decoders_words_stand_in_the_sentence(tmp_path, digits, kind):
    path = tmp_path / f"odd.{kind}"
    Image.fromarray(enlarged(digits[0])).save(path)
    content = path.read_bytes()
    for cut in (5, 20, len(content) // 2, len(content) - 20):
        path.write_bytes(content[:cut])
        try:
            read_picture(path, MNIST)
        except InputError as error:
            known = {
                f"{path} is a damaged image, or of a kind that cannot be read",
                f"{path} is not an image of a known format, such as PNG or JPEG",
                f"{path}: nothing stands out from the background of this image",
            }
            assert str(error) in known  # noqa: PT017 - some formats bear a cut


def test_a_large_picture_of_16_bits_takes_no_more_arrays_than_one_of_8(tmp_path):
    """It is brought to the working size before it is made floats of 8 bytes."""
    side = 5000
    image = Image.new("I;16", (side, side))
    image.paste(60_000, (1000, 1000, 4000, 1500))
    path = tmp_path / "deep.png"
    image.save(path, compress_level=1)
    tracemalloc.start()
    try:
        assert read_picture(path, MNIST).any()
        assert tracemalloc.get_traced_memory()[1] < 4 * side**2
    finally:
        tracemalloc.stop()
