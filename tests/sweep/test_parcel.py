"""What travels between driver and worker is written into its own folder, under the names of a run's files alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.errors import InputError
from nnlite.runs import RunFolder
from nnlite.sweep.remote.parcel import pack, unpack, unpack_cache

FILES = ("run.jsonl", "checkpoint.npz", "best.npz", "samples.gif", "mistakes.png", "samples/epoch_0001.png")
PLACES = (
    "../x",
    "/tmp/x",  # noqa: S108 - a name that must not be written to
    "samples/../../x",
    "samples/epoch_0001.png/../../../x",
    "./run.jsonl",
    "run.jsonl/",
    "run.jsonl\n",
    "RUN.JSONL",
    "samples",
    "samples/epoch_1.png",
    "samples/epoch_\u0660\u0660\u0660\u0661.png",
    ".driver",
    "a\\b",
    "x\0",
    "",
)


def test_a_runs_files_arrive_as_they_were(tmp_path):
    files = {name: name.encode() for name in FILES}
    unpack(RunFolder(tmp_path / "run"), files)
    assert pack(RunFolder(tmp_path / "run")) == files


@pytest.mark.parametrize("name", [*PLACES, "reference/0123456789abcdef.npz"])
def test_any_other_name_is_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(InputError, match="is no file of a run"):
        unpack(RunFolder(tmp_path / "a" / "run"), {name: b"x"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", [*PLACES, *FILES, "reference/../../x", "reference/0123456789abcdef.npz/../../../x"])
def test_an_errand_brings_a_judge_for_the_cache_and_nothing_else(tmp_path, name):
    unpack_cache(tmp_path / "cache", {"reference/0123456789abcdef.npz": b"judge"})
    with pytest.raises(InputError, match="is no file of the cache"):
        unpack_cache(tmp_path / "cache", {name: b"x"})
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert written == ["cache/reference/0123456789abcdef.npz"]


@given(st.text(st.sampled_from("./\\runjsoleph_0123456789gxz\0\n~"), max_size=30))
def test_no_name_reaches_out_of_the_folder(tmp_path_factory, name):
    place = tmp_path_factory.mktemp("parcel")
    try:
        unpack(RunFolder(place / "a" / "run"), {name: b"x"})
    except InputError:
        assert not (place / "a").exists()
    else:
        assert [path.parent for path in place.rglob("*") if path.is_file()] == [(place / "a" / "run" / name).parent]
