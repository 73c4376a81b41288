"""Where a dataset is looked for, in which order, and what is refused on the way."""

import gzip
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nnlite.data import FILE_NAMES, KNOWN, Dataset, cache_dir, fetch, idx, inventory, locate, store
from nnlite.errors import DataUnavailableError, InputError
from nnlite.files import aside

pytestmark = pytest.mark.usefixtures("tiny")  # a known dataset beside the real ones


def zip_all(folder: Path) -> None:
    for name in FILE_NAMES:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()


def no_news(line: str) -> None:
    raise AssertionError(line)


def test_the_real_mnist_is_found_zipped_and_unzipped_once(mnist: Dataset, tmp_path, cache):
    (tmp_path / "mnist").mkdir()
    for name, path in zip(FILE_NAMES, mnist.files, strict=True):
        (tmp_path / "mnist" / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    found = locate("mnist", tmp_path, announce=no_news)
    written = {path: path.stat().st_mtime_ns for path in (cache / "idx").iterdir()}
    assert sorted(path.name for path in written) == sorted(KNOWN["mnist"].checksums)
    assert locate("mnist", tmp_path, announce=no_news) == found
    assert {path: path.stat().st_mtime_ns for path in (cache / "idx").iterdir()} == written


def test_plain_files_are_mapped_where_they_lie(folder, cache):
    dataset = locate("tiny", folder.parent, announce=no_news)
    assert dataset.files.train_images == folder / FILE_NAMES[0]
    assert dataset.class_names == ("a", "b", "c")
    assert not cache.exists()


def test_the_argument_goes_before_the_environment_and_that_before_the_cache(folder, tmp_path, monkeypatch):
    fetch("tiny", folder.parent)
    other = tmp_path / "other"
    (other / "tiny").mkdir(parents=True)
    for name in FILE_NAMES:
        (other / "tiny" / name).write_bytes((folder / name).read_bytes())
    assert locate("tiny").files.test_labels.parent == cache_dir() / "idx"
    monkeypatch.setenv("NNLITE_DATA", str(other))
    assert locate("tiny").files.test_labels.parent == other / "tiny"
    assert locate("tiny", folder.parent).files.test_labels.parent == folder


def test_the_checksum_is_that_of_the_contents_not_of_the_place(folder):
    plain, own = locate("tiny", folder.parent), locate(str(folder))
    zip_all(folder)
    assert plain.checksum == own.checksum == locate("tiny", folder.parent).checksum


def test_wrong_bytes_in_the_data_folder_are_refused_with_both_checksums(tiny, folder):
    idx.write(folder / FILE_NAMES[3], np.zeros(5, np.uint8))
    with pytest.raises(
        InputError, match=f"{FILE_NAMES[3]}: expected tiny's SHA-256 {tiny.checksums[3]}, found [0-9a-f]{{64}}"
    ):
        locate("tiny", folder.parent)


def test_wrong_bytes_are_refused_even_where_the_cache_has_the_right_ones(tiny, folder):
    fetch("tiny", folder.parent)
    zip_all(folder)
    (folder / f"{FILE_NAMES[0]}.gz").write_bytes(gzip.compress(idx.encode(np.ones((12, 28, 28), np.uint8))))
    with pytest.raises(InputError, match=tiny.checksums[0]):
        locate("tiny", folder.parent)


def test_a_data_folder_without_the_dataset_gives_way_to_the_cache(folder, tmp_path):
    fetch("tiny", folder.parent)
    (tmp_path / "nothing").mkdir()
    assert locate("tiny", tmp_path / "nothing", announce=no_news).files.train_images.parent == cache_dir() / "idx"


def test_what_the_data_folder_lacked_is_said_in_the_end(folder, tmp_path):
    (folder / FILE_NAMES[1]).unlink()
    with pytest.raises(DataUnavailableError, match=f"tiny: lacks {FILE_NAMES[1]}"):
        locate("tiny", folder.parent)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataUnavailableError, match="nothing/tiny: no such folder"):
        locate("tiny", tmp_path / "nothing")


def test_a_data_folder_that_does_not_exist_is_a_mistake(tmp_path):
    with pytest.raises(InputError, match="expected a folder, found none"):
        locate("mnist", tmp_path / "nothing")


def test_a_spoilt_cache_is_never_used(folder):
    path = fetch("tiny", folder.parent).files.train_labels
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x09")
    with pytest.raises(DataUnavailableError):
        locate("tiny")
    zip_all(folder)
    assert locate("tiny", folder.parent).files.train_labels == path
    assert locate("tiny").files.train_labels == path


