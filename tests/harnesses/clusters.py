"""Real clusters for the harnesses, kept for all sweeps on them: dask workers with nannies, and a ray head."""

import importlib.util
import os
import shutil
import subprocess
import time

import psutil
from sweep_processes import HARNESS, command_of, family_of, temporary_files, trials_below

TRIES = 3
START_SECONDS = 120.0


def load_clusters():
    """The classes with which the tests of the backends start their clusters."""
    path = HARNESS.parent / "backends" / "conftest.py"
    spec = importlib.util.spec_from_file_location("backend_clusters", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CLUSTERS


def installed(kind):
    """Whether the packages of a kind of cluster are there."""
    return importlib.util.find_spec({"dask": "distributed", "ray": "ray"}[kind]) is not None


class HarnessCluster:
    """A cluster with two workers, whose processes may be killed: nannies, and ray itself, replace them.

    Args:
        kind: dask or ray.
        work: a folder that does not exist yet; each process gets one of its own in it.
    """

    def __init__(self, kind, work):
        self.kind = kind
        for number in range(TRIES):
            self.work = work / str(number)
            self.work.mkdir(parents=True)
            shutil.copy(HARNESS / "shim" / "sitecustomize.py", self.work)  # in the PYTHONPATH of what is started
            self.cluster = load_clusters()[kind](self.work)
            if self._is_up():
                return
            self.cluster.end()
        raise RuntimeError(f"the {kind} cluster does not start: see {self.work}")

    @property
    def arguments(self):
        """Of the command line."""
        return ["--backend", self.kind, "--address", self.cluster.address]

    def workers(self):
        """The processes that carry out the cluster's tasks; ray's agents are none: a node ends with its agent."""
        if self.kind == "ray":
            found = [(each, command_of(each)) for each in self._family()]
            return [each for each, command in found if command.startswith("ray::") and "Agent" not in command]
        found = [each for nanny in self.cluster.workers for each in psutil_children(nanny.pid)]
        return [each for each in found if "spawn_main" in command_of(each)]

    def trials(self):
        """The processes that train on it."""
        return [trial for process in self.cluster.processes.started for trial in trials_below(process.pid)]

    def temporary_files(self):
        """What workers have left in their folders for temporary files."""
        return [f"{path.parent.name}/{name}" for path in self.work.glob("*/tmp") for name in temporary_files(path)]

    def mend(self):
        """Start nannies again that have given up, as an operator would; then wait for the workers."""
        if self.kind != "dask":
            return
        for number, nanny in enumerate(self.cluster.workers):
            if nanny.poll() is not None:
                self.cluster.workers[number] = self._start_again(nanny, self.work / f"worker{number}")
        deadline = time.monotonic() + 60
        while len(self.workers()) < len(self.cluster.workers) and time.monotonic() < deadline:
            time.sleep(0.2)

    def end(self):
        """End it with all its processes."""
        self.cluster.end()

    def _is_up(self):
        """Whether all of it has started; on a machine that is busy, ray gives up after half a minute."""
        if self.kind == "dask":
            return True
        (head,) = self.cluster.processes.started
        deadline = time.monotonic() + START_SECONDS
        while head.poll() is None and time.monotonic() < deadline:
            if "Ray runtime started" in (self.work / "head" / "output").read_text("utf-8", "replace"):
                return True
            time.sleep(0.2)
        return False

    def _start_again(self, nanny, folder):
        """In the folder that it had, so that what was left there is found."""
        own = {"HOME": str(folder), "NNLITE_CACHE": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
        path = self.cluster.processes.python_path()
        with (folder / "output").open("a") as output:
            process = subprocess.Popen(
                nanny.args,
                cwd=folder,
                env={**os.environ, **own, "PYTHONPATH": path},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.cluster.processes.started.append(process)
        return process

    def _family(self):
        return [each for process in self.cluster.processes.started for each in family_of(process.pid)]


def psutil_children(pid):
    """What the process `pid` has started itself."""
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []
