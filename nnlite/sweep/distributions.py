"""What the values of one hyperparameter are sampled from: a map from [0, 1) to values, its quantile function.

A uniform number goes in, a value comes out that is distributed as the file says: that is inverse transform sampling (L.
Devroye, Non-Uniform Random Variate Generation, 1986, chapter II.2). So one number between 0 and 1 for each
hyperparameter is all that a search decides, whether it draws them at random or infers them from results.

    { low = 1e-4, high = 1.0, log = true }     uniform in the logarithm; without `log` uniform; whole numbers for an
                                               integer, both bounds included; `step` for every so many
    { mean = 0.9, std = 0.05 }                 normal, with `log` lognormal; cut at `low` and `high`, where given, and
                                               at the hyperparameter's own range
    { choices = [[64], [128, 64]] }, or a list  one of these, each as likely

Numbers are rounded to four significant digits: what a person reads in a report is what was trained.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Protocol

from pydantic import ValidationError

from nnlite.errors import InputError, nearest
from nnlite.sweep.tables import FileTable, sentence, shown
from nnlite.sweep.values import Hyperparameter

DIGITS = 4  # significant ones, of a sampled number
LARGEST_MEDIAN = 1e50
MOST_CHECKED = 1000  # of an integer's values, to see that the hyperparameter takes each
LARGEST_EXPONENT = 500.0  # of e; doubles end at 709
FARTHEST = 8.0  # standard deviations from the mean: beyond, the probabilities of doubles end


class Distribution(Protocol):
    """Where the values of a hyperparameter come from."""

    def quantile(self, position: float) -> Any:
        """The value below which a share `position` of the values lies, from 0 to below 1."""

    def position(self, value: Any) -> float | None:
        """Where a value lies, from 0 to 1: about the inverse of `quantile`; None if it lies outside."""

    def listed(self, most: int) -> Sequence[Any] | None:
        """Every value, if they are `most` or fewer."""


@dataclass(frozen=True)
class Choice:
    """One of the listed values."""

    choices: tuple[Any, ...]

    def quantile(self, position: float) -> Any:
        """See `Distribution`."""
        return self.choices[_level(position, len(self.choices))]

    def position(self, value: Any) -> float | None:
        """See `Distribution`."""
        return (self.choices.index(value) + 0.5) / len(self.choices) if value in self.choices else None

    def listed(self, most: int) -> Sequence[Any] | None:
        """See `Distribution`."""
        return self.choices if len(self.choices) <= most else None


@dataclass(frozen=True)
class Steps:
    """`low`, `low + step` and so on up to `high`, each as likely."""

    low: float
    high: float
    step: float
    integer: bool

    @property
    def levels(self) -> int:
        """How many values there are."""
        return math.floor((self.high - self.low) / self.step * (1 + 1e-12)) + 1

    def quantile(self, position: float) -> float:
        """See `Distribution`."""
        return self._value(_level(position, self.levels))

    def position(self, value: float) -> float | None:
        """See `Distribution`."""
        level = round((value - self.low) / self.step)
        fits = 0 <= level < self.levels and self._value(level) == value
        return (level + 0.5) / self.levels if fits else None

    def listed(self, most: int) -> Sequence[float] | None:
        """See `Distribution`."""
        return [self._value(level) for level in range(self.levels)] if self.levels <= most else None

    def _value(self, level: int) -> float:
        value = self.low + level * self.step
        # Twelve digits leave out the noise of the sum: 0.1 + 2 * 0.1 is 0.3.
        return value if self.integer else min(max(float(f"{value:.12g}"), self.low), self.high)


@dataclass(frozen=True)
class Interval:
    """Uniform between `low` and `high`, or uniform in the logarithm."""

    low: float
    high: float
    log: bool
    integer: bool

    def quantile(self, position: float) -> float:
        """See `Distribution`."""
        # An integer's share reaches half a step to both sides.
        margin = 0.5 if self.integer else 0.0
        low, high = self.low - margin, self.high + margin
        value = low * (high / low) ** position if self.log else low + (high - low) * position
        return _fitted(value, self.low, self.high, integer=self.integer)

    def position(self, value: float) -> float | None:
        """See `Distribution`."""
        if not self.low <= value <= self.high:
            return None
        margin = 0.5 if self.integer else 0.0
        low, high = self.low - margin, self.high + margin
        if low == high:
            return 0.0
        return math.log(value / low) / math.log(high / low) if self.log else (value - low) / (high - low)

    def listed(self, most: int) -> Sequence[float] | None:
        """See `Distribution`."""
        if not self.integer:
            return [self.low] if self.low == self.high else None
        return range(round(self.low), round(self.high) + 1) if self.high - self.low < most else None


@dataclass(frozen=True)
class Normal:
    """Normal, or lognormal (`mean` is then the median, and `std` that of the natural logarithm), cut at both bounds."""

    mean: float
    std: float
    low: float
    high: float
    log: bool
    integer: bool

    @property
    def shares(self) -> tuple[float, float]:
        """The probabilities of what lies below `low` and below `high`."""
        normal = NormalDist()
        return normal.cdf(self._standard(self.low)), normal.cdf(self._standard(self.high))

    def quantile(self, position: float) -> float:
        """See `Distribution`."""
        below, above = self.shares
        share = min(max(below + (above - below) * position, 1e-300), 1 - 1e-16)
        standard = NormalDist().inv_cdf(share)
        value = self.mean * math.exp(self.std * standard) if self.log else self.mean + self.std * standard
        return _fitted(value, self.low, self.high, integer=self.integer)

    def position(self, value: float) -> float | None:
        """See `Distribution`."""
        if not self.low <= value <= self.high:
            return None
        below, above = self.shares
        return min(1.0, max(0.0, (NormalDist().cdf(self._standard(value)) - below) / (above - below)))

    def listed(self, most: int) -> None:
        """See `Distribution`."""

    def _standard(self, bound: float) -> float:
        if self.log:
            return (math.log(bound) - math.log(self.mean)) / self.std if bound > 0 else -math.inf
        return (bound - self.mean) / self.std


def _level(position: float, levels: int) -> int:
    return min(int(position * levels), levels - 1)


def _fitted(value: float, low: float, high: float, *, integer: bool) -> float:
    if integer:
        return int(min(max(round(value), low), high))
    return min(max(_rounded(value, low, high), low), high)


def _rounded(value: float, low: float, high: float) -> float:
    """The value to four significant digits; to more where the bounds share their first ones."""
    shared = 0
    if high > low and math.isfinite(high - low):
        shared = max(0, math.floor(math.log10(max(abs(low), abs(high)) / (high - low))) - 1)
    return float(f"{value:.{DIGITS + shared}g}")


class RangeTable(FileTable):
    """A distribution as a file gives it."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    mean: float | None = None
    std: float | None = None
    choices: list[Any] | None = None


