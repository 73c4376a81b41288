"""An edge: a hyperparameter whose best value is the smallest or the largest that was tried.

The truly best may then lie beyond, and a line of the sweep file looks there. Where the values that were listed for the
winner's kind are all others than those of the other kinds (each optimizer has learning rates of its own), they alone
count. An end that the hyperparameter cannot go beyond, such as no dropout at all, is no edge; nor is any of what never
changed without another hyperparameter, which alone leads nowhere.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nnlite.queries import Range, range_of
from nnlite.report.cells import are_drawn, finite
from nnlite.report.ranking import Configuration, Ranking
from nnlite.runs.quantities import number

NEAR = 0.05  # of what was drawn: nearer to an end is at it
WIDE = 4.0  # values further apart than this factor were meant as factors
End = Literal["smallest", "largest"]
ENDS: tuple[End, ...] = ("smallest", "largest")


@dataclass(frozen=True)
class Edge:
    """Where the winner stands at an edge.

    Attributes:
        name: of the hyperparameter.
        value: the winner's.
        end: which end of what was tried.
        tried: how many values were.
        line: of the sweep file, what goes on beyond that end.
    """

    name: str
    value: Any
    end: End
    tried: int
    line: str


@dataclass(frozen=True)
class Tried:
    """The values of a hyperparameter that were tried, as numbers in rising order, at least two.

    Attributes:
        sizes: the numbers.
        whole: whether they are whole numbers.
        listed: whether each is a list of one item, such as the width of one hidden layer.
        limits: what the hyperparameter may be.
    """

    sizes: Sequence[float]
    whole: bool
    listed: bool
    limits: Range

    @property
    def geometric(self) -> bool:
        """Whether they were meant as factors."""
        return self.sizes[0] > 0 and self.sizes[-1] >= WIDE * self.sizes[0]

    @property
    def sampled(self) -> bool:
        """Whether they were drawn, not listed."""
        return are_drawn(self.sizes)

    def is_at(self, end: End, size: float) -> bool:
        """Whether `size` is at this end, or of drawn ones near it."""
        first, last = (self.sizes[0], self.sizes[-1]) if end == "largest" else (self.sizes[-1], self.sizes[0])
        if not self.sampled:
            return size == last
        if self.geometric:
            first, last, size = math.log(first), math.log(last), math.log(size)
        return abs(size - last) <= NEAR * abs(last - first)

    def beyond(self, end: End) -> float | None:
        """A value beyond this end, by as much as the last two are apart, or of drawn ones a decade or half of all."""
        last, before = (self.sizes[-1], self.sizes[-2]) if end == "largest" else (self.sizes[0], self.sizes[1])
        wanted = last * last / before if self.geometric else last + (last - before)
        if self.sampled and self.geometric:
            wanted = last * 10 if end == "largest" else last / 10
        elif self.sampled:
            wanted = last + (last - self._other(end)) / 2
        allowed = self.limits.nearest_to(wanted, last)
        if self.whole and allowed > max(wanted, 0):  # there is no room for a whole step down, but for a factor
            allowed = self.limits.nearest_to(last * last / before, last)
        rounded = float(round(allowed)) if self.whole else float(number(allowed, 2))
        is_beyond = rounded > last if end == "largest" else rounded < last
        return rounded if is_beyond and self.limits.nearest_to(rounded, last) == rounded else None

    def line(self, name: str, end: End, beyond: float) -> str:
        """The line of the sweep file that goes on to `beyond`."""
        if self.sampled:
            low, high = sorted((self._other(end), beyond))
            log = ", log = true" if self.geometric else ""
            return f"{name} = {{ low = {self._written(low)}, high = {self._written(high)}{log} }}"
        items = [self._written(size) for size in sorted((*self.sizes, beyond))]
        return f"{name} = [{', '.join(f'[{item}]' if self.listed else item for item in items)}]"

    def _other(self, end: End) -> float:
        return self.sizes[0] if end == "largest" else self.sizes[-1]

    def _written(self, size: float) -> str:
        return str(round(size)) if self.whole else number(size)


def edges(ranking: Ranking) -> list[Edge]:
    """The edges that the winner stands at, in the order of the sweep file."""
    winner = ranking.winner
    if winner is None:
        return []
    never_alone = {name for names in ranking.group.together for name in names}
    found = (_edge(ranking, winner, name) for name in ranking.group.varied if name not in never_alone)
    return [each for each in found if each]


def _edge(ranking: Ranking, winner: Configuration, name: str) -> Edge | None:
    values = [each.parameters.get(name) for each in _alike(ranking.configurations, winner, name)]
    sizes = [_size(value) for value in values]
    own = _size(winner.parameters.get(name))
    known = sorted({size for size in sizes if size is not None})
    if own is None or None in sizes or len(known) < 2:
        return None
    whole = not any(isinstance(value, float) for value in values)
    listed = all(isinstance(value, list) for value in values)
    tried = Tried(known, whole, listed, range_of(ranking.group.model, name))
    for end in ENDS:
        if tried.is_at(end, own) and (beyond := tried.beyond(end)) is not None:
            return Edge(name, winner.parameters[name], end, len(known), tried.line(name, end, beyond))
    return None


def _alike(configurations: Sequence[Configuration], winner: Configuration, name: str) -> Sequence[Configuration]:
    """The configurations that had the same values to choose from."""
    sizes = {_size(each.parameters.get(name)) for each in configurations}
    if are_drawn(sizes):
        return configurations
    for word, kind in winner.parameters.items():
        if word == name or _size(kind) is not None:
            continue
        mine = [each for each in configurations if each.parameters.get(word) == kind]
        others = [each for each in configurations if each.parameters.get(word) != kind]
        own, beside = ({_size(each.parameters.get(name)) for each in part} for part in (mine, others))
        if len(own) > 1 and beside and own.isdisjoint(beside):
            configurations = mine
    return configurations


def _size(value: object) -> float | None:
    """The number that a value is, or the only one in it."""
    return finite(value[0] if isinstance(value, list) and len(value) == 1 else value)
