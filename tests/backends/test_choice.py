"""What can be said of a backend before there is a cluster."""

from importlib import util

import pytest

from nnlite.errors import InputError
from nnlite.runs import RunFolder
from nnlite.sweep.remote import places_of
from nnlite.sweep.remote.parcel import Changes, pack, unpack


def test_an_address_goes_with_a_cluster(ask, spec):
    assert "--backend dask or ray" in ask("sweep", spec(), "--address", "tcp://host:1", code=2).stderr


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_package_that_is_missing_is_named(monkeypatch, backend):
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=rf"pip install 'nnlite\[{backend}\]'"):
        places_of(backend, "tcp://host:1")


@pytest.mark.parametrize("name", ["../best.npz", "/etc/passwd", "samples/../../x", "samples/epoch_1.png", "other"])
def test_a_worker_can_write_nothing_but_a_runs_files(tmp_path, name):
    with pytest.raises(InputError, match="no file of a run"):
        unpack(RunFolder(tmp_path / "run"), {name: b""})


def test_files_travel_with_a_checkpoint_and_lines_at_once_and_whole(tmp_path):
    folder = RunFolder(tmp_path)
    folder.log.write_bytes(b"old\n")
    changes = Changes(folder)
    with folder.log.open("ab") as log:
        log.write(b"new\nhalf")
    folder.best.write_bytes(b"best")
    assert changes.take() == (b"new\n", {})
    folder.checkpoint.write_bytes(b"checkpoint")
    assert changes.take() == (b"", {"best.npz": b"best", "checkpoint.npz": b"checkpoint"})
    folder.samples.mkdir()
    folder.sample(1).write_bytes(b"picture")
    assert changes.take() == (b"", {})
    assert changes.take(everything=True) == (b"", {"samples/epoch_0001.png": b"picture"})
    other = RunFolder(tmp_path / "other")
    unpack(other, pack(folder))
    assert pack(other) == pack(folder)