def read_distribution(hyperparameter: Hyperparameter, value: Any) -> Distribution:
    """The distribution that a sweep file gives for a hyperparameter.

    Raises:
        InputError: it is none, or holds values that the hyperparameter does not take.
    """
    place = hyperparameter.place
    if isinstance(value, list):
        return _choice(hyperparameter, value, "")
    if not isinstance(value, dict):
        raise InputError(
            f"{place}: should be a list of values or a distribution, such as "
            f"{{ low = 0.001, high = 0.1, log = true }}, not {shown(value)}"
        )
    for key in value:
        if key not in RangeTable.model_fields:
            raise InputError(f"{place}: a distribution has no {key!r}; {nearest(key, RangeTable.model_fields)}")
    try:
        table = RangeTable.model_validate(value)
    except ValidationError as error:
        raise InputError(f"{place}.{sentence(error)}") from None
    if table.choices is not None:
        if len(table.model_fields_set) > 1:
            raise InputError(f"{place}: choices stand alone in a distribution")
        return _choice(hyperparameter, table.choices, ".choices")
    if not hyperparameter.is_number:
        raise InputError(f"{place}: {hyperparameter.name} is no number; list its values: {{ choices = [...] }}")
    given = table.model_fields_set
    if {"mean", "std"} <= given:
        return _normal(hyperparameter, table)
    if {"low", "high"} <= given and not given & {"mean", "std"}:
        return _interval(hyperparameter, table)
    raise InputError(f"{place}: a distribution has low and high, or mean and std, or choices")


