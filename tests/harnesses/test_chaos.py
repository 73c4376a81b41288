"""Sweeps under signals and faults end with the numbers of undisturbed ones; the long versions are commands."""

import errno
import subprocess
import sys
import time
from pathlib import Path

import own_world
import pytest

HARNESSES = Path(__file__).parent


def run(name, *arguments):
    command = [sys.executable, str(HARNESSES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("mnist")
def test_sweeps_under_signals_lose_nothing_and_leave_nothing_behind():
    said = run("chaos.py", "--signals", 16, "--trials", 12, "--seeds", 1, "--seed", 1, "--places", "here")
    assert "| violations | 0 |" in said


@pytest.mark.slow
@pytest.mark.usefixtures("mnist")
def test_a_minute_of_faults_loses_nothing_and_leaves_nothing_behind():
    if not sys.platform.startswith("linux") or not own_world.compiler():
        pytest.skip("a clock and a disk of its own need Linux and a C compiler")
    said = run("soak.py", "--trials", 60, "--minutes", 1, "--seed", 1)
    assert "| violations | 0 |" in said


def test_the_clock_and_the_disk_of_a_harness_are_seen_by_its_processes_alone(tmp_path):
    if not sys.platform.startswith("linux") or not own_world.compiler():
        pytest.skip("a clock and a disk of its own need Linux and a C compiler")
    disk = tmp_path / "disk"
    disk.mkdir()
    world = own_world.World(tmp_path, disk)
    program = (
        "import sys, time\nfor line in sys.stdin:\n try:\n  open(line.strip(), 'ab').write(b'x' * 10)\n  error = 0\n"
        " except OSError as found:\n  error = found.errno\n print(error, round(time.time()), flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=world.environment
    )

    def ask(path):
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        error, seconds = map(int, process.stdout.readline().split())
        return error, round((seconds - time.time()) / 3600)

    with process:
        assert ask(disk / "a") == (0, 0)
        world.clock, world.disk = 3600, "full"
        assert ask(disk / "b") == (errno.ENOSPC, 1)
        assert ask(tmp_path / "elsewhere") == (0, 1)
        (disk / "from outside").write_bytes(b"x")
        world.clock, world.disk = -3600, "read-only"
        assert ask(disk / "a") == (errno.EROFS, -1)
        world.clock, world.disk = 0, "well"
        assert ask(disk / "b") == (0, 0)
        process.stdin.close()
