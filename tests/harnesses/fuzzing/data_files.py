"""Targets that read files which somebody else made: data, pictures, checkpoints and the wheel."""

import gzip
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
from fuzzing.logs import logs
from fuzzing.target import MEGABYTE, REPOSITORY, Read, Target
from fuzzing.texts import damaged, values
from hypothesis import strategies as st
from PIL import Image

from nnlite.data import FILE_NAMES, idx, locate, wheel
from nnlite.data.datafile import checksum, pieces
from nnlite.data.pictures import Framing, read_picture
from nnlite.images import read_png, tiles
from nnlite.nn import fully_connected
from nnlite.nn.weights import load_arrays
from nnlite.runs import RunFolder, read_run
from nnlite.sweep.survey import epochs_kept

SIDE = 6  # pixels of a small image


def _arrays() -> dict[str, np.ndarray]:
    """The four parts of a small dataset."""
    rng = np.random.default_rng(0)
    shapes = ((40, SIDE, SIDE), (40,), (20, SIDE, SIDE), (20,))
    return {
        name: rng.integers(0, 256 if len(shape) == 3 else 4, shape, np.uint8)
        for name, shape in zip(FILE_NAMES, shapes, strict=True)
    }


def _idx_files() -> list[bytes]:
    plain = [idx.encode(array) for array in _arrays().values()]
    return [*plain, *(gzip.compress(each, mtime=0) for each in plain)]


def _idx(folder: Path) -> Read:
    path = folder / "data"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        content = b"".join(pieces(path))
        assert len(checksum(path)) == 64
        if content != data:
            assert gzip.decompress(data) == content
            return
        axes = data[3]
        array = idx.map_file(path, axes)
        assert idx.encode(np.array(array)) == data

    return read


