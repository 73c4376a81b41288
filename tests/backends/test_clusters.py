"""Sweeps on clusters: the same results as here, whatever happens to the workers, none of whose folders is shared."""

import contextlib
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from nnlite.errors import NnliteError
from nnlite.nn import load_arrays
from nnlite.runs import find_runs, read_log, read_run
from nnlite.sweep import Limits, make_plan, run_trials
from nnlite.sweep.remote import errand, places_of
from nnlite.sweep.worker import make_training

pytestmark = pytest.mark.slow
TIMINGS = {"time", "seconds", "total_seconds", "images_per_second"}
LONG = "epochs = 2000"  # some 20 s: long enough for a checkpoint


class Silent:
    """A listener that hears nothing."""

    def planned(self, _tasks):
        pass

    def started(self, _trial, _folder):
        pass

    def ended(self, _trial, _folder, _outcome):
        pass

    def refresh(self):
        pass


@pytest.fixture
def train(tmp_path, trial):
    """Train trials with the seeds 0 and 1 on a cluster: how each ended, by seed, and their folders."""

    def run(cluster, make=make_training, limits=None, change=lambda trial: trial):
        trials = [change(trial(seed=seed)) for seed in range(2)]
        plan = make_plan(trials, tmp_path / "tiny")
        with places_of(cluster.backend, cluster.address) as places:
            results = run_trials(plan, 2, {}, Silent(), limits=limits or Limits(), make=make, places=places)
        return [results.outcomes[each.id] for each in trials], [plan.run_folder(each) for each in trials]

    return run


def at(cluster, *more):
    return ["--backend", cluster.backend, "--address", cluster.address, *more]


def numbers_in(folder):
    """Of each run: its status, every logged number but timings, the best weights, and the names of its files."""
    result = {}
    for each in find_runs(folder):
        run = read_run(each)
        epochs = [{name: value for name, value in line.items() if name not in TIMINGS} for line in run.epochs]
        summary = {name: value for name, value in run.summary().items() if name not in TIMINGS}
        weights = {name: array.tobytes() for name, array in load_arrays(each.best).items()}
        files = sorted(path.relative_to(each.path).as_posix() for path in each.path.rglob("*"))
        result[each.name] = run.status, epochs, summary, weights, files
    return result


def events_in(folder, kind):
    return [event for each in find_runs(folder) for event in read_log(each.log)[0] if event["event"] == kind]


