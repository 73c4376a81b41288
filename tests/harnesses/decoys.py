"""Decoys: what looks like nnlite's own and is not, beside everything that nnlite removes, replaces or empties.

    python tests/harnesses/decoys.py                    # with real dask and ray clusters, about two minutes
    python tests/harnesses/decoys.py --backends loky    # this machine's workers alone

Each scene plants decoys (files, links out of the tree, folders, sockets, pipes, other users' files, names that differ
in case or in one digit) beside true leftovers, has `nnlite` do what cleans up there, and looks at both: each decoy must
be as it was, to the byte and the time stamp, and each true leftover gone. Exit code 1 if one is not.
"""

import argparse
import contextlib
import gzip
import json
import os
import random
import runpy
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nnlite.data import idx
from nnlite.files import aside

NOBODY = 65534
TWO_HOURS = 7200
ABANDON = """
import os, signal, sys
from nnlite.scratch import scratch
from nnlite.sweep.remote.errand import SCRATCH
with scratch("errand", SCRATCH) as folder:
    (folder / "run" / "samples").mkdir(parents=True)
    (folder / "run" / "run.jsonl").write_text("{}")
    (folder / "run" / "samples" / "epoch_0001.png").write_text("a picture")
    print(folder, flush=True)
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


class Decoys:
    """What must not be touched, and what must be gone, in one scene."""

    def __init__(self, outside: Path) -> None:
        self._outside = outside  # where links lead to
        self._before: dict[Path, tuple[object, ...]] = {}
        self._gone: list[Path] = []
        self._open: list[socket.socket] = []
        self.kinds: Counter[str] = Counter()

    def file(self, path: Path, content: bytes = b"a chapter", *, owner: int | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.keep(path, "file", owner)

    def folder(self, path: Path, *, owner: int | None = None) -> None:
        path.mkdir(parents=True)
        self.file(path / "chapter.txt")
        self.keep(path, "folder", owner)

    def link(self, path: Path, to: Path) -> None:
        path.symlink_to(to)
        self.keep(path, "link")

    def pipe(self, path: Path) -> None:
        os.mkfifo(path)
        self.keep(path, "pipe")

    def socket(self, path: Path) -> None:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket must be short
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(path.name)
        os.chdir(here)
        self._open.append(bound)
        self.keep(path, "socket")

    def keep(self, path: Path, kind: str, owner: int | None = None) -> None:
        """Have `path` be a decoy from now on."""
        if owner is not None and os.geteuid() == 0:
            os.lchown(path, owner, owner)
            kind = f"other user's {kind}"
        then = time.time() - TWO_HOURS
        if not path.is_symlink():
            os.utime(path, (then, then))
        self.kinds[kind] += 1
        self._before[path] = _state(path)

    def must_go(self, path: Path) -> None:
        """Have `path` be a true leftover, which is to be removed."""
        self.kinds["true leftover"] += 1
        self._gone.append(path)

    def zoo(self, folder: Path, final: str) -> None:
        """Plant one of each kind in `folder`, whose names are as those of files that become `final`."""
        folder.mkdir(parents=True, exist_ok=True)
        target = self._outside / f"{len(self._before)}"
        self.folder(target)
        token = aside(folder / final).name
        for name in (
            f".{final}.part",
            f".{final}.1.tmp",
            f"{final}.part",
            f".{final}.{'0123456789abcdef' * 2}.part",
            token[:-6] + ("0" if token[-6] != "0" else "1") + token[-5:],
            token.upper(),
            f"{token}~",
            token.replace(final[:3], f"{final[:3]}x", 1),
            "notes.tmp",
            ".draft.part",
        ):
            self.file(folder / name)
        if os.geteuid() == 0:
            self.file(folder / aside(folder / final).name, owner=NOBODY)
        self.link(folder / aside(folder / final).name, target)
        self.link(folder / aside(folder / final).name, target / "chapter.txt")
        self.folder(folder / aside(folder / final).name)
        self.pipe(folder / aside(folder / final).name)
        self.socket(folder / aside(folder / final).name)
        true = folder / aside(folder / final).name
        true.write_bytes(b"half a fil")
        self.must_go(true)

    def check(self, scene: str) -> list[str]:
        """What was touched that should not have been, and what is left that should be gone."""
        wrong = [f"{scene}: {path} was removed" for path in self._before if not os.path.lexists(path)]
        wrong += [
            f"{scene}: {path} was changed: {before} before, {now} now"
            for path, before in self._before.items()
            if os.path.lexists(path) and (now := _state(path)) != before
        ]
        wrong += [f"{scene}: {path} is still there" for path in self._gone if os.path.lexists(path)]
        for each in self._open:
            each.close()
        return wrong


def _state(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content: object = None
    if stat.S_ISREG(found.st_mode):
        content = path.read_bytes()
    elif stat.S_ISLNK(found.st_mode):
        content = path.readlink()
    elif stat.S_ISDIR(found.st_mode):
        content = sorted(path.iterdir())
    return (
        stat.filemode(found.st_mode), found.st_uid, found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns,
        content,
    )  # fmt: skip


class Stage:
    """A folder in which one scene plays, with its own temporary folder, cache, experiments and small dataset."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp, self.cache, self.experiments = root / "tmp", root / "cache", root / "e"
        self.tmp.mkdir(parents=True)
        self.decoys = Decoys(root / "outside")
        self.dataset = root / "digits"
        self.living: list[subprocess.Popen[str]] = []  # processes that use their scratch folders
        self._write_dataset()

    def _write_dataset(self) -> None:
        """A small dataset, zipped, so that the cache has to hold it."""
        self.dataset.mkdir()
        rng = np.random.default_rng(0)
        for part, count in (("train", 400), ("t10k", 100)):
            labels = np.arange(count, dtype=np.uint8) % 10
            images = (rng.integers(0, 60, (count, 28, 28)) + labels[:, None, None] * 19).astype(np.uint8)
            for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
                (self.dataset / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx.encode(array)))

    def spec(self, epochs: int = 1, name: str = "s") -> Path:
        path = self.root / f"{name}{epochs}.toml"
        path.write_text(
            f'name = "{name}"\nmodel = "classifier"\ndataset = "{self.dataset}"\nseeds = 2\n'
            f"[fixed]\nhidden = [8]\nvalidation = 100\nepochs = {epochs}\n"
        )
        return path

    def nnlite(self, *arguments: object, code: int | None = 0, **variables: str) -> str:
        """Run `nnlite`; what it says on stderr."""
        environment = {**os.environ, "TMPDIR": str(self.tmp), "NNLITE_CACHE": str(self.cache), **variables}
        done = subprocess.run(
            [sys.executable, "-m", "nnlite", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if code is not None and done.returncode != code:
            raise RuntimeError(f"nnlite {arguments} ended with {done.returncode}, not {code}: {done.stderr}")
        return done.stderr

    def abandoned(self, *, kill: bool = True) -> Path:
        """A scratch folder whose process was killed, or lives."""
        process = subprocess.Popen(
            [sys.executable, "-c", ABANDON, "kill" if kill else "live"],
            env={**os.environ, "TMPDIR": str(self.tmp)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        if kill:
            process.communicate()
        else:
            self.living.append(process)
        return folder


def in_a_runs_folder(stage: Stage) -> None:
    """A trial that goes on cleans up in its folder."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    for log in sorted(stage.experiments.rglob("run.jsonl")):
        for name in ("checkpoint.npz", "best.npz"):
            stage.decoys.zoo(log.parent, name)
        stage.decoys.zoo(log.parent / "samples", "epoch_0001.png")
        stage.decoys.file(log.parent / "notes.md")
    stage.nnlite("sweep", stage.spec(2), "--experiments", stage.experiments)


def where_samples_are_a_link(stage: Stage) -> None:
    """Whose samples were moved away has a link there, which no clean-up follows."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    elsewhere = stage.root / "elsewhere"
    elsewhere.mkdir()
    stage.decoys.file(elsewhere / aside(elsewhere / "epoch_0001.png").name)
    for log in sorted(stage.experiments.rglob("run.jsonl")):
        stage.decoys.link(log.parent / "samples", elsewhere)
    stage.nnlite("sweep", stage.spec(2), "--experiments", stage.experiments, code=2)


def where_a_runs_files_are_links(stage: Stage) -> None:
    """Whoever made a link there of a file of a run has it kept."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    (log, *_) = sorted(stage.experiments.rglob("run.jsonl"))
    for name in ("best.npz", "checkpoint.npz", "mistakes.png", "samples.gif", "run.jsonl"):
        path = log.with_name(name)
        if path.exists():
            path.rename(stage.root / name)
            stage.decoys.keep(stage.root / name, "file")
        stage.decoys.link(path, stage.root / name)
        stage.nnlite("sweep", stage.spec(2), "--experiments", stage.experiments, code=2)


def beside_an_index(stage: Stage) -> None:
    """Readers of many runs leave an index beside them."""
    sweep = stage.experiments / "many"
    for number in range(120):
        folder = sweep / f"{number:012x}"
        folder.mkdir(parents=True)
        events = [
            {"event": "start", "time": "2026-01-01T00:00:00.000Z", "schema": 1, "run": folder.name, "sweep": "many",
             "model": "classifier", "dataset": "mnist", "config": {"hidden": [8], "epochs": 1}, "seed": number},
            {"event": "epoch", "time": "2026-01-01T00:00:01.000Z", "epoch": 1, "val_acc": 0.5},
            {"event": "end", "time": "2026-01-01T00:00:02.000Z", "status": "completed", "metrics": {"epochs": 1}},
        ]  # fmt: skip
        (folder / "run.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    stage.decoys.zoo(sweep, ".runs.index")
    time.sleep(2.1)  # younger logs are not kept in an index
    stage.nnlite("best", "--experiments", stage.experiments)
    assert (sweep / ".runs.index").exists()
    (sweep / ".runs.index").unlink()
    stage.decoys.file(sweep / ".runs.index", b"an index of my own")
    stage.nnlite("best", "--experiments", stage.experiments)


def in_the_cache(stage: Stage) -> None:
    """What is unzipped into the cache is written aside there."""
    for name in ("0" * 64, "a" * 64):
        stage.decoys.zoo(stage.cache / "idx", name)
    stage.decoys.file(stage.cache / "idx" / "stale.tmp")
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)


def among_reports(stage: Stage) -> None:
    """A report replaces its own pages and pictures alone."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    out = stage.root / "pages"
    stage.nnlite("report", stage.experiments, "--out", out)
    stage.decoys.zoo(out / "s", "README.md")
    stage.decoys.zoo(out, "report.html")
    stage.decoys.file(out / "s" / "picture.png")
    stage.decoys.file(out / "figure.png")
    stage.nnlite("sweep", stage.spec(2), "--experiments", stage.experiments)
    stage.nnlite("report", stage.experiments, "--out", out)
    stage.nnlite("report", stage.experiments, "--out", out, "--html")
    for name, own in (("README.md", "s/README.md"), ("learning-curves.png", "s/learning-curves.png")):
        for kind in ("file", "link"):
            foreign = stage.root / f"foreign-{kind}-{name}"
            path = foreign / own
            path.parent.mkdir(parents=True)
            if kind == "file":
                stage.decoys.file(path)
            else:
                stage.decoys.link(path, out / own)
            stage.nnlite("report", stage.experiments, "--out", foreign, code=2)


def where_files_are_wanted(stage: Stage) -> None:
    """Commands that are told where to write never replace what is there."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    for form in ("csv", "parquet", "tensorboard", "optuna"):
        path = stage.root / f"export-{form}"
        stage.decoys.file(path)
        stage.nnlite("export", stage.experiments, "--to", form, "--out", path, code=2)
        link = stage.root / f"link-{form}"
        stage.decoys.link(link, stage.root / "nowhere")
        stage.nnlite("export", stage.experiments, "--to", form, "--out", link, code=2)
    for name in ("sweep.toml", "link.toml"):
        if name == "link.toml":
            stage.decoys.link(stage.root / name, stage.root / "nowhere.toml")
        else:
            stage.decoys.file(stage.root / name)
        stage.nnlite("init", stage.root / name, code=2)
    published = Path(__file__).parents[2] / "experiments"
    stage.decoys.file(stage.root / "mine.png")
    stage.nnlite("sample", "40e5b", "--experiments", published, "--out", stage.root / "mine.png", code=2)


def where_a_lock_is_wanted(stage: Stage) -> None:
    """A sweep's lock is a file that is emptied before the holder is written into it."""
    for kind in ("file", "link", "pipe", "folder"):
        path = stage.root / kind / "s" / ".driver"
        path.parent.mkdir(parents=True)
        if kind == "link":
            stage.decoys.file(stage.root / "diary")
            stage.decoys.link(path, stage.root / "diary")
        else:
            getattr(stage.decoys, kind)(path)
        stage.nnlite("sweep", stage.spec(1), "--experiments", stage.root / kind, code=None)


def plant_scratch_folders(stage: Stage) -> None:
    """Plant an abandoned scratch folder, much that looks like one, and one that is in use."""
    decoys = stage.decoys
    for name in (
        "nnlite-thesis",
        "nnlite-",
        "nnlite-verify-0",
        "nnlite-scratch",
        "NNLITE-SCRATCH-0",
        "nnlite-scratch-x",
    ):
        decoys.folder(stage.tmp / name)
    decoys.link(stage.tmp / "nnlite-link", stage.root / "outside")
    gone = stage.abandoned()
    decoys.must_go(gone)
    parent = gone.parent
    decoys.folder(parent / "errand-thesis")
    marker = next(path for path in gone.iterdir() if path.name.startswith("."))
    shutil.copytree(gone, parent / "errand-copied")  # with the marker of another folder
    for spoilt in ("chapter.txt", "run/chapter.txt", "run/samples/epoch_0001.png.bak", "cache/idx/chapter.txt"):
        folder = stage.abandoned()
        decoys.file(folder / spoilt)
        keep_all(decoys, folder)
    for plant in ("link", "pipe", "socket"):
        folder = stage.abandoned()
        path = folder / "run" / "best.npz"
        decoys.link(path, stage.root / "outside") if plant == "link" else getattr(decoys, plant)(path)
        keep_all(decoys, folder)
    if os.geteuid() == 0:
        folder = stage.abandoned()
        decoys.file(folder / "run" / "best.npz", owner=NOBODY)
        keep_all(decoys, folder)
    renamed = stage.abandoned()
    renamed = renamed.rename(parent / "errand-kept-by-its-owner")
    keep_all(decoys, renamed)
    edited = stage.abandoned()
    (edited / marker.name).write_text('{"holds": ".*"}')
    keep_all(decoys, edited)
    keep_all(decoys, parent / "errand-copied")
    keep_all(decoys, stage.abandoned(kill=False))


def keep_all(decoys: Decoys, folder: Path) -> None:
    """Have the folder and all in it be decoys."""
    for place, folders, files in os.walk(folder, topdown=False):
        for name in (*files, *folders):
            decoys.keep(Path(place, name), "abandoned, but in doubt")
    decoys.keep(folder, "abandoned, but in doubt")


def among_temporary_folders(stage: Stage) -> None:
    """Verifying, measuring and measuring again use scratch folders; the first removes the abandoned ones."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    log = next(iter(sorted(stage.experiments.rglob("run.jsonl"))))
    plant_scratch_folders(stage)
    stage.nnlite("verify", log.parent)
    stage.nnlite("sweep", stage.spec(3), "--experiments", stage.experiments, "--dry-run")


def where_the_parent_of_scratch_folders_is_not_ours(stage: Stage) -> None:
    """Whatever stands in its place stays, and the command does its work elsewhere."""
    stage.nnlite("sweep", stage.spec(1), "--experiments", stage.experiments)
    log = next(iter(sorted(stage.experiments.rglob("run.jsonl"))))
    name = f"nnlite-scratch-{os.geteuid()}"
    for kind in ("link", "file", "open to others", "other user's"):
        stage.tmp = stage.root / f"tmp {kind}"
        stage.tmp.mkdir()
        path = stage.tmp / name
        if kind == "link":
            stage.decoys.folder(stage.root / "private")
            stage.decoys.link(path, stage.root / "private")
        elif kind == "file":
            stage.decoys.file(path)
        elif kind == "open to others":
            stage.decoys.folder(path)
            path.chmod(0o777)
            stage.decoys.keep(path, "folder")
        else:
            stage.decoys.folder(path, owner=NOBODY)
            path.chmod(0o700)
            stage.decoys.keep(path, "folder")
            if os.geteuid() != 0:
                continue
        stage.nnlite("verify", log.parent)
        assert sorted(each.name for each in stage.tmp.iterdir()) == [name], "nothing else is left behind"


def on_a_cluster(stage: Stage, backend: str) -> None:
    """Workers of a cluster train in scratch folders of theirs."""
    clusters = runpy.run_path(str(Path(__file__).parents[1] / "backends" / "conftest.py"))["CLUSTERS"]
    before = {**os.environ}
    # The decoys lie in the temporary folder of the workers: the tests' clusters give each of them one of its own.
    cluster_root = stage.root / "cluster"
    cluster_root.mkdir()
    os.environ["NNLITE_CACHE"] = str(stage.cache)
    cluster = clusters[backend](cluster_root, workers=1)
    try:
        for tmp in sorted(cluster_root.glob("*/tmp")):
            stage.tmp = tmp
            plant_scratch_folders(stage)
        stage.nnlite(
            "sweep", stage.spec(2), "--experiments", stage.experiments,
            "--backend", backend, "--address", cluster.address,
            TMPDIR=str(stage.root / "tmp"),
        )  # fmt: skip
    finally:
        cluster.end()
        os.environ.clear()
        os.environ.update(before)
    if backend == "dask":  # the scheduler trains nothing, and so cleans nothing up
        stage.decoys._gone = [path for path in stage.decoys._gone if "worker" in str(path)]


SCENES = (
    in_a_runs_folder,
    where_samples_are_a_link,
    where_a_runs_files_are_links,
    beside_an_index,
    in_the_cache,
    among_reports,
    where_files_are_wanted,
    where_a_lock_is_wanted,
    among_temporary_folders,
    where_the_parent_of_scratch_folders_is_not_ours,
)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="decoys") as name:
        yield Path(name)


def play(scene: str, root: Path) -> tuple[Counter[str], list[str]]:
    """Play one scene in `root`: how many decoys of each kind there were, and what went wrong."""
    stage = Stage(root)
    if scene in ("dask", "ray"):
        on_a_cluster(stage, scene)
    else:
        next(each for each in SCENES if each.__name__ == scene)(stage)
    wrong = stage.decoys.check(scene)
    for process in stage.living:
        process.communicate()
    return stage.decoys.kinds, wrong


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", nargs="*", choices=["loky", "dask", "ray"], default=["loky", "dask", "ray"])
    parser.add_argument("--seed", type=int, default=0, help="of the order of the scenes")
    arguments = parser.parse_args()
    scenes = [each.__name__ for each in SCENES] if "loky" in arguments.backends else []
    scenes += [each for each in arguments.backends if each != "loky"]
    random.Random(arguments.seed).shuffle(scenes)  # noqa: S311 - an order
    total: Counter[str] = Counter()
    wrong: list[str] = []
    for scene in scenes:
        began = time.monotonic()
        with short_folder() as root:
            kinds, faults = play(scene, root)
        total += kinds
        wrong += faults
        print(f"{scene:50} {sum(kinds.values()):5} planted {len(faults):3} wrong {time.monotonic() - began:6.1f} s")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(total.items())))
    print("\n".join(wrong) or f"all {sum(total.values())} as they should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
