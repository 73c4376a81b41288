"""A sweep on a real disk that becomes full, and is given more room, without anything being lost."""

import os
import subprocess

import pytest

from nnlite.runs import find_runs, read_log, read_run


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own, and how to give it more room."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    if os.geteuid() or mount("size=450k").returncode:
        pytest.skip("only root may mount a disk")
    yield folder, lambda: mount("remount,size=20m").check_returncode()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


@pytest.mark.slow
def test_a_full_disk_ends_the_sweep_and_the_same_command_goes_on_once_there_is_room(
    disk, spec, nnlite, tmp_path, numbers, check_log
):
    """F18, F19."""
    folder, make_room = disk
    path = spec("[grid]\nlearning_rate = [0.1, 0.3]\nmomentum = [0.0, 0.9]", fixed="epochs = 30")
    nnlite("sweep", path, "-j", 2, "--experiments", tmp_path / "roomy", code=0)
    for _ in range(2):
        done = nnlite("sweep", path, "-j", 2, "--experiments", folder, code=1)
        assert "free some space" in done.stderr
        assert "Traceback" not in done.stderr
        statuses = {read_run(each).status for each in find_runs(folder)}
        assert statuses <= {"completed", "interrupted"}, "no trial is blamed"
        assert not any(read_log(each.log)[1] for each in find_runs(folder)), "no line is torn"
        nnlite("runs", folder, code=0)
    make_room()
    nnlite("sweep", path, "-j", 2, "--experiments", folder, code=0)
    for each in find_runs(folder):
        check_log(each.log, 30)
        assert numbers(each) == numbers(tmp_path / "roomy" / "tiny" / each.name)
        assert not each.leftovers()
    assert len(list(find_runs(folder))) == 4
