"""Pictures that people have: any size, colour or grey, dark on light or light on dark, brought to a dataset's form.

An image file is first read as *ink*: how much each pixel differs from the background. Background is the shade that
most of the picture's border has, so that neither colour nor polarity matters. The ink is then scaled, anti-aliased and
moved to where the dataset's own images have theirs. MNIST's were made to fill a box of 20 x 20 pixels, and their centre
of mass was put into the middle of 28 x 28; Fashion-MNIST's fill the whole frame. `Framing.of` finds that out.

Sources: Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, 1998; H. Xiao, K. Rasul and
R. Vollgraf, Fashion-MNIST, 2017, section 2.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from nnlite.data.dataset import Dataset
from nnlite.errors import InputError

MOST_PIXELS = 100_000_000  # a file of a few bytes can claim any number, all of which would have to be unpacked
AT_MOST = f"expected an image of {MOST_PIXELS:,} pixels at most"
WORKING_SIZE = 1024  # pixels along the longer side that are enough to find out what 28 show
WHITE = 255.0
LOOKED_AT = 1000  # images of a dataset, to see how they are framed
FAINTEST = 24.0  # contrast with the background, of 255, below which a picture is blank
NOISE = 4.0  # standard deviations of the border's noise that are background
SPECK = 0.02  # share of all ink that a separate piece must have to belong to what is shown
EDGE = 0.04  # share of the strongest ink that counts as ink, where what is shown is looked for


@dataclass(frozen=True)
class Framing:
    """How a dataset's images sit in their frames.

    Attributes:
        box: share of the frame that what is shown fills, along its longer side.
        by_mass: whether its centre of mass is in the middle, or else its bounding box.
        on_white: whether the background is white, and not black.
        shape: height and width of the frame.
    """

    box: float
    by_mass: bool
    on_white: bool
    shape: tuple[int, int]

    @classmethod
    def of(cls, dataset: Dataset) -> "Framing":
        """How the first training images of `dataset` sit in their frames, by the median."""
        train, shape = dataset.split(0).train, dataset.image_shape
        images = train.take(np.arange(min(len(train), LOOKED_AT)))[0].reshape(-1, *shape)
        on_white = bool(np.median(_border(np.moveaxis(images, 0, -1))) > WHITE / 2)
        sides, masses, boxes = [], [], []
        for image in WHITE - images if on_white else images:
            if not image.any():
                continue
            extent = _extent(image)
            sides.append(max((part.stop - part.start) / side for part, side in zip(extent, shape, strict=True)))
            masses.append([place - side / 2 for place, side in zip(ndimage.center_of_mass(image), shape, strict=True)])
            boxes.append([(part.start + part.stop - side) / 2 for part, side in zip(extent, shape, strict=True)])
        by_mass = bool(np.median(np.abs(masses)) < np.median(np.abs(boxes))) if sides else False
        return cls(float(np.median(sides)) if sides else 1.0, by_mass, on_white, shape)


def read_picture(path: Path, framing: Framing) -> NDArray[np.uint8]:
    """Read an image file as one of the images of a dataset.

    Args:
        path: the file, of any format that Pillow knows; of an animation, its first picture.
        framing: that of the dataset whose images it shall be like.

    Returns:
        The image, (height, width).

    Raises:
        InputError: there is no such file, it is no image, or too large, or nothing is to be seen on it.
    """
    ink = _without_specks(ink_of(_open(path)))
    if ink.max(initial=0.0) < FAINTEST:
        raise InputError(f"{path}: nothing stands out from the background of this image")
    image = framed(ink, framing)
    return np.subtract(255, image, dtype=np.uint8) if framing.on_white else image


def _open(path: Path) -> NDArray[np.float32]:
    """The pixels (height, width, channels) from 0 to 255, of at most `WORKING_SIZE` along a side."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about size and about odd metadata: the first is checked here
            with Image.open(path) as image:
                _check_size(path, *image.size)
                image.draft("RGB", (WORKING_SIZE, WORKING_SIZE))  # what a JPEG can leave out, it need not unpack
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                return _pixels(image)
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(f"{path}: {AT_MOST}, found far more") from None
    except UnidentifiedImageError:
        raise InputError(f"{path} is not an image of a known format, such as PNG or JPEG") from None
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path}: {error.strerror.lower()}") from None
        raise InputError(f"{path} is a damaged image, or of a kind that cannot be read") from error


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise InputError(f"{path}: {AT_MOST}, found {width:,} x {height:,}")