def test_several_may_unzip_at_once(tiny, folder, cache):
    zip_all(folder)
    barrier = threading.Barrier(8)

    def together(_: int) -> Dataset:
        barrier.wait()
        return locate("tiny", folder.parent)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(together, range(8)))) == 1
    assert sorted(path.name for path in (cache / "idx").iterdir()) == sorted(tiny.checksums)


def test_what_a_killed_process_left_is_harmless_and_goes(folder, cache):
    (cache / "idx").mkdir(parents=True)
    left = aside(cache / "idx" / ("0" * 64))
    left.touch()
    fetch("tiny", folder.parent)
    assert not left.exists()


def test_an_interrupted_write_leaves_nothing(cache):
    def contents():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.keep(contents(), "0" * 64, "nowhere")
    assert list((cache / "idx").iterdir()) == []


def test_an_unwritable_cache_says_which_variable_to_set(folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "file" / "cache"))
    zip_all(folder)
    for data_dir in (folder.parent, None):
        with pytest.raises(DataUnavailableError, match="file/cache: Not a directory; set NNLITE_CACHE"):
            locate("tiny", data_dir)


def test_the_cache_is_the_systems_unless_one_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNLITE_CACHE", "here")
    assert cache_dir() == tmp_path / "here"
    monkeypatch.setenv("NNLITE_CACHE", "")
    assert cache_dir().name == "nnlite"


def test_a_folder_is_found_from_another_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parents[1])
    dataset = locate("own/tiny")
    monkeypatch.chdir("/")
    assert len(dataset.split(0).train) == 12
    assert dataset.name == "own/tiny"


def test_a_folder_with_quotes_spaces_and_accents_is_a_folder(folder):
    odd = folder.rename(folder.with_name("a b'\"é\n"))
    zip_all(odd)
    assert len(locate(str(odd)).split(0).train) == 12


def test_a_deleted_current_folder_is_no_crash(folder, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert locate("tiny", folder.parent).classes == 3
    with pytest.raises(InputError, match="expected an absolute path"):
        locate("tiny", Path("own"))
    with pytest.raises(InputError, match="expected a folder of IDX files"):
        locate("own/tiny")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fashion_mnist", "did you mean 'fashion-mnist'?"),
        ("imagenet", "neither a known one nor a folder of IDX files; known are fashion-mnist, mnist"),
        ("data/nothing", "expected a folder of IDX files, found none"),
        ("~nobody-at-all/data", "expected a folder of IDX files, found none"),
        ("x" * 5000, "neither a known one nor a folder"),
        ("nul\0", "neither a known one nor a folder"),
    ],
)
def test_an_unknown_name_is_refused(name, sentence):
    with pytest.raises(InputError) as error:
        locate(name)
    assert sentence in str(error.value)


def test_a_folder_that_lacks_a_file_is_refused_by_what_it_lacks(folder):
    (folder / FILE_NAMES[2]).unlink()
    with pytest.raises(InputError, match=f"it lacks {FILE_NAMES[2]}$"):
        locate(str(folder))


def test_a_pipe_among_the_files_is_refused(folder):
    (folder / FILE_NAMES[2]).unlink()
    os.mkfifo(folder / FILE_NAMES[2])
    with pytest.raises(InputError, match="expected a regular file"):
        locate(str(folder))


def test_fetching_copies_the_data_folder_into_the_cache(folder):
    fetch("tiny", folder.parent, announce=no_news)
    for name in FILE_NAMES:
        (folder / name).unlink()
    assert locate("tiny").classes == 3


def test_only_a_known_name_can_be_fetched(folder):
    with pytest.raises(InputError, match="did you mean 'mnist'"):
        fetch("mnits")
    with pytest.raises(InputError, match="known are"):
        fetch(str(folder))


def test_the_inventory_says_where_each_dataset_is(folder, cache):
    def places(data_dir: Path | None = None) -> dict[str, str]:
        return {holding.name: holding.place for holding in inventory(data_dir)}

    assert places() == {"mnist": "missing", "fashion-mnist": "missing", "tiny": "missing"}
    assert places(folder.parent)["tiny"] == "folder"
    assert not cache.exists()
    fetch("tiny", folder.parent)
    assert places()["tiny"] == "cache"
    idx.write(folder / FILE_NAMES[3], np.zeros(5, np.uint8))
    broken = inventory(folder.parent)[-1]
    assert broken.place == "broken"
    assert FILE_NAMES[3] in broken.problem


def test_the_inventory_knows_sizes_and_licences(folder):
    holding = inventory(folder.parent)[-1]
    assert holding.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert (holding.path, holding.licence) == (folder, "public domain")
    assert all(holding.licence and holding.credit for holding in inventory())
