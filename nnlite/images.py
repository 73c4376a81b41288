"""Grey pictures as files: many small images as one grid, PNG files, and GIFs that show how samples change.

Images are `uint8` arrays, (height, width), 0 black and 255 white. Every file is written aside and then moved into
place, so that nobody ever sees half a picture.
"""

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

import imageio.v3 as iio
import numpy as np
from PIL import Image, ImageDraw, ImageFont  # imageio's own drawing library

from nnlite.files import replace_file

GreyImage = np.ndarray[tuple[int, int], np.dtype[np.uint8]]

BORDER_SHADE = 64  # dark grey: parts black images from each other, and the grid from a white page
GIF_SHADES = 16  # LZW packs 16 shades twice as well as 256, and strokes of ink look the same
CAPTION_SIZE = 12  # pixels
MOST_PIXELS = 50_000_000  # of a picture that is read back: a small file can claim any number


def grid(images: np.ndarray, columns: int, *, border: int = 1) -> GreyImage:
    """Tile `images` (n, height, width) row by row, a thin border around each; cells that are left over stay grey.

    Raises:
        ValueError: there is no image, no column, or `images` is not a `uint8` array of three axes.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or len(images) == 0:
        raise ValueError(f"expected uint8 images (n, height, width), got {images.dtype} {images.shape}")
    if columns < 1:
        raise ValueError(f"a grid needs a column, not {columns}")
    count, height, width = images.shape
    rows = -(-count // columns)
    tile_height, tile_width = height + border, width + border
    result = np.full((rows * tile_height + border, columns * tile_width + border), BORDER_SHADE, np.uint8)
    for index, image in enumerate(images):
        top = index // columns * tile_height + border
        left = index % columns * tile_width + border
        result[top : top + height, left : left + width] = image
    return result


def tiles(picture: GreyImage) -> np.ndarray:
    """Undo `grid`, for a border of one pixel: images (n, height, width), without the cells that were left over.

    Raises:
        ValueError: the picture is no such grid.
    """
    rows, columns = (np.flatnonzero((picture == BORDER_SHADE).all(axis=axis)) for axis in (1, 0))
    heights, widths = set(np.diff(rows)), set(np.diff(columns))
    if len(heights) != 1 or len(widths) != 1:
        raise ValueError(f"a picture of {picture.shape} that is no grid of images, a border around each")
    images = np.stack([picture[t + 1 : b, left + 1 : r] for t, b in pairwise(rows) for left, r in pairwise(columns)])
    used: np.ndarray = images[(images != BORDER_SHADE).any(axis=(1, 2))]
    return used


def captioned(image: GreyImage, caption: str) -> GreyImage:
    """The image with a strip above it in which `caption` stands, white on black, cut off where the image ends."""
    strip = Image.new("L", (image.shape[1], CAPTION_SIZE + 6))
    draw = ImageDraw.Draw(strip)
    draw.text((3, 2), caption, fill=255, font=ImageFont.load_default(CAPTION_SIZE))
    return cast("GreyImage", np.vstack([np.asarray(strip), image]))


def write_png(path: Path, image: GreyImage, *, caption: str | None = None) -> None:
    """Write one image."""
    if caption is not None:
        image = captioned(image, caption)
    replace_file(path, iio.imwrite("<bytes>", image, extension=".png", optimize=True))


def read_png(path: Path) -> GreyImage:
    """Read one image that `write_png` wrote.

    Raises:
        ValueError: the file is damaged, or is another's.
        OSError: there is none, or it cannot be read.
    """
    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.mode == "L" and image.width * image.height <= MOST_PIXELS:
                return cast("GreyImage", np.array(image))
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        raise ValueError(f"{path} is a damaged picture") from error
    raise ValueError(f"{path} is no grey picture of {MOST_PIXELS:,} pixels at most")


def write_npy(path: Path, array: np.ndarray) -> None:
    """Write an array for `numpy.load`."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    replace_file(path, content.getvalue())


def write_gif(
    path: Path,
    frames: Sequence[GreyImage],
    *,
    seconds_per_frame: float = 0.1,
    hold: float = 2.0,
    captions: Sequence[str] | None = None,
    most_bytes: int | None = None,
) -> None:
    """Write the frames as a GIF that loops for ever and rests on the last one for `hold` seconds.

    Args:
        path: the file.
        frames: images of one size.
        seconds_per_frame: how long each but the last is shown.
        hold: how long the last is.
        captions: a line above each.
        most_bytes: where the file would be larger, every other frame is left out, until it is not; none if None.

    Raises:
        ValueError: there is no frame, or not one caption for each.
    """
    if not len(frames):
        raise ValueError("a GIF needs a frame")
    if captions is not None:
        frames = [captioned(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    step = 255 / (GIF_SHADES - 1)
    stack = (np.round(np.stack(frames) / step) * step).astype(np.uint8)
    content = _gif(stack, seconds_per_frame, hold)
    while most_bytes is not None and len(content) > most_bytes and len(stack) > 1:
        stack, seconds_per_frame = stack[::-2][::-1], 2 * seconds_per_frame  # the last one stays
        content = _gif(stack, seconds_per_frame, hold)
    replace_file(path, content)


def _gif(stack: np.ndarray, seconds_per_frame: float, hold: float) -> bytes:
    milliseconds = [round(1000 * seconds_per_frame)] * (len(stack) - 1) + [round(1000 * hold)]
    return iio.imwrite("<bytes>", stack, extension=".gif", duration=milliseconds, loop=0)


def reduced_png(content: bytes) -> bytes:
    """The bytes of a PNG with 256 colours and no metadata: a drawing takes a third of the room then."""
    reduced = io.BytesIO()
    with Image.open(io.BytesIO(content)) as drawing:
        drawing.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(reduced, "PNG", optimize=True)
    return reduced.getvalue()
