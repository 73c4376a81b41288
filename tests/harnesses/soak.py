"""Soak: a long sweep of short trials with a fault every few seconds, of which nothing is lost and nothing left behind.

    python tests/harnesses/soak.py --trials 2000 --minutes 30 --seed 1

The faults: a killed worker, a trial that hangs, an exception, a stopped worker or driver, a clock that jumps by an
hour; and, which end a call, a full disk, a disk that is read-only for a moment, a killed driver. Clock and disk are the
harness's own (`faults.c`). Exit code 1 if anything was lost, changed or left behind.
"""

import argparse
import contextlib
import random
import resource
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from log_checker import check_sweep
from own_world import World, compiler
from sweep_files import sweep_file, write_digits
from sweep_processes import Driver, gone, marked, semaphores, temporary_files, trials_below

EPOCHS = 4
JOBS = 4  # they sleep most of the time
RATES = "[grid]\nlearning_rate = [0.1, 0.2, 0.4, 0.8]\n"
LIMITS = 'stall = "5s"\nretries = 100000\nmax_failures = 0\n'
IMAGES = {"train": 300, "t10k": 100}
BETWEEN = (1.0, 5.0)  # seconds
HOUR = 3600
LONGEST_LAST = 600.0  # seconds that the undisturbed calls at the end may take
FLAT_AFTER = 8.0  # seconds of a driver's life that do not count, while it starts its workers
FLAT_LIFE = 30.0  # a shorter one tells nothing
MORE_FILES, MORE_THREADS, MORE_BYTES = 8, 6, 30 << 20  # that a driver may have in the end


@dataclass
class Figures:
    """What a run of the harness has come to."""

    faults: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    trials: int = 0
    attempts: int = 0
    resumes: int = 0
    numbers: int = 0
    lives: int = 0  # of drivers that were long enough to be judged
    longest: float = 0.0
    files: int = 0  # the most that a driver gained of them
    bytes: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass
