"""The fuzzing harness: a short run over every target finds nothing, and what is planted is found."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).with_name("fuzz.py")
BOTH = importlib.util.find_spec("atheris") is not None


def fuzz(tmp_path, *arguments):
    """Run the harness; its exit code, what it found, and what it said."""
    out = tmp_path / "findings.jsonl"
    command = [sys.executable, str(HARNESS), "--seed", "1", "--out", str(out), *arguments]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    found = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.exists() else []
    return process.returncode, found, process.stdout + process.stderr


def test_a_short_run_over_every_reader_of_foreign_bytes_finds_nothing(tmp_path):
    code, found, said = fuzz(tmp_path, "--inputs", "2000", "--short")
    assert (code, found) == (0, []), said


@pytest.mark.slow
@pytest.mark.skipif(not BOTH, reason="atheris is for Linux alone")
def test_the_coverage_guided_engine_reaches_new_branches(tmp_path):
    code, found, said = fuzz(tmp_path, "--inputs", "6000", "--engine", "atheris", "--target", "condition")
    assert (code, found) == (0, []), said
    before, after = (int(word.replace(",", "")) for word in said.split("findings")[1].split("branches")[0].split("->"))
    assert after > before


def test_every_broken_promise_is_a_finding(tmp_path):
    code, found, said = fuzz(tmp_path, "--inputs", "90", "--engine", "hypothesis", "--target", "planted")
    assert code == 1
    kinds = {"exception", "sentence", "outside", "memory", "slow", "fickle", "warning"}
    assert {each["kind"] for each in found} == kinds, said
    exceptions = [each["what"] for each in found if each["kind"] == "exception"]
    assert any("KeyError" in what for what in exceptions)
    assert any("MemoryError" in what for what in exceptions)  # not caught, it is a traceback as well
    outside = {word for each in found if each["kind"] == "outside" for word in each["what"].split()}
    assert {"open", "os.remove"} <= outside


@pytest.mark.parametrize(("target", "kind"), [("still", "hang"), ("crash", "crash")])
def test_a_process_that_stands_still_or_dies_is_a_finding_with_its_input(tmp_path, target, kind):
    code, found, said = fuzz(tmp_path, "--inputs", "20", "--engine", "hypothesis", "--target", target, "--still", "1.5")
    assert code == 1
    assert {each["kind"] for each in found} == {kind}, said