def _dataset(folder: Path) -> Read:
    place = folder / "data"
    place.mkdir()
    good = {name: idx.encode(array) for name, array in _arrays().items()}

    def read(data: bytes) -> None:
        number = data[0] if data else 0
        hostile = FILE_NAMES[number % 4]
        for name, content in good.items():
            (place / name).write_bytes(content)
        (place / hostile).unlink()
        (place / (f"{hostile}.gz" if number & 4 else hostile)).write_bytes(data[1:])
        try:
            dataset = locate(str(place))
            split = dataset.split(number // 8)
            images, labels = split.train.take(range(min(2, len(split.train))))
            assert images.shape[1:] == (dataset.pixels,)
            assert labels.max(initial=0) < dataset.classes
        finally:
            for path in list(place.iterdir()):
                path.unlink()

    return read


def _pictures() -> list[bytes]:
    """A digit in every format that is easily met, and with what cameras add."""
    digit = (
        Image.open(next((REPOSITORY / "experiments").glob("*/*/samples/epoch_0001.png")))
        .convert("L")
        .crop((0, 0, 30, 30))
    )
    found = []
    forms = [
        ("PNG", "L", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "P", {}),
        ("PNG", "1", {}),
        ("PNG", "I;16", {}),
        ("JPEG", "RGB", {}),
        ("GIF", "P", {"save_all": True, "append_images": [digit]}),
        ("BMP", "RGB", {}),
        ("TIFF", "L", {}),
        ("TIFF", "F", {}),
        ("WEBP", "RGB", {}),
        ("PPM", "L", {}),
        ("TGA", "RGB", {}),
        ("ICO", "RGBA", {}),
        ("PCX", "L", {}),
        ("SGI", "L", {}),
    ]
    for form, mode, options in forms:
        image = digit.convert("I").convert(mode) if mode == "I;16" else digit.convert(mode)
        content = io.BytesIO()
        image.save(content, form, **options)
        found.append(content.getvalue())
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    content = io.BytesIO()
    digit.save(content, "JPEG", exif=exif)
    return [*found, content.getvalue()]


def _picture(folder: Path) -> Read:
    path = folder / "picture"
    framings = [Framing(0.7, True, False, (28, 28)), Framing(1.0, False, True, (5, 9))]

    def read(data: bytes) -> None:
        path.write_bytes(data)
        for framing in framings[: 1 + len(data) % 2]:
            image = read_picture(path, framing)
            assert image.shape == framing.shape
            assert image.dtype == np.uint8

    return read


def _grid(folder: Path) -> Read:
    path = folder / "epoch_0001.png"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            images = tiles(read_png(path))
        except ValueError:
            return
        assert images.dtype == np.uint8
        assert images.ndim == 3

    return read


def _grids() -> list[bytes]:
    """A few samples of published runs, and pictures that are none."""
    image = Image.open(next((REPOSITORY / "experiments").glob("*/*/samples/epoch_0001.png"))).convert("L")
    content = io.BytesIO()
    image.crop((0, 0, 59, 59)).save(content, "PNG")
    return [content.getvalue(), *_pictures()[:5]]


@st.composite
def _drawn(draw: st.DrawFn) -> bytes:
    """Files whose headers say what their data do not."""
    form = draw(st.sampled_from(["PNG", "BMP", "TIFF", "PPM", "GIF", "JPEG", "TGA"]))
    mode = draw(st.sampled_from(["1", "L", "RGB", "P", "F", "I;16", "RGBA"]))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    image = Image.frombytes(
        mode, (width, height), bytes(draw(st.integers(0, 255)) for _ in range(4)) * (width * height + 4)
    )
    content = io.BytesIO()
    try:
        image.save(content, form)
    except OSError:  # that format has no such mode
        image.convert("RGB").save(content, "BMP")
    file = bytearray(content.getvalue())
    for _ in range(draw(st.integers(0, 2))):
        file[draw(st.integers(0, min(60, len(file) - 1)))] = draw(st.integers(0, 255))
    return bytes(file)


MODEL = [4, 3, 2]
RUN = json.loads(logs()[0].splitlines()[0])["run"]


def _checkpoint(folder: Path) -> Read:
    run_folder = RunFolder(folder / "sweep" / "0123456789ab")
    run_folder.path.mkdir(parents=True)
    run_folder.log.write_bytes(logs()[0])
    run = read_run(run_folder)
    model = fully_connected(MODEL, "relu", None, np.random.default_rng(0))
    path = run_folder.checkpoint

    def read(data: bytes) -> None:
        path.write_bytes(_archive(data))
        assert 0 <= epochs_kept(run) <= len(run.epochs)
        arrays = load_arrays(path)
        assert not any(array.dtype.hasobject for array in arrays.values())
        model.load_state(arrays)

    return read


def _archive(data: bytes) -> bytes:
    """The input as it is; behind a 1 as an array's file in an intact archive, since no mutation hits a checksum."""
    if data[:1] != b"\x01":
        return data
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for place, member in enumerate(data[1:].split(b"SPLIT")):
            archive.writestr(("identity.npy", "0.weight.npy", "x", f"../y{place}.npy")[min(place, 3)], member)
    return content.getvalue()


def _checkpoints() -> list[bytes]:
    model = fully_connected(MODEL, "relu", None, np.random.default_rng(0))
    identity = np.array(json.dumps({"schema": 1, "run": RUN, "epoch": 2}))
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **model.state(), identity=identity)
    members = []
    for array in (identity, np.zeros((3, 4), np.float32), np.zeros(2, "S5")):
        member = io.BytesIO()
        np.save(member, array)
        members.append(member.getvalue())
    weights = io.BytesIO()
    np.savez(weights, allow_pickle=False, **model.state())
    return [content.getvalue(), weights.getvalue(), b"\x01" + b"SPLIT".join(members), b"\x01" + members[0]]


@st.composite
def _saved(draw: st.DrawFn) -> bytes:
    """Archives of one array that says what it likes about itself."""
    epoch = draw(st.sampled_from([0, 1, -1, 10**12, True, None, "1", 1.5, [1]]) | st.integers())
    identity = draw(st.just({"schema": 1, "run": draw(st.sampled_from([None, RUN])), "epoch": epoch}) | values)
    if draw(st.booleans()):
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, identity=np.array(json.dumps(identity)))
        return content.getvalue()
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 2, 10**6, 10**12, -1]), max_size=3)))
    kind = draw(
        st.sampled_from(["<f4", "|O", "<U9", "|V8", "<M8[s]", "<f8", "|b1", "[('a', '<f4')]", ">i9", "<U999999999"])
    )
    header = f"{{'descr': {kind!r}, 'fortran_order': {draw(st.booleans())}, 'shape': {shape}, }}".encode()
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + draw(st.binary(max_size=40))
    return b"\x01" + member


