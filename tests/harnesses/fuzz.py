"""Fuzzing: feeds foreign bytes to all that reads them, and sees that nnlite's promises hold for each.

    python tests/harnesses/fuzz.py --inputs 1000000 --seed 1
    python tests/harnesses/fuzz.py --target condition --inputs 50000
    python tests/harnesses/fuzz.py --list

What is promised stands in `fuzzing/guard.py`, who reads what in the other modules there. Each target runs under two
engines, each in a process of its own, which is watched: one that stands still or dies is a finding as well. Where
atheris is not installed, hypothesis makes all inputs. Exit code 1 where anything was found; each finding is written
with its input to `--out`, and `--replay FILE` tries such an input again.
"""

import argparse
import base64
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
STILL = 60.0  # seconds of the clock in which a process must have got on to the next input
STARTING = 300.0  # the same for its start, which takes long on a busy machine
BEGIN = time.monotonic()
ENGINES = ("hypothesis", "atheris")


@dataclass
class Result:
    """What came of one target under one engine."""

    target: str
    engine: str
    inputs: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    peak: int = 0
    coverage: tuple[int, int] = (0, 0)
    findings: list[dict[str, str]] = field(default_factory=list)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets and engines together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--still", type=float, default=STILL, help="seconds of the clock that an input may take")
    parser.add_argument("--target", action="append", help="this one alone; may be repeated")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="this one alone")
    parser.add_argument("--out", type=Path, help="where findings are written, a file of JSON lines")
    parser.add_argument("--short", action="store_true", help="hypothesis alone, all targets in one process")
    parser.add_argument("--list", action="store_true", help="list the targets")
    parser.add_argument("--replay", type=Path, help="try the findings in this file again")
    parser.add_argument("--child", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return _child(*arguments.child)
    from fuzzing.targets import NAMES, target  # noqa: PLC0415 - a child loads them instrumented

    chosen = {name: target(name) for name in arguments.target or NAMES}
    if arguments.list:
        print("\n".join(chosen))
        return 0
    if arguments.replay:
        return _replay(arguments.replay)
    if arguments.short:
        return _report(_together(list(chosen), arguments.inputs, arguments.seed), arguments)
    engines = [each for each in arguments.engine or ENGINES if each != "atheris" or importlib.util.find_spec(each)]
    whole = sum(each.share for each in chosen.values())
    results = []
    print(f"seed {arguments.seed}; engines: {', '.join(engines)}", flush=True)
    tasks: list[tuple[str, str, int]] = []
    for name, each in chosen.items():
        inputs = math.ceil(arguments.inputs * each.share / whole)
        generated = inputs if "atheris" not in engines else round(inputs * each.generated)
        shares = {"hypothesis": generated if "hypothesis" in engines else 0}
        shares["atheris"] = inputs - shares["hypothesis"] if "atheris" in engines else 0
        tasks += [(name, engine, count) for engine, count in shares.items() if count]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        started = [pool.submit(_watched, *task, arguments.seed, arguments.still) for task in tasks]
        for future in as_completed(started):
            results.append(future.result())
            _print(results[-1])
    return _report(results, arguments)


def _report(results: list[Result], arguments: argparse.Namespace) -> int:
    """Say and write down what was found; the exit code."""
    findings = [finding for result in results for finding in result.findings]
    if arguments.out:
        arguments.out.write_text("".join(json.dumps(each) + "\n" for each in findings), "utf-8")
    minutes = (time.monotonic() - BEGIN) / 60
    total = sum(result.inputs for result in results)
    print(f"{total:,} inputs, {minutes:.1f} minutes, {len(findings)} findings", flush=True)
    return 1 if findings or total < arguments.inputs * 0.99 else 0


def _print(result: Result) -> None:
    """A line for the table, and one for each finding."""
    coverage = f"{result.coverage[0]:,} -> {result.coverage[1]:,} branches" if result.coverage[1] else ""
    print(
        f"{result.target:<12} {result.engine:<10} {result.inputs:>9,} inputs {result.refused:>9,} refused "
        f"{result.seconds:>6.1f} s  slowest {result.slowest:.3f} s  peak {result.peak >> 10:,} MB  "
        f"{len(result.findings)} findings  {coverage}",
        flush=True,
    )
    for each in result.findings:
        print(f"    {each['kind']} at {each['where']}: {each['what']}")
        print(f"    {base64.b64decode(each['input'])[:300]!r}", flush=True)


def _watched(target: str, engine: str, inputs: int, seed: int, still: float) -> Result:
    """Run one target under one engine to the end, in as many processes as that takes."""
    result = Result(target, engine)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_memory_folder()) as place:
        for number in range(20):
            folder = Path(place) / str(number)
            folder.mkdir()
            left = inputs - result.inputs
            if left <= 0:
                break
            if not _one_process(result, engine, left, seed + number, folder, still):
                break
    result.seconds = time.monotonic() - begin
    return result


