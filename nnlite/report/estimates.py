"""Estimates as a person writes them: a mean and half its interval, to the decimals that mean something."""

import math

from nnlite.report.intervals import Estimate
from nnlite.runs import Metric
from nnlite.runs.quantities import is_share, number, score


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


def _together(mean: float, half: float) -> str:
    """Both to the same decimal: the second digit of the interval, or the third of the mean if that is finer."""
    digits = [1 - math.floor(math.log10(half))] if half > 0 else []
    digits += [2 - math.floor(math.log10(abs(mean)))] if mean else []
    decimals = max(0, min(6, max(digits, default=0)))
    return f"{mean:.{decimals}f} ± {half:.{decimals}f}"