def _wheel(folder: Path) -> Read:
    path = folder / wheel.FILE_NAME

    def read(data: bytes) -> None:
        if data[:1] == b"\x01":
            content = io.BytesIO()
            with zipfile.ZipFile(content, "w") as archive:
                archive.writestr(wheel._MEMBER, gzip.compress(data[1:], 1, mtime=0))
            data = content.getvalue()
        path.write_bytes(data)
        files = wheel.unpack(path)
        assert set(files) == set(FILE_NAMES)

    return read


def _wheels() -> list[bytes]:
    """Pickles of the form that the wheel has, as NumPy of its time wrote them."""
    arrays = list(_arrays().values())
    digits = np.zeros((4, 784), np.float32)
    parts = tuple((digits, arrays[1][:4].astype(np.int64)) for _ in range(3))
    pickles = [pickle.dumps(parts, protocol=protocol).replace(b"numpy._core", b"numpy.core") for protocol in (0, 2)]
    return [*(b"\x01" + each for each in pickles), b"PK\x03\x04"]


_OPCODES = (
    b"cnumpy\nndarray\n",
    b"cnumpy\ndtype\n",
    b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cos\nsystem\n",
    b"(",
    b"t",
    b"R",
    b"b",
    b"0",
    b"2",
    b"K\x02",
    b"J\xff\xff\xff\x7f",
    b"\x8a\x05\x00\x00\x00\x00\x7f",
    b"U\x02f4",
    b"U\x01O",
    b"l",
    b"]",
    b"}",
    b"N",
    b"\x85",
    b"\x86",
    b"\x87",
    b"q\x00",
    b"h\x00",
    b"p0\n",
    b"i",
    b"o",
    b"\x81",
    b"\x88",
    b"a",
    b"e",
    b"s",
    b"u",
    b".",
)

TARGETS = (
    Target(
        "idx",
        _idx,
        _idx_files,
        damaged(st.sampled_from(_idx_files())),
        words=("\x08\x03", "\x08\x01", "\x1f\u008b"),
        longest=2000,
        share=6.0,
        generated=0.01,
    ),
    Target(
        "dataset",
        _dataset,
        lambda: [bytes([place]) + data for place, data in enumerate(_idx_files())],
        st.tuples(st.integers(0, 255), damaged(st.sampled_from(_idx_files()))).map(
            lambda pair: bytes([pair[0]]) + pair[1]
        ),
        longest=2000,
        share=0.3,
        generated=0.05,
    ),
    Target(
        "picture",
        _picture,
        _pictures,
        _drawn(),
        longest=3000,
        share=0.5,
        generated=0.05,
        memory=1024 * MEGABYTE,
        seconds=10.0,
    ),
    Target(
        "grid",
        _grid,
        _grids,
        _drawn(),
        longest=2500,
        share=0.5,
        generated=0.05,
    ),
    Target(
        "checkpoint",
        _checkpoint,
        _checkpoints,
        damaged(_saved()),
        words=(
            "\u0093NUMPY",
            "'descr': '<f4'",
            "'descr': '|O'",
            "'shape': (",
            "'fortran_order': True",
            "SPLIT",
            '"epoch": ',
        ),
        longest=2500,
        share=1.0,
        generated=0.02,
    ),
    Target(
        "wheel",
        _wheel,
        _wheels,
        st.lists(st.sampled_from(_OPCODES) | st.binary(max_size=4), max_size=14).map(
            lambda parts: b"\x01" + b"".join(parts) + b"."
        ),
        words=("cnumpy\nndarray\n", "cnumpy\ndtype\n", "cnumpy.core.multiarray\n_reconstruct\n", "cos\nsystem\n"),
        longest=1500,
        share=1.0,
        generated=0.05,
        memory=1024 * MEGABYTE,
    ),
)
