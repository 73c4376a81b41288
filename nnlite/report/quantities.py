"""Numbers as a person writes them: 97.93 %, 0.03, 1e-5, 3 min; never 0.30000000000000004."""

import math

from nnlite.report.intervals import Estimate
from nnlite.runs import Metric

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


def score(metric: Metric, value: float) -> str:
    """A metric's value with its unit; an accuracy in percent."""
    if is_share(metric):
        return f"{100 * value:.2f} %"
    return f"{number(value)} {metric.unit}".strip()


def score_with_interval(metric: Metric, known: Estimate) -> str:
    """The mean with half its interval, such as 97.93 ± 0.12 %; the mean alone where there is one seed."""
    if known.half is None:
        return score(metric, known.mean)
    if is_share(metric):
        return f"{100 * known.mean:.2f} ± {_share_half(known.half)} %"
    return f"{_together(known.mean, known.half)} {metric.unit}".strip()


def lead(metric: Metric, gap: float, half: float | None) -> str:
    """How far two scores are apart: of accuracies, in percentage points."""
    if is_share(metric):
        interval = "" if half is None else f" ± {_share_half(half)}"
        return f"{100 * gap:.2f}{interval} percentage points"
    return f"{number(gap, 3) if half is None else _together(gap, half)} {metric.unit}".strip()


def _share_half(half: float) -> str:
    """Half an interval in percent; beyond the half of all there is, two seeds have just told nothing."""
    return f"{100 * half:.2f}" if half <= 0.5 else "over 50"


def is_share(metric: Metric) -> bool:
    """Whether it is a share of one, shown in percent."""
    return metric.name.endswith("_acc")


def counted(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it has to be."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"


def _together(mean: float, half: float) -> str:
    """Both to the same decimal: the second digit of the interval, or the third of the mean if that is finer."""
    digits = [1 - math.floor(math.log10(half))] if half > 0 else []
    digits += [2 - math.floor(math.log10(abs(mean)))] if mean else []
    decimals = max(0, min(6, max(digits, default=0)))
    return f"{mean:.{decimals}f} ± {half:.{decimals}f}"
