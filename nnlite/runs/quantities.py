"""Numbers as a person writes them: 97.93 %, 0.03, 1e-5, 3 min; never 0.30000000000000004."""

import math

from nnlite.runs.metrics import Metric

MINUTE, HOUR, DAY = 60, 3600, 86400


def number(value: object, digits: int = 4) -> str:
    """A number to so many significant digits, without needless zeros; anything else as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if abs(value) >= 10**digits and abs(value) < 10**9:
        return f"{value:.0f}"
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return f"{mantissa}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    """A time such as 0.4 s, 12 s, 3 min or 2 h 5 min; a dash if it is not known."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if round(seconds / MINUTE) < 100:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2 * DAY:
        hours, minutes = divmod(round(seconds / MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{seconds / DAY:.1f} days"


def size(count: float) -> str:
    """Bytes as 12 kB, 190 MB or 1.4 GB."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:.{1 if count < 9.95 * one else 0}f} {unit}"
    return f"{count:.0f} bytes"


def score(metric: Metric, value: float) -> str:
    """A metric's value with its unit; an accuracy in percent."""
    if is_share(metric):
        return f"{100 * value:.2f} %"
    return f"{number(value)} {metric.unit}".strip()


def is_share(metric: Metric) -> bool:
    """Whether it is a share of one, shown in percent."""
    return metric.name.endswith("_acc")


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it has to be."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"
