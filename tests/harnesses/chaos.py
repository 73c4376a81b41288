"""Chaos: sweeps of every strategy and model under signals, which must end with the numbers of undisturbed sweeps.

    python tests/harnesses/chaos.py --signals 500 --trials 300 --seed 1

Each phase trains a sweep undisturbed, then the same under signals to its driver and its workers, here or on a real dask
or ray cluster; a call that a signal ended is made again until the sweep is done, and once more. Then `log_checker`
judges what lies in the folder. Exit code 1 if anything was lost, changed or left behind.
"""

import argparse
import itertools
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clusters import HarnessCluster, installed
from disturbance import KINDS, Disturbance
from log_checker import check_sweep
from sweep_files import STRATEGIES, Strategy, sweep_file, write_digits
from sweep_processes import LONGEST, Driver, gone, marked, semaphores, temporary_files

MOST_CALLS = 100  # of one sweep
MOST_CALM = 3  # of these, which nobody disturbs
SEEDS = 2  # with which 300 trials are more than every phase once
RETRIES = "retries = 1000\nmax_failures = 0\n"
FAILING = "max_failures = 0\n"
# Of disturbed trials: slow enough for signals to meet them, with something to go on from.
SPEED = {"HARNESS_CHECKPOINT": "0.1", "HARNESS_PAUSE": "0.03"}


@dataclass(frozen=True)
class Phase:
    """One sweep to disturb."""

    strategy: Strategy
    model: str
    place: str  # here, dask or ray

    def __str__(self) -> str:
        return f"{self.strategy.name} {self.model} {self.place}"


@dataclass
class Figures:
    """What a run of the harness has come to."""

    phases: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    trials: int = 0
    attempts: int = 0
    resumes: int = 0
    numbers: int = 0
    findings: list[str] = field(default_factory=list)


def phases(places: list[str], strategies: list[str]) -> list[Phase]:
    """Every strategy on both models here, and a choice of both on each cluster; of these, what is asked for."""
    here = [Phase(each, model, "here") for each in STRATEGIES.values() for model in ("classifier", "gan")]
    chosen = (("halving", "classifier"), ("grid", "gan"), ("asha", "classifier"), ("tpe", "gan"))
    there = [Phase(STRATEGIES[name], model, place) for name, model in chosen for place in ("dask", "ray")]
    mixed = itertools.chain.from_iterable(itertools.zip_longest(here[::2] + here[1::2], there))
    return [each for each in mixed if each and each.place in places and each.strategy.name in strategies]