class Life:
    """What one driver held open, second by second."""

    samples: list[tuple[float, int, int, int]] = field(default_factory=list)  # seconds, files, threads, bytes

    def note(self, driver: Driver) -> None:
        """Look at it, once a second."""
        if driver.seconds < (self.samples[-1][0] + 1.0 if self.samples else FLAT_AFTER):
            return
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(driver.pid)
            with process.oneshot():
                now = process.num_fds(), process.num_threads(), process.memory_info().rss
            self.samples.append((driver.seconds, *now))

    def growth(self) -> tuple[float, float, float] | None:
        """What the median of the last third has more than that of the first; None if it was too short a life."""
        if not self.samples or self.samples[-1][0] < FLAT_LIFE:
            return None
        third = max(1, len(self.samples) // 3)
        first, last = self.samples[:third], self.samples[-third:]
        files, threads, size = (
            statistics.median(each[column] for each in last) - statistics.median(each[column] for each in first)
            for column in (1, 2, 3)
        )
        return files, threads, size


class Soak:
    """A run of the harness.

    Args:
        work: a folder for everything.
        seed: of the faults.
        trials: how many to train.
        minutes: in which they are to be trained, more or less.
    """

    def __init__(self, work: Path, seed: int, trials: int, minutes: float) -> None:
        self.figures = Figures()
        self._work = work
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._seconds = minutes * 60
        self._pause = 0.7 * self._seconds * JOBS / trials / EPOCHS
        self._mark = f"soak-{work.name}"
        self._faults = work / "faults"
        self._faults.mkdir()
        self._disk = work / "disk"
        self._disk.mkdir()
        self._world = World(work, self._disk)
        seeds = list(range(-(-trials // 4)))
        data = write_digits(work / "digits", IMAGES)
        self._spec = sweep_file(work / "soak.toml", "classifier", RATES, data, seeds, epochs=EPOCHS, limits=LIMITS)
        self._spec.write_text(self._spec.read_text("utf-8").replace("validation = 300", "validation = 100"), "utf-8")
        self._drivers: set[int] = set()
        self._driver: Driver | None = None  # of the latest call
        self._ending: set[str] = set()  # what was done to the running driver that ends it
        self._due: list[tuple[float, Callable[[], None]]] = []  # what is to be set right again, and when

    def run(self) -> None:
        """Train the reference, then under faults, then the rest in peace, then once more."""
        try:
            self._run()
        finally:
            self._set_right(everything=True)
            if self._driver:
                self._driver.kill()

    def _run(self) -> None:
        print(f"{self._pause:.2f} s of waiting in each epoch", flush=True)
        reference = self._call("reference", disturbed=False)
        reference.process.wait()
        self._judge(reference)
        deadline = time.monotonic() + self._seconds
        done = False
        while not done and time.monotonic() < deadline:
            done = self._disturbed(deadline) == 0
        for path in self._faults.iterdir():
            path.unlink()
        last: Driver | None = None
        ends = time.monotonic() + LONGEST_LAST
        while not done and time.monotonic() < ends:
            last = self._call("disk", disturbed=False)
            last.process.wait()
            self._judge(last)
            done = last.process.returncode == 0
        if not done:
            self.figures.findings.append(f"not done: {last.said[-500:] if last else ''}")
        self._check()

    def _disturbed(self, deadline: float) -> int:
        """One call under faults; its exit code."""
        self._ending.clear()
        driver = self._call("disk", disturbed=True)
        life = Life()
        ends_after = self._random.uniform(max(20.0, self._seconds / 90), max(60.0, self._seconds / 15))
        next_fault = time.monotonic() + self._random.uniform(*BETWEEN)
        while driver.running() and time.monotonic() < deadline:
            time.sleep(0.05)
            life.note(driver)
            self._set_right()
            if time.monotonic() >= next_fault and not self._ending:
                names = ENDING if driver.seconds > ends_after else PASSING
                self._strike(driver, self._random.choice(names))
                next_fault = time.monotonic() + self._random.uniform(*BETWEEN)
        self._set_right(everything=True)
        if driver.running():
            driver.sent.append(signal.SIGTERM)
            driver.process.terminate()
        with contextlib.suppress(TimeoutError):
            driver.process.wait(60)
        self._judge(driver)
        self._judge_life(life)
        return driver.process.returncode

    def _strike(self, driver: Driver, fault: str) -> None:
        """Have a fault occur."""
        workers = trials_below(driver.pid)
        now = time.monotonic()
        match fault:
            case "hang" | "raise":
                (self._faults / fault).touch()
            case "clock":
                self._world.clock = self._random.choice(sorted({-HOUR, 0, HOUR} - {self._world.clock}))
            case "full" | "read-only":
                self._world.disk = fault
                self._due.append((now + self._random.uniform(0.2, 2.0), self._mend_disk))
                self._ending.add(fault)
            case "kill" | "stop" if not workers:
                return
            case "kill":
                _send(self._random.choice(workers).pid, signal.SIGKILL)
            case "stop":
                self._stop(self._random.choice(workers).pid, self._random.uniform(0.5, 8.0))
            case "stop driver":
                self._stop(driver.pid, self._random.uniform(0.5, 3.0))
            case "kill driver":
                driver.sent.append(signal.SIGKILL)
                self._ending.add(fault)
                driver.process.kill()
        self.figures.faults[fault] += 1

    def _stop(self, pid: int, seconds: float) -> None:
        _send(pid, signal.SIGSTOP)
        self._due.append((time.monotonic() + seconds, lambda: _send(pid, signal.SIGCONT)))

    def _mend_disk(self) -> None:
        self._world.disk = "well"
        self._ending.clear()  # a call may outlive it

    def _set_right(self, *, everything: bool = False) -> None:
        for each in list(self._due):
            if everything or time.monotonic() >= each[0]:
                self._due.remove(each)
                each[1]()

    def _call(self, name: str, *, disturbed: bool) -> Driver:
        environment = {"HARNESS_CHECKPOINT": "0.1"}
        if disturbed:
            environment |= self._world.environment
            environment |= {"HARNESS_PAUSE": f"{self._pause}", "HARNESS_FAULTS": str(self._faults)}
        experiments = self._disk if name == "disk" else self._work / name
        jobs = JOBS if disturbed else 2
        arguments = ["sweep", self._spec, "--experiments", experiments, "-j", jobs]
        driver = Driver(arguments, self._work / f"call-{name}", self._mark, environment)
        self._drivers.add(driver.pid)
        self._driver = driver
        return driver

    def _judge(self, driver: Driver) -> None:
        """What is wrong with the way in which a call has ended."""
        code = driver.process.returncode
        self.figures.codes[code] += 1
        self.figures.findings += driver.findings()
        if code == 1 and not self._ended_by_disk(driver):
            self.figures.findings.append(f"the call gave up: {driver.said[-500:]}")
        if left := gone(lambda: marked(self._mark)):
            self.figures.findings.append(f"processes left behind: {left}")

    def _ended_by_disk(self, driver: Driver) -> bool:
        return any(text in driver.said.lower() for text in ("no space left", "read-only file system"))

    def _judge_life(self, life: Life) -> None:
        growth = life.growth()
        if growth is None:
            return
        files, threads, size = growth
        seconds = life.samples[-1][0]
        figures = self.figures
        figures.lives += 1
        figures.longest = max(figures.longest, seconds)
        figures.files = max(figures.files, round(files))
        figures.bytes = max(figures.bytes, round(size))
        if files > MORE_FILES or threads > MORE_THREADS or size > MORE_BYTES:
            figures.findings.append(
                f"after {seconds:.0f} s a driver has {files:+.0f} open files, {threads:+.0f} threads, "
                f"{size / 1e6:+.0f} MB"
            )

    def _check(self) -> None:
        """Judge what lies on the disk, and what is left anywhere."""
        folder, figures = self._disk / "soak", self.figures
        before = {path: path.read_bytes() for path in folder.glob("*/run.jsonl")}
        last = self._call("disk", disturbed=False)
        last.process.wait()
        self._judge(last)
        if last.process.returncode or "nothing is left to train" not in last.said:
            figures.findings.append(f"the last call returned {last.process.returncode}: {last.said[-500:]}")
        if before != {path: path.read_bytes() for path in folder.glob("*/run.jsonl")}:
            figures.findings.append("the last call has trained or written something")
        verdict = check_sweep(folder, self._work / "reference" / "soak")
        figures.findings += verdict.findings
        figures.trials, figures.attempts = verdict.trials, verdict.attempts
        figures.resumes, figures.numbers = verdict.resumes, verdict.numbers
        if left := gone(lambda: semaphores(self._drivers)):
            figures.findings.append(f"semaphores left behind: {left}")
        if left := gone(lambda: [each for path in self._work.glob("call-*/tmp") for each in temporary_files(path)]):
            figures.findings.append(f"temporary files left behind: {left}")


PASSING = [*["kill"] * 5, *["hang"] * 2, *["raise"] * 3, *["stop"] * 3, "stop driver", *["clock"] * 3]
ENDING = ["full", "full", "read-only", "read-only", "kill driver"]


def _send(pid: int, signum: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(signum)


def table(figures: Figures, seed: int, minutes: float) -> str:
    """The figures of a run, as a table in Markdown."""
    codes = ", ".join(f"{code} x {count}" for code, count in sorted(figures.codes.items()))
    growth = f"at most {figures.files:+} open files, {figures.bytes / 1e6:+.1f} MB"
    lives = f"in {figures.lives} lives of {FLAT_LIFE:.0f} s or more, the longest {figures.longest:.0f} s"
    rows = [
        ("faults", f"{figures.faults.total()} from seed {seed}: " + ", ".join(_counts(figures.faults))),
        ("calls", f"{figures.codes.total()} (exit codes {codes})"),
        ("trials", f"{figures.trials} in {figures.attempts} attempts, {figures.resumes} from a checkpoint"),
        ("compared", f"{figures.numbers} logged values, and all arrays"),
        ("growth of a driver", f"{growth} {lives}"),
        ("minutes", f"{minutes:.1f}"),
        ("violations", str(len(figures.findings))),
    ]
    return "\n".join(["| soak | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _counts(counter: Counter[str]) -> Iterator[str]:
    return (f"{count} {name}" for name, count in sorted(counter.items()))


def main() -> int:
    """Run the harness from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None, help="of the faults; default: a new one, which is printed")
    options = parser.parse_args()
    if not sys.platform.startswith("linux") or not compiler():
        print("the soak needs Linux and a C compiler, for a clock and a disk of its own", file=sys.stderr)
        return 2
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda signum, _: sys.exit(128 + signum))  # what was started is ended then
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(f"seed {seed}", flush=True)
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="soak-"))
    soak = Soak(work, seed, options.trials, options.minutes)
    soak.run()
    for each in soak.figures.findings:
        print(f"VIOLATION {each}")
    print(table(soak.figures, seed, (time.monotonic() - began) / 60))
    if soak.figures.findings:
        print(f"what was found lies in {work}")
        return 1
    shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