def _choice(hyperparameter: Hyperparameter, values: list[Any], where: str) -> Choice:
    if not values:
        raise InputError(f"{hyperparameter.place}{where} is empty; give it at least one value")
    checked = (hyperparameter.checked(value, f"{where}[{number}]") for number, value in enumerate(values))
    return Choice(tuple(dict.fromkeys(checked)))


def _interval(hyperparameter: Hyperparameter, table: RangeTable) -> Steps | Interval:
    place = hyperparameter.place
    low, high = (_bound(hyperparameter, table, name) for name in ("low", "high"))
    integer = hyperparameter.is_integer
    if low > high:
        raise InputError(f"{place}: low = {low:g} is above high = {high:g}")
    if table.log:
        if low <= 0:
            raise InputError(f"{place}: with log = true, low must be above 0, not {low:g}")
        if table.step is not None:
            raise InputError(f"{place}: step has no place beside log = true")
    if table.log or (table.step is None and not integer):
        return Interval(low, high, table.log, integer)
    step = 1.0 if table.step is None else table.step
    if not 0 < step < math.inf:
        raise InputError(f"{place}.step: should be above 0, not {step:g}")
    if integer and step != round(step):
        raise InputError(f"{place}.step: {hyperparameter.name} is an integer, so its step is one, not {step:g}")
    steps = Steps(low, high, round(step) if integer else step, integer)
    for value in steps.listed(MOST_CHECKED) or ():
        hyperparameter.checked(value)
    return steps


def _normal(hyperparameter: Hyperparameter, table: RangeTable) -> Normal:
    place = hyperparameter.place
    mean, std = table.mean or 0.0, table.std or 0.0
    if not (0 < std < math.inf and math.isfinite(mean)):
        raise InputError(f"{place}: mean and std are numbers, and std is above 0")
    if table.log and not 0 < mean <= LARGEST_MEDIAN:
        raise InputError(f"{place}: with log = true, mean is the median and above 0, not {mean:g}")
    if table.step is not None:
        raise InputError(f"{place}: step belongs to low and high, not to mean and std")
    reach = FARTHEST * std
    if reach > LARGEST_EXPONENT if table.log else not math.isfinite(abs(mean) + reach):
        raise InputError(f"{place}.std: {std:g} spreads over more than numbers can hold")
    lowest, highest = (mean * math.exp(-reach), mean * math.exp(reach)) if table.log else (mean - reach, mean + reach)
    low = _bound(hyperparameter, table, "low") if table.low is not None else max(lowest, _own_low(hyperparameter))
    high = _bound(hyperparameter, table, "high") if table.high is not None else min(highest, _own_high(hyperparameter))
    normal = Normal(mean, std, low, high, table.log, hyperparameter.is_integer)
    below, above = normal.shares
    if not (low <= high and above - below > 1e-9):
        raise InputError(f"{place}: mean = {mean:g} and std = {std:g} leave nothing between {low:g} and {high:g}")
    return normal


def _bound(hyperparameter: Hyperparameter, table: RangeTable, name: str) -> Any:
    """A bound that is itself a value that could be trained."""
    value: float = getattr(table, name)
    whole = hyperparameter.is_integer and value == round(value) if math.isfinite(value) else False
    return hyperparameter.checked(int(value) if whole else value, f".{name}")


def _own_low(hyperparameter: Hyperparameter) -> float:
    above = hyperparameter.bound("gt")
    if above is not None:
        return 10.0**-12 if above == 0 else above + 10.0**-DIGITS * abs(above)
    low = hyperparameter.bound("ge")
    return -math.inf if low is None else low


def _own_high(hyperparameter: Hyperparameter) -> float:
    below = hyperparameter.bound("lt")
    if below is not None:
        return below - 10.0**-DIGITS * abs(below)
    high = hyperparameter.bound("le")
    return math.inf if high is None else high