class Chaos:
    """A run of the harness.

    Args:
        work: a folder for everything.
        seed: of the signals.
        signals: how many to send.
        trials: how many to train under them.
        phases: what to train, in turn.
        seeds: of every configuration.
    """

    def __init__(self, work: Path, seed: int, signals: int, trials: int, phases: list[Phase], seeds: int) -> None:
        self.work = work
        self.figures = Figures()
        self.disturbance = Disturbance(seed)
        self._signals = signals
        self._trials = trials
        self._seeds = seeds
        self._order = phases
        self._mark = f"{os.getpid()}-{seed}"
        self._data = write_digits(work / "digits")
        self._clusters: dict[str, HarnessCluster] = {}
        self._drivers: set[int] = set()
        self._driver: Driver | None = None  # of the latest call

    def run(self) -> None:
        """Disturb phase after phase until there were enough trials and signals."""
        try:
            for number in itertools.count():
                if self.figures.trials >= self._trials and self.disturbance.count >= self._signals:
                    break
                self._phase(number, self._order[number % len(self._order)])
            self._check_clusters()
        finally:
            if self._driver:
                self._driver.kill()
            for each in self._clusters.values():
                each.end()

    def _phase(self, number: int, phase: Phase) -> None:
        began = time.monotonic()
        folder = self.work / f"phase{number:02}"
        folder.mkdir()
        before, codes = self.disturbance.count, Counter(self.figures.codes)
        found = list(self._findings(folder, number, phase))
        self.figures.findings += [f"phase {number} ({phase}): {each}" for each in found]
        self.figures.phases[phase.place] += 1
        print(
            f"{time.monotonic() - began:6.1f} s  phase {number:2}  {phase!s:28}"
            f"{self.disturbance.count - before:4} signals  exit codes {dict(self.figures.codes - codes)}"
            f"  {len(found) or 'no'} violations",
            flush=True,
        )
        for each in found:
            print(f"          {each}", flush=True)
        if not found:
            shutil.rmtree(folder)

    def _findings(self, folder: Path, number: int, phase: Phase) -> Iterator[str]:
        seeds = [number // len(self._order) * 100 + each for each in range(self._seeds)]
        limits = FAILING if phase.strategy.failing else RETRIES
        spec = sweep_file(
            folder / "chaos.toml", phase.model, phase.strategy.tables[phase.model], self._data, seeds, limits=limits
        )
        if not phase.strategy.failing:
            yield from self._train_undisturbed(folder, spec, whole=not phase.strategy.order_matters)
        cluster = self._cluster(phase.place)
        yield from self._train_disturbed(folder, spec, cluster, failing=phase.strategy.failing)
        experiments = folder / "disturbed" / "chaos"
        logs = {path: path.read_bytes() for path in experiments.glob("*/run.jsonl")}
        last = self._call(folder, spec, "disturbed", cluster)
        yield from self._end(last)
        if last.process.returncode or "nothing is left to train" not in last.said:
            yield f"the last call returned {last.process.returncode}: {last.said[-500:]}"
        if logs != {path: path.read_bytes() for path in experiments.glob("*/run.jsonl")}:
            yield "the last call has trained or written something"
        reference = None if phase.strategy.failing else folder / "undisturbed" / "chaos"
        verdict = check_sweep(experiments, reference, order_matters=phase.strategy.order_matters)
        yield from verdict.findings
        self.figures.trials += verdict.trials
        self.figures.attempts += verdict.attempts
        self.figures.resumes += verdict.resumes
        self.figures.numbers += verdict.numbers
        yield from self._left_behind(folder, cluster)

    def _train_undisturbed(self, folder: Path, spec: Path, *, whole: bool) -> Iterator[str]:
        """What to compare with; the `whole` trials if the sweep's own pruning depends on the order of arrival."""
        if whole:
            text = spec.read_text("utf-8")
            before, pruning = text.split("[pruning]")
            (folder / "whole").mkdir()
            spec = folder / "whole" / spec.name
            spec.write_text(before + "[limits]" + pruning.split("[limits]")[1], "utf-8")
        driver = self._call(folder, spec, "undisturbed", None)
        yield from self._end(driver)
        if driver.process.returncode:
            yield f"the undisturbed sweep returned {driver.process.returncode}: {driver.said[-500:]}"

    def _train_disturbed(self, folder: Path, spec: Path, cluster, *, failing: bool) -> Iterator[str]:
        most = self._share()
        calm = 0  # calls that nobody disturbed
        for number in range(MOST_CALLS):
            calm += self.disturbance.count >= most
            if calm > MOST_CALM:
                break
            if cluster:
                cluster.mend()
            again = ["--retry-failed"] if failing and number else []
            driver = self._call(folder, spec, "disturbed", cluster, *again)
            self.disturbance.attend(driver, cluster, most=most)
            yield from self._end(driver, cluster)
            self.figures.calls += 1
            self.figures.codes[driver.process.returncode] += 1
            if driver.process.returncode == 0:
                return
            if driver.process.returncode == 1 and not (failing or cluster):
                yield f"the call gave up: {driver.said[-500:]}"
        yield f"not done after {number} calls, the last {calm} in peace: {driver.said[-500:]}"

    def _share(self) -> int:
        """How many signals may have been sent when this phase ends: its part of those that are left."""
        left = self._signals - self.disturbance.count
        still = max(1, round((self._trials - self.figures.trials) / (6 * self._seeds)))
        return self.disturbance.count + max(4, -(-left // still))

    def _call(self, folder: Path, spec: Path, name: str, cluster, *more: str) -> Driver:
        where = cluster.arguments if cluster else []
        arguments = ["sweep", spec, "--experiments", folder / name, "-j", 2, *where, *more]
        variables = SPEED if name == "disturbed" else {}
        driver = Driver(arguments, folder / f"call-{name}", self._mark, variables)
        self._drivers.add(driver.pid)
        self._driver = driver
        return driver

    def _end(self, driver: Driver, cluster=None) -> Iterator[str]:
        """Wait for the end of a call that nobody disturbs any more; a cluster without workers is given some again."""
        deadline = time.monotonic() + LONGEST
        while driver.running() and time.monotonic() < deadline:
            time.sleep(0.05)
            if cluster and not cluster.workers():
                cluster.mend()
        if driver.running():
            yield f"a call has not ended within {LONGEST:.0f} s: {driver.said[-500:]}"
            driver.kill()
        yield from driver.findings()
        # Before the next call, as a person would see it: what the driver had started ends by itself.
        if left := gone(lambda: marked(self._mark)):
            yield f"processes left behind: {left}"

    def _cluster(self, place: str) -> HarnessCluster | None:
        if place == "here":
            return None
        if place not in self._clusters:
            os.environ.update(SPEED)  # of its workers
            self._clusters[place] = HarnessCluster(place, self.work / place)
        return self._clusters[place]

    def _left_behind(self, folder: Path, cluster) -> Iterator[str]:
        if left := gone(lambda: temporary_names(folder)):
            yield f"temporary files left behind: {left}"
        if left := gone(lambda: semaphores(self._drivers)):
            yield f"semaphores left behind: {left}"
        if cluster and (left := gone(cluster.trials, 20.0)):
            yield f"trials still run on the cluster: {left}"

    def _check_clusters(self) -> None:
        """What killed workers have left is removed by those that come after them."""
        for kind, cluster in self._clusters.items():
            folder = self.work / f"last-{kind}"
            folder.mkdir()
            tables = STRATEGIES["grid"].tables["classifier"]
            spec = sweep_file(folder / "chaos.toml", "classifier", tables, self._data, [0], epochs=2)
            cluster.mend()
            driver = self._call(folder, spec, "disturbed", cluster)
            found = list(self._end(driver))
            if driver.process.returncode:
                found.append(f"the last sweep there returned {driver.process.returncode}: {driver.said[-500:]}")
            if left := gone(cluster.temporary_files):
                found.append(f"folders left behind: {left}")
            self.figures.findings += [f"{kind}: {each}" for each in found]
            for each in found:
                print(f"          {kind}: {each}")


def temporary_names(folder: Path) -> list[str]:
    """What the calls of a phase have left in their folders for temporary files."""
    return [name for path in folder.glob("call-*/tmp") for name in temporary_files(path)]


def table(chaos: Chaos, seed: int, minutes: float) -> str:
    """The figures of a run, as a table in Markdown."""
    figures, sent = chaos.figures, chaos.disturbance.sent
    targets = sorted({target for target, _ in sent})
    places = ", ".join(f"{count} {place}" for place, count in figures.phases.items())
    codes = ", ".join(f"{code} x {count}" for code, count in sorted(figures.codes.items()))
    rows = [
        ("signals", f"{sent.total()} from seed {seed}"),
        *(("- to " + target, _by_kind(sent, target)) for target in targets),
        ("sweeps", f"{figures.phases.total()} ({places})"),
        ("calls", f"{figures.calls} disturbed (exit codes {codes}), then one more of each sweep"),
        ("trials", f"{figures.trials} in {figures.attempts} attempts, {figures.resumes} from a checkpoint"),
        ("compared", f"{figures.numbers} logged values, and all arrays"),
        ("minutes", f"{minutes:.1f}"),
        ("violations", str(len(figures.findings))),
    ]
    return "\n".join(["| chaos | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _by_kind(sent: Counter[tuple[str, str]], target: str) -> str:
    counts = [f"{sent[target, kind]} {kind}" for kind in KINDS if sent[target, kind]]
    return f"{sum(sent[target, kind] for kind in KINDS)}: {', '.join(counts)}"


def main() -> int:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=int, default=500)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of every configuration")
    parser.add_argument("--seed", type=int, default=None, help="of the signals; default: a new one, which is printed")
    parser.add_argument("--places", default="here,dask,ray", help="where to train: here, dask, ray; default: all")
    parser.add_argument("--strategies", default=None, help="which, separated by semicolons; default: all")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda signum, _: sys.exit(128 + signum))  # what was started is ended then
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # SIGQUIT would fill the disk
    places = [each for each in options.places.split(",") if each == "here" or installed(each)]
    print(f"seed {seed}, in {', '.join(places)}", flush=True)
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="chaos-"))
    order = phases(places, options.strategies.split(";") if options.strategies else list(STRATEGIES))
    if not order:
        parser.error(f"nothing is to be trained; --strategies knows {'; '.join(STRATEGIES)}")
    chaos = Chaos(work, seed, options.signals, options.trials, order, options.seeds)
    chaos.run()
    print(table(chaos, seed, (time.monotonic() - began) / 60))
    if chaos.figures.findings:
        print(f"what was found lies in {work}")
        return 1
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