def lives(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def eventually(condition, seconds=300.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return result


def under_way(folder, count, *, saved=False):
    """The start events of so many runs that are running, once each has an epoch, and a checkpoint if `saved`."""
    runs = [read_run(each) for each in find_runs(folder) if each.checkpoint.exists() or not saved]
    found = [run.start for run in runs if run.epochs and run.status == "running"]
    return found if len(found) >= count else None


def leftovers(cluster):
    return [path for path in cluster.processes.root.glob("*/tmp/nnlite-*/*") if path.is_dir()]


@pytest.mark.parametrize("pruning", ["", '[pruning]\nstrategy = "halving"\n'], ids=["plain", "pruned"])
def test_a_cluster_gives_the_numbers_and_files_that_this_machine_gives(cluster, nnlite, spec, tmp_path, pruning):
    file = spec(f"seeds = 2\n[grid]\nlearning_rate = [0.1, 1.0]\n{pruning}", fixed="epochs = 9")
    nnlite("sweep", file, "--experiments", tmp_path / "here", code=0)
    done = nnlite("sweep", file, "--experiments", tmp_path / "there", *at(cluster), code=0)
    assert "2 at a time" in done.stderr, "as many as the cluster has workers"
    assert numbers_in(tmp_path / "there") == numbers_in(tmp_path / "here")
    assert {start["threads"] for start in events_in(tmp_path / "there", "start")} == {1}
    eventually(lambda: not leftovers(cluster))


def test_a_gan_is_judged_by_the_drivers_judge_wherever_it_trains(cluster, nnlite, spec, tmp_path):
    file = spec("seeds = 2\n", model="gan", fixed="epochs = 2\ndiscriminator_hidden = [16]\nlatent_dim = 4")
    nnlite("sweep", file, "--experiments", tmp_path / "here", code=0)
    nnlite("sweep", file, "--experiments", tmp_path / "there", *at(cluster), code=0)
    here, there = numbers_in(tmp_path / "here"), numbers_in(tmp_path / "there")
    assert here == there
    assert all({"samples.gif", "samples/epoch_0002.png"} <= set(files) for *_, files in there.values())
    assert not list(cluster.processes.root.glob("*/cache/reference/*")), "the worker's own has nothing to do with it"


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_trial_whose_worker_is_killed_goes_on_elsewhere_from_its_checkpoint(
    new_cluster, nnlite, spec, tmp_path, name
):
    """F48: what dask would try again by itself, from the start, is sent anew."""
    pytest.importorskip({"dask": "distributed", "ray": "ray"}[name])
    options = {"nanny": False} if name == "dask" else {}
    cluster = new_cluster(name, workers=3, **options)
    file = spec("seeds = 2\n", fixed=LONG)
    process = nnlite("sweep", file, "--experiments", tmp_path / "there", *at(cluster), wait=False)
    victim = eventually(lambda: under_way(tmp_path / "there", 1, saved=True))[0]
    worker = psutil.Process(victim["pid"]).ppid()
    if name == "dask":
        assert worker in [each.pid for each in cluster.workers]
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: not lives(victim["pid"]))
    output, news = process.communicate(timeout=900)
    assert process.returncode == 0, news
    assert "2 of 2 trials done" in output
    lost = events_in(tmp_path / "there", "end")
    assert [end["status"] for end in lost if "worker was lost" in end.get("error", "")] == ["interrupted"]
    (resumed,) = events_in(tmp_path / "there", "resume")
    assert resumed["epoch"] > 0
    assert resumed["attempt"] == 1, "that is not the trial's fault"
    nnlite("sweep", file, "--experiments", tmp_path / "here", code=0)
    assert numbers_in(tmp_path / "there") == numbers_in(tmp_path / "here")


def test_ctrl_c_ends_the_trials_and_leaves_the_cluster_and_the_same_command_goes_on(cluster, nnlite, spec, tmp_path):
    file = spec("seeds = 2\n", fixed="epochs = 200")
    command = ["sweep", file, "--experiments", tmp_path / "there", *at(cluster)]
    process = nnlite(*command, wait=False)
    pids = [start["pid"] for start in eventually(lambda: under_way(tmp_path / "there", 2))]
    process.send_signal(signal.SIGINT)
    sent = datetime.now(UTC)
    _, news = process.communicate(timeout=120)
    assert process.returncode == 130, news
    assert "Traceback" not in news
    ends = events_in(tmp_path / "there", "end")
    assert [end["status"] for end in ends] == ["interrupted"] * 2
    assert all(datetime.fromisoformat(end["time"]) - sent < timedelta(seconds=2) for end in ends)
    eventually(lambda: not any(map(lives, pids)))
    nnlite(*command, "-j", 1, code=0)
    assert {read_run(each).status for each in find_runs(tmp_path / "there")} == {"completed"}


def test_workers_stop_training_for_a_driver_that_was_killed(cluster, nnlite, spec, tmp_path):
    process = nnlite("sweep", spec("seeds = 2\n", fixed=LONG), "--experiments", tmp_path, *at(cluster), wait=False)
    starts = eventually(lambda: events_in(tmp_path, "start") if len(events_in(tmp_path, "start")) == 2 else None)
    process.kill()
    process.communicate()
    eventually(lambda: not any(lives(start["pid"]) for start in starts))


def test_a_trial_that_hangs_or_dies_there_costs_itself_alone(cluster, train, faults):
    (hung, done), folders = train(cluster, faults.hang, Limits(stall=6.0))
    assert (hung.status, done.status) == ("failed", "completed")
    assert hung.error.startswith("no new epoch for ")
    assert read_run(folders[0]).error == hung.error


def test_a_process_that_dies_there_is_blamed_and_its_worker_lives_on(cluster, train, faults):
    (died, done), folders = train(cluster, faults.die)
    assert (died.status, done.status) == ("failed", "completed")
    assert died.error.startswith("its worker process died (SIGKILL")
    assert read_run(folders[0]).error == died.error


def test_a_worker_without_the_dataset_says_so(cluster, train, digits):
    (outcome, _), _ = train(cluster, change=lambda trial: replace(trial, dataset=replace(digits, checksum="0" * 64)))
    assert outcome.status == "failed"
    assert "is not the driver's: its checksum is" in outcome.error
    missing = replace(digits, name="/nowhere/digits")
    (outcome, _), _ = train(cluster, change=lambda trial: replace(trial, dataset=missing))
    assert outcome.status == "failed"
    assert "/nowhere/digits" in outcome.error


def test_a_worker_with_another_nnlite_is_refused(cluster, train, monkeypatch):
    monkeypatch.setattr(errand, "version", lambda _package: "9.9")
    with pytest.raises(NnliteError, match=r"has nnlite 0\.1\.0, this is 9\.9: install the same on both"):
        train(cluster)


def test_a_trial_that_kills_its_workers_is_given_up(new_cluster, train, monkeypatch):
    pytest.importorskip("distributed")
    cluster = new_cluster("dask", workers=2)  # their nannies replace them
    monkeypatch.syspath_prepend(str(cluster.processes.root))
    import faults  # noqa: PLC0415

    (killer, done), _ = train(cluster, faults.kill_the_worker)
    assert (killer.status, done.status) == ("failed", "completed")
    assert killer.error.startswith("its worker was lost 3 times, and no epoch trained in between")


def test_a_scheduler_that_goes_away_ends_the_sweep_in_order(new_cluster, nnlite, spec, tmp_path):
    pytest.importorskip("distributed")
    cluster = new_cluster("dask", workers=1)
    process = nnlite("sweep", spec(fixed=LONG), "--experiments", tmp_path, *at(cluster), wait=False)
    eventually(lambda: events_in(tmp_path, "epoch"))
    cluster.scheduler.kill()
    _, news = process.communicate(timeout=300)
    assert process.returncode == 1, news
    assert f"the dask cluster at {cluster.address}" in news
    assert "Traceback" not in news
    assert [end["status"] for end in events_in(tmp_path, "end")] == ["interrupted"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_is_not_there_is_one_sentence(nnlite, spec, tmp_path, address):
    pytest.importorskip("distributed")
    done = nnlite("sweep", spec(), "--experiments", tmp_path, "--backend", "dask", "--address", address)
    assert done.returncode == (1 if address.startswith("tcp") else 2)
    assert address in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("nnlite: ")]) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["dask", "ray"])
@pytest.mark.parametrize("module", ["platformdirs", "scipy"])
def test_a_worker_that_cannot_import_what_it_needs_says_which_module_and_where(
    new_cluster, nnlite, spec, tmp_path, name, module
):
    """Platformdirs is imported with nnlite, scipy once a trial begins: neither is the trial's fault."""
    pytest.importorskip({"dask": "distributed", "ray": "ray"}[name])
    broken = tmp_path / "cluster" / f"{module}.py"
    broken.parent.mkdir()
    broken.write_text(f"raise ImportError('it is broken', name={module!r})\n")
    cluster = new_cluster(name, workers=1)
    done = nnlite("sweep", spec("seeds = 3\n"), "--experiments", tmp_path / "e", *at(cluster), code=1)
    for part in (f"cannot import {module}", f"{broken}:1", sys.executable, socket.gethostname(), "at fault, not the"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not [end for end in events_in(tmp_path / "e", "end") if end["status"] == "failed"]
    broken.unlink()
