"""What a trial, and a sweep, may cost before the runner steps in: the `[limits]` table of a sweep file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a sweep; the default is none, but for a stop when trial after trial fails alike.

    Attributes:
        timeout: seconds of wall time that an attempt at a trial may take; None: any.
        stall: seconds that an attempt may take for an epoch, or before its first; None: any.
        total: seconds of wall time after which a call starts no further trial; None: any.
        retries: how often a trial that failed is tried again.
        max_failures: so many trials that fail alike, one after the other, stop the sweep; 0: never.
    """

    timeout: float | None = None
    stall: float | None = None
    total: float | None = None
    retries: int = 0
    max_failures: int = 5
