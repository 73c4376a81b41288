"""A fingerprint: what the bits of a run's numbers depend on beside its configuration, as its log names it.

It is read from a `start` or `resume` event: the versions, the kernels that the BLAS library and NumPy chose for this
processor, the system, the threads, and a GAN's judge. The commit of nnlite's sources is no part of it: that a change of
the code changes no number is what one verifies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIELDS = ("platform", "simd", "threads", "reference")  # beside the versions
ALWAYS = ("nnlite", "python", "numpy", "blas", "libc", "platform", "simd", "threads")  # in logs of today


@dataclass(frozen=True)
class Discrepancy:
    """One part of two fingerprints that is not the same."""

    name: str
    one: str
    other: str


def fingerprint(event: Mapping[str, Any]) -> dict[str, str]:
    """Every part that `event` names."""
    versions = event.get("versions")
    parts = dict(versions) if isinstance(versions, Mapping) else {}
    parts |= {name: event[name] for name in FIELDS if name in event}
    return {name: str(value) for name, value in parts.items() if value is not None}


def discrepancies(one: Mapping[str, str], other: Mapping[str, str]) -> list[Discrepancy]:
    """The parts that both fingerprints name, but not alike."""
    return [Discrepancy(name, value, other[name]) for name, value in one.items() if other.get(name, value) != value]


def unnamed(parts: Mapping[str, str]) -> list[str]:
    """What a log of today would name, and this one, being older, does not."""
    return [name for name in ALWAYS if name not in parts]