def _one_process(result: Result, engine: str, inputs: int, seed: int, folder: Path, patience: float) -> bool:
    """Add what one process finds to `result`; whether it broke off, so that another should go on."""
    shared, found, said = folder / "shared", folder / "found", folder / "said"
    command = [sys.executable, __file__, "--child", result.target, engine, str(inputs), str(seed), str(folder)]
    with said.open("wb") as output:
        process = subprocess.Popen([*command, str(found)], stdout=output, stderr=subprocess.STDOUT)
    last, since, still = -1, time.monotonic(), False
    while process.poll() is None:
        time.sleep(0.1)
        count = _progress(shared)[0]
        if count != last:
            last, since = count, time.monotonic()
        elif time.monotonic() - since > (patience if count else max(patience, STARTING)) and not still:
            still = True
            process.kill()
    count, refused, data, slowest, peak = _progress(shared)
    result.inputs += count
    result.refused += refused
    result.slowest, result.peak = max(result.slowest, slowest), max(result.peak, peak)
    text = said.read_text("utf-8", "replace")
    begun, ended = re.search(r"INITED cov: (\d+)", text), re.search(r"DONE\s+cov: (\d+)", text)
    if begun and ended:
        result.coverage = int(begun[1]), int(ended[1])
    if found.exists():
        known = {(each["kind"], each["where"]) for each in result.findings}
        new = [json.loads(line) for line in found.read_text("utf-8").splitlines()]
        result.findings += [each for each in new if (each["kind"], each["where"]) not in known]
    if still or process.returncode or (count < inputs and engine == "atheris"):
        kind = "hang" if still else "crash"
        what = f"more than {patience:g} s" if still else f"exit code {process.returncode}: {_last_words(text)}"
        finding = {"target": result.target, "kind": kind, "where": "the whole process", "what": what}
        if any(each["kind"] == kind for each in result.findings):
            return False  # again: somebody has to look
        result.findings.append(finding | {"input": base64.b64encode(data).decode()})
        return count > 0  # one that dies at once would do so again
    return False


def _last_words(text: str) -> str:
    """What a process that died has said at its end, or of an exception that nobody caught."""
    lines = [line for line in text.splitlines() if not line.startswith(("#", "stat::", "INFO: Instr", "0x", "Base64"))]
    return "\n".join(lines[-25:])[-2000:]


def _progress(shared: Path) -> tuple[int, int, bytes, float, int]:
    from fuzzing.guard import SHARED  # noqa: PLC0415 - as above

    content = shared.read_bytes()[: 1 << 16] if shared.exists() else b""
    if len(content) < SHARED.size:
        return 0, 0, b"", 0.0, 0
    count, refused, length, slowest, peak = SHARED.unpack_from(content)
    return count, refused, content[SHARED.size : SHARED.size + length], slowest, peak


def _child(name: str, engine: str, inputs: str, seed: str, place: str, found: str) -> int:
    """One target under one engine."""
    folder = Path(place)
    box = folder / "box"
    box.mkdir()
    os.environ.update(NNLITE_CACHE=str(box / "cache"), HOME=str(box), TMPDIR=str(box), MPLCONFIGDIR=str(box))
    tempfile.tempdir = None
    if engine == "atheris":
        import atheris  # noqa: PLC0415 - Linux alone has it

        with atheris.instrument_imports(include=["nnlite"]):
            from fuzzing.targets import target  # noqa: PLC0415 - here it is instrumented

            chosen = target(name)
    else:
        from fuzzing.targets import target  # noqa: PLC0415 - as above

        chosen = target(name)
    from fuzzing import engines, guard  # noqa: PLC0415 - as above

    watcher = guard.Guard(chosen, box, folder / "shared", Path(found))
    if engine == "atheris":
        engines.mutate(watcher, int(inputs), int(seed), folder)
    engines.generate(watcher, int(inputs), int(seed))
    return 0


def _together(names: list[str], inputs: int, seed: int) -> list[Result]:
    """All targets under hypothesis in this process, as many inputs for each."""
    from fuzzing import engines, guard  # noqa: PLC0415 - as above
    from fuzzing.targets import target  # noqa: PLC0415 - as above

    results = []
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_memory_folder()) as place:
        os.environ.update(NNLITE_CACHE=f"{place}/cache", MPLCONFIGDIR=place)
        for name in names:
            folder = Path(place) / name
            (folder / "box").mkdir(parents=True)
            os.environ["NNLITE_CACHE"] = str(folder / "box" / "cache")
            begin = time.monotonic()
            watcher = guard.Guard(target(name), folder / "box", folder / "shared", folder / "found")
            engines.generate(watcher, math.ceil(inputs / len(names)), seed)
            result = Result(name, "hypothesis", seconds=time.monotonic() - begin)
            result.inputs, result.refused, _, result.slowest, result.peak = _progress(folder / "shared")
            if (folder / "found").exists():
                result.findings = [json.loads(line) for line in (folder / "found").read_text("utf-8").splitlines()]
            results.append(result)
            _print(result)
    return results


def _replay(path: Path) -> int:
    """Try findings again, in this process, without a net."""
    from fuzzing.targets import target  # noqa: PLC0415 - as above

    for line in path.read_text("utf-8").splitlines():
        finding = json.loads(line)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            print(f"{finding['target']}: {finding['kind']} at {finding['where']}")
            try:
                target(finding["target"]).prepare(Path(folder))(base64.b64decode(finding["input"]))
            except Exception as error:  # noqa: BLE001 - that is the question
                print(f"    {type(error).__name__}: {error}")
            else:
                print("    taken")
    return 0


def _memory_folder() -> str | None:
    """A folder whose files lie in memory, where there is one: a million small files are written."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - in it a folder of our own


if __name__ == "__main__":
    sys.exit(main())