def _pixels(image: Image.Image) -> NDArray[np.float32]:
    if image.mode.startswith(("I", "F")):  # more than 8 bits a pixel: black and white are what they turn out to be
        image = _reduced(image.convert("I") if image.mode.startswith("I;") else image)
        deep = np.nan_to_num(np.asarray(image, np.float64))
        span = float(np.ptp(deep))
        image = Image.fromarray(((deep - deep.min()) * (WHITE / span if span else 0.0)).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        return _on_paper(np.asarray(_reduced(image.convert("RGBA")), np.float32))
    return np.asarray(_reduced(image.convert("RGB")), np.float32)


def _reduced(image: Image.Image) -> Image.Image:
    """The image, brought to the working size where it is larger: what follows takes many bytes a pixel."""
    image.thumbnail((WORKING_SIZE, WORKING_SIZE), Image.Resampling.BOX)
    return image


def _on_paper(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Transparent pixels (height, width, 4) on white paper, or on black where what is visible is light."""
    colours, opacity = pixels[..., :3], pixels[..., 3:] / WHITE
    visible = float(np.sum(opacity)) * 3
    mean = float(np.sum(colours * opacity)) / visible if visible else 0.0
    paper = WHITE if mean < WHITE / 2 else 0.0
    result: NDArray[np.float32] = colours * opacity + paper * (1.0 - opacity)
    return result


def ink_of(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each of the pixels (height, width, channels) is from the background, (height, width), noise taken off."""
    border = _border(pixels)
    background = np.median(border, axis=0)
    distance = np.max(np.abs(pixels - background), axis=2)
    # Of normal noise, 1.4826 times the median distance is the standard deviation.
    noise = NOISE * 1.4826 * float(np.median(np.max(np.abs(border - background), axis=1)))
    result: NDArray[np.float32] = np.maximum(distance - np.float32(noise), 0.0)
    return result


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixels (k, ...) along the border of (height, width, ...)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _extent(ink: NDArray[Any]) -> tuple[slice, slice]:
    """The bounding box of what `ink` (height, width) shows."""
    shown = ink > EDGE * ink.max()
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _without_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the pieces that stand alone and are too small to belong to what is shown."""
    pieces, count = ndimage.label(ink > EDGE * ink.max(initial=0.0), np.ones((3, 3)))
    if count < 2:
        return ink
    weights = ndimage.sum_labels(ink, pieces, np.arange(1, count + 1))
    specks = np.flatnonzero(weights < SPECK * weights.sum()) + 1
    # With the faint seam around each of them.
    blots = ndimage.grey_dilation(np.where(np.isin(pieces, specks), 1, 0), size=(3, 3)) > 0
    kept = np.isin(pieces, specks, invert=True) & (pieces > 0)
    return np.where(blots & ~kept, np.float32(0.0), ink)


def framed(ink: NDArray[np.float32], framing: Framing) -> NDArray[np.uint8]:
    """What `ink` shows, framed on black: scaled by its aspect ratio, anti-aliased, its strongest ink white."""
    shape = framing.shape
    cut = ink[_extent(ink)]
    scale = min(framing.box * side / length for side, length in zip(shape, cut.shape, strict=True))
    height, width = (max(1, round(length * scale)) for length in cut.shape)
    anti_aliased = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    small = np.asarray(Image.fromarray(cut).resize((width, height), anti_aliased))
    small = small * (WHITE / small.max())
    # Moved by whole pixels, as MNIST was: its centres of mass lie within half a pixel of (14, 14), counted from 0.
    middle = ndimage.center_of_mass(small) if framing.by_mass else (height / 2, width / 2)
    top, left = (
        min(max(round(side / 2 - centre), 0), side - length)
        for side, centre, length in zip(shape, middle, small.shape, strict=True)
    )
    frame = np.zeros(shape, np.uint8)
    frame[top : top + height, left : left + width] = np.rint(small)
    return frame
