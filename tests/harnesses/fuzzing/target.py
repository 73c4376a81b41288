"""A target: one reader of foreign bytes, with inputs to start from.

Both engines hand a target nothing but bytes, so that an input that was found by one can be replayed alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

REPOSITORY = Path(__file__).parents[3]
MEGABYTE = 1 << 20

Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        name: on the command line and in the table.
        prepare: given an empty folder, returns the function that reads one input. That function raises `NnliteError`
            for an input that it refuses, and `AssertionError` where two readers of the same input disagree.
        seeds: real inputs for the coverage-guided engine to mutate.
        inputs: well-formed and nearly well-formed inputs, for hypothesis.
        words: tokens that the coverage-guided engine inserts.
        longest: bytes of the longest mutated input.
        share: of all inputs, relative to the other targets: cheap readers get more.
        generated: the share of this target's inputs that hypothesis makes.
        memory: bytes that one input may make the process allocate beyond what it had at the start.
        seconds: of processor time that one input may take.
    """

    name: str
    prepare: Callable[[Path], Read]
    seeds: Callable[[], Iterable[bytes]]
    inputs: st.SearchStrategy[bytes]
    words: tuple[str, ...] = ()
    longest: int = 4096
    share: float = 1.0
    generated: float = 0.05
    memory: int = 256 * MEGABYTE
    seconds: float = 5.0
