"""What looks like nnlite's own and is not stays, to the byte and the time stamp, wherever nnlite cleans up."""

import importlib.util

import decoys
import pytest

QUICK = {"in_a_runs_folder", "in_the_cache", "where_a_lock_is_wanted"}
SCENES = [
    pytest.param(each.__name__, marks=() if each.__name__ in QUICK else pytest.mark.slow) for each in decoys.SCENES
]


@pytest.mark.parametrize("scene", SCENES)
def test_decoys_stay_and_true_leftovers_go(scene):
    with decoys.short_folder() as root:
        kinds, wrong = decoys.play(scene, root)
    assert not wrong
    assert kinds


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_decoys_beside_the_scratch_folders_of_a_clusters_workers_stay(backend, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{backend} is not installed")
    with decoys.short_folder() as root:
        _, wrong = decoys.play(backend, root)
    assert not wrong


def test_the_harness_sees_what_was_removed_changed_or_left(tmp_path):
    kept = decoys.Decoys(tmp_path / "outside")
    for name in ("removed", "changed", "touched", "untouched"):
        kept.file(tmp_path / name)
    (tmp_path / "left").touch()
    kept.must_go(tmp_path / "left")
    (tmp_path / "removed").unlink()
    (tmp_path / "changed").write_bytes(b"another chapter")
    (tmp_path / "touched").chmod(0o600)
    wrong = " ".join(kept.check("scene"))
    assert "removed was removed" in wrong
    assert "changed was changed" in wrong
    assert "touched was changed" in wrong
    assert "left is still there" in wrong
    assert "untouched" not in wrong
