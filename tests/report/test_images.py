"""Grids, PNG files and GIFs."""

import io
import struct
import threading
import zlib

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from nnlite.images import grid, read_png, replace_file, tiles, write_gif, write_png


@pytest.fixture
def digits():
    return np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)


def test_each_image_stands_in_its_cell(digits):
    tiled = grid(digits, 3)
    assert tiled.shape == (3 * 6 + 1, 3 * 5 + 1)
    for index, image in enumerate(digits):
        top, left = index // 3 * 6 + 1, index % 3 * 5 + 1
        np.testing.assert_array_equal(tiled[top : top + 5, left : left + 4], image)


def test_borders_and_cells_that_are_left_over_are_grey(digits):
    tiled = grid(digits, 3)
    assert len({*tiled[0], *tiled[:, 0], *tiled[6], *tiled[13:, 6:].ravel()}) == 1


@pytest.mark.parametrize(
    ("shape", "kind", "columns"),
    [((0, 5, 4), np.uint8, 3), ((5, 4), np.uint8, 3), ((7, 5, 4), float, 3), ((7, 5, 4), np.uint8, 0)],
)
def test_what_is_no_set_of_images_is_refused(shape, kind, columns):
    with pytest.raises(ValueError, match=r"expected uint8|a column"):
        grid(np.zeros(shape, kind), columns)


def test_a_grid_can_be_taken_apart_again(digits):
    np.testing.assert_array_equal(tiles(grid(digits, 3)), digits)
    np.testing.assert_array_equal(tiles(grid(digits[:1], 1)), digits[:1])
    with pytest.raises(ValueError, match="no grid of images"):
        tiles(digits[0])


def test_a_png_holds_the_very_pixels(digits, tmp_path):
    write_png(tmp_path / "new" / "a.png", grid(digits, 3))
    np.testing.assert_array_equal(read_png(tmp_path / "new" / "a.png"), grid(digits, 3))


def test_a_caption_stands_above_an_unchanged_image(digits, tmp_path):
    image = grid(np.repeat(np.repeat(digits, 5, axis=1), 5, axis=2), 3)
    write_png(tmp_path / "a.png", image, caption="epoch 12")
    read = iio.imread(tmp_path / "a.png")
    np.testing.assert_array_equal(read[-len(image) :], image)
    assert read[: -len(image)].max() > 128


def test_a_gif_loops_for_ever_and_rests_on_its_last_frame(tmp_path):
    frames = [np.full((8, 8), 60 * shade, np.uint8) for shade in range(4)]
    write_gif(tmp_path / "a.gif", frames, seconds_per_frame=0.1, hold=2.0)
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (4, 0)
        durations = []
        for index in range(4):
            gif.seek(index)
            durations.append(gif.info["duration"])
    assert durations == [100, 100, 100, 2000]
    shown = iio.imread(tmp_path / "a.gif")[..., 0].astype(int)
    assert abs(shown - np.stack(frames)).max() <= 8


def test_a_gif_of_fifty_grids_stays_under_two_megabytes(tmp_path):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    frames = []
    for epoch in range(50):
        centres = rng.uniform(8, 20, (100, 2, 1, 1))
        rings = np.exp(-((np.hypot(y - centres[:, 0], x - centres[:, 1]) - 6) ** 2) / 4) * 255
        noise = rng.uniform(0, 255, rings.shape) * np.exp(-epoch / 5) + rng.normal(0, 8, rings.shape)
        frames.append(grid(np.clip(rings + noise, 0, 255).astype(np.uint8), 10))
    write_gif(tmp_path / "a.gif", frames, captions=[f"epoch {epoch}" for epoch in range(1, 51)])
    assert (tmp_path / "a.gif").stat().st_size < 2_000_000


def test_a_gif_that_would_be_too_large_leaves_out_every_other_frame_but_never_the_last(tmp_path):
    frames = [np.random.default_rng(shade).integers(0, 2, (64, 64), np.uint8) * 17 * shade for shade in range(1, 12)]
    write_gif(tmp_path / "whole.gif", frames, seconds_per_frame=0.1)
    whole = (tmp_path / "whole.gif").stat().st_size
    write_gif(tmp_path / "a.gif", frames, seconds_per_frame=0.1, most_bytes=whole // 3)
    assert (tmp_path / "a.gif").stat().st_size <= whole // 3
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 3, "of eleven: numbers 3, 7 and 11"
        assert gif.info["duration"] == 400
    assert iio.imread(tmp_path / "a.gif")[-1].max() == 17 * 11


def test_a_gif_needs_a_frame_and_a_caption_for_each(digits, tmp_path):
    with pytest.raises(ValueError, match="needs a frame"):
        write_gif(tmp_path / "a.gif", [])
    with pytest.raises(ValueError, match="shorter"):
        write_gif(tmp_path / "a.gif", [digits[0], digits[1]], captions=["one"])
    assert not list(tmp_path.iterdir())


def test_readers_see_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "a"
    versions = {bytes([letter]) * 200_000 for letter in b"abcd"}
    replace_file(path, b"a" * 200_000)
    writers = [threading.Thread(target=lambda v=v: [replace_file(path, v) for _ in range(20)]) for v in versions]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in versions
    for writer in writers:
        writer.join()
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        replace_file(tmp_path / "taken", b"content")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def odd_pictures():
    """What may lie where a sample of a run should: other files, damaged ones, and one that claims to be huge."""
    good = io.BytesIO()
    Image.new("L", (30, 30)).save(good, "PNG")
    content = good.getvalue()
    for cut in range(0, len(content) - 12, 7):
        yield content[:cut]
    for place in range(0, len(content) - 12, 5):
        yield content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
    for mode, kind in (("RGB", "PNG"), ("L", "GIF"), ("1", "PNG"), ("I;16", "PNG")):
        other = io.BytesIO()
        Image.new(mode, (30, 30)).save(other, kind)
        yield other.getvalue()
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    yield content[:8] + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


def test_a_picture_that_is_no_grey_png_is_one_kind_of_error(tmp_path):
    path = tmp_path / "epoch_0001.png"
    refused = 0
    for content in odd_pictures():
        path.write_bytes(content)
        try:
            assert read_png(path).shape == (30, 30)  # a flipped bit in a checksum may be borne
        except ValueError:
            refused += 1
    assert refused > 20


def test_a_missing_picture_is_told_from_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_png(tmp_path / "none.png")
