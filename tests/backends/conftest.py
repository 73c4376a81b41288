"""What the tests of clusters share: real schedulers and workers, each with a folder, a home and a cache of its own."""

import importlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from nnlite.models import HYPERPARAMETERS
from nnlite.sweep.spec import Objective
from nnlite.sweep.trials import Trial

FAULTS = '''
"""Trainings with a fault, as a module that workers can import."""
import os, signal, time
from nnlite.sweep.worker import make_training

def hang(trial):
    if trial.seed == 0:
        time.sleep(1000)
    return make_training(trial)

def die(trial):
    if trial.seed == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return make_training(trial)

def kill_the_worker(trial):
    if trial.seed == 0:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    return make_training(trial)
'''


def script(name):
    """The program that a package installed beside this Python."""
    return Path(sys.executable).with_name(name)


def eventually(condition, seconds=300.0):
    """What `condition` returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return result


class Processes:
    """Processes that are ended with the test, and all that they have started."""

    def __init__(self, root):
        self.root = root
        self.started = []

    def start(self, *command, name, **variables):
        """Start one in a folder of its own, which is also its home, its cache and its folder for temporary files."""
        folder = self.root / name
        (folder / "tmp").mkdir(parents=True)
        own = {"HOME": str(folder), "NNLITE_CACHE": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
        with (folder / "output").open("w") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env={**os.environ, **own, "PYTHONPATH": self.python_path(), **variables},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def python_path(self):
        (self.root / "faults.py").write_text(FAULTS)
        here = Path(__file__).parents[2]
        return os.pathsep.join([str(self.root), str(here)])

    def end(self):
        family = [child for process in self.started for child in family_of(process.pid)]
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, timeout=15)
        for process in left:
            process.kill()
        for process in self.started:
            process.wait(60)


def family_of(pid):
    """A process and all that it has started, directly or not."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class DaskCluster:
    """A scheduler and workers of one thread each."""

    backend = "dask"

    def __init__(self, root, workers=2, *, nanny=True):
        self.processes = Processes(root)
        file = root / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file]
        self.scheduler = self.processes.start(script("dask"), "scheduler", *options, name="scheduler")
        eventually(lambda: file.exists() and file.stat().st_size)
        self.address = json.loads(file.read_text())["address"]
        nanny = "--nanny" if nanny else "--no-nanny"
        options = [nanny, "--nthreads", 1, "--nworkers", 1, "--no-dashboard"]
        self.workers = [
            self.processes.start(script("dask"), "worker", self.address, *options, name=f"worker{number}")
            for number in range(workers)
        ]
        import distributed  # noqa: PLC0415 - may be missing

        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=300)

    def end(self):
        self.processes.end()


class RayCluster:
    """A head, which has all the processors."""

    backend = "ray"

    def __init__(self, root, workers=2):
        self.processes = Processes(root)
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        # ray puts sockets there, whose paths must be short
        self.folder = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
        options = ["--num-cpus", workers, "--include-dashboard", "false", "--object-store-memory", 100 << 20]
        place = ["--node-ip-address", "127.0.0.1", "--port", port, "--temp-dir", self.folder.name]
        self.processes.start(
            script("ray"), "start", "--head", "--block", *options, *place, name="head", RAY_USAGE_STATS_ENABLED="0"
        )
        eventually(lambda: is_open(port))

    def end(self):
        self.processes.end()
        self.folder.cleanup()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def is_open(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


CLUSTERS = {"dask": DaskCluster, "ray": RayCluster}


@pytest.fixture(scope="session", params=["dask", "ray"])
def kind(request):
    """Each kind of cluster whose packages are installed."""
    if importlib.util.find_spec({"dask": "distributed", "ray": "ray"}[request.param]) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture(scope="session")
def cluster(kind, tmp_path_factory, cache):  # noqa: ARG001 - workers have others
    """A cluster with two workers, for tests that leave it as it is."""
    cluster = CLUSTERS[kind](tmp_path_factory.mktemp(kind))
    yield cluster
    cluster.end()


@pytest.fixture
def new_cluster(tmp_path):
    """Start a cluster that the test may harm."""
    started = []

    def start(kind, **options):
        root = tmp_path / "cluster"
        root.mkdir(exist_ok=True)
        started.append(CLUSTERS[kind](root, **options))
        return started[0]

    yield start
    for cluster in started:
        cluster.end()


@pytest.fixture
def trial(digits):
    """Make a trial of the small dataset."""

    def make(seed=0, **config):
        config = HYPERPARAMETERS["classifier"].model_validate({"validation": 300, "hidden": [16], "epochs": 3} | config)
        return Trial("tiny", "classifier", digits, config, seed, Objective("val_acc", "maximize"))

    return make


@pytest.fixture
def faults(cluster, monkeypatch):
    """The module of faulty trainings, found here as on the workers."""
    monkeypatch.syspath_prepend(str(cluster.processes.root))
    sys.modules.pop("faults", None)
    return importlib.import_module("faults")
