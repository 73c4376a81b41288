"""The engines: hypothesis, which makes inputs that are nearly right, and atheris, which mutates real ones.

Atheris is Google's coverage-guided fuzzer for Python, libFuzzer underneath: inputs that reach new branches of nnlite
are kept and mutated further. It never returns, so each engine runs in a process of its own.
"""

import sys
from pathlib import Path

from fuzzing.guard import Guard
from hypothesis import HealthCheck, Phase, given, seed, settings

CHUNK = 1000  # hypothesis remembers all that it has tried


def generate(guard: Guard, inputs: int, number: int) -> None:
    """Try so many inputs of hypothesis; `number` is the seed."""
    while (left := inputs - guard.count) > 0:
        before = guard.count

        @seed(number)
        @settings(
            max_examples=min(left, CHUNK),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(guard.target.inputs)
        def attempt(data: bytes) -> None:
            if guard.count < inputs:
                guard(data)

        attempt()
        if guard.count == before:
            return  # there are no others
        number += 1_000_003


def mutate(guard: Guard, inputs: int, number: int, folder: Path) -> None:
    """Try so many inputs of atheris, from the target's seeds on; ends the process."""
    import atheris  # noqa: PLC0415 - Linux alone has it

    corpus = folder / "corpus"
    corpus.mkdir()
    for place, data in enumerate(guard.target.seeds()):
        (corpus / f"{place:04d}").write_bytes(data[: guard.target.longest])
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in guard.target.words), "ascii")
    options = [
        f"-runs={inputs}",
        f"-seed={number % (1 << 31) + 1}",
        f"-max_len={guard.target.longest}",
        "-len_control=0",
        "-reload=0",
        "-timeout=100000",  # of the clock, which a busy machine is no measure for; the guard and the watcher look
        "-rss_limit_mb=0",
        "-malloc_limit_mb=0",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
        *([f"-dict={words}"] if guard.target.words else []),
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], guard)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word.encode())
