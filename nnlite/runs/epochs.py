"""The epochs of a run: a line of the log each, every epoch once, in order.

A training may have 300,000 of them, and more than one reader wants to hold them all. `EpochTable` does so in a tenth of
the memory that a dictionary each would take; `GrowingEpochs` are those of a log that is being read. Whatever reads
epochs takes any sequence of events; one that wants a single metric of them all asks for the column.
"""

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, overload

from nnlite.runs.columns import CHUNK, Chunk, chunks_of
from nnlite.runs.digest import Digest, digest_of
from nnlite.runs.events import Event


class Epochs(Sequence[Event]):
    """The epochs of one run, however they are held."""

    @abstractmethod
    def chunks(self) -> Iterator[Chunk]:
        """All of them, in order."""

    @abstractmethod
    def first(self, count: int) -> "Epochs":
        """The first `count` of them, or all."""

    @abstractmethod
    def find(self, epoch: int) -> Event | None:
        """The line of this epoch, if there is one."""

    @abstractmethod
    def lines(self, places: range) -> list[Event]:
        """Those at these indices, from 0."""

    @cached_property
    def digest(self) -> Digest:
        """What they come to."""
        return digest_of(self.chunks())

    @property
    def names(self) -> list[str]:
        """What one of them or another has, in the order of first appearance."""
        return list(dict.fromkeys(chain.from_iterable(chunk.names for chunk in self.chunks())))

    def column(self, name: str) -> list[Any]:
        """What each epoch has as `name`; None where it has nothing."""
        return list(chain.from_iterable(chunk.column(name) for chunk in self.chunks()))

    def __iter__(self) -> Iterator[Event]:
        """From the first to the last."""
        return chain.from_iterable(self.chunks())

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        """The epochs at `index`, from 0; those up to an index are no list, but again `Epochs`."""
        places = range(len(self))
        if not isinstance(index, slice):
            place = places[index]
            return self.lines(range(place, place + 1))[0]
        if index.start is None and index.step is None:
            return self.first(len(places[index]))
        return self.lines(places[index])

    def __eq__(self, other: object) -> bool:
        """Whether `other` holds the same epochs."""
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class EpochTable(Epochs):
    """Epochs that are held in memory, and never change.

    Args:
        packed: most of the lines.
        tail: the last ones.
    """

    def __init__(self, packed: Iterable[Chunk] = (), tail: Iterable[Event] = ()) -> None:
        self.packed = list(packed)
        self.tail = list(tail)
        self._ends = [0]  # of the chunks: how many lines there are before each, and before the tail
        for chunk in self.packed:
            self._ends.append(self._ends[-1] + len(chunk))
        self._opened: tuple[int, list[Event]] = -1, []

    def chunks(self) -> Iterator[Chunk]:
        """All of them, in order."""
        return chain(self.packed, chunks_of(self.tail))

    def first(self, count: int) -> "EpochTable":
        """The first `count` of them, or all."""
        number = bisect_right(self._ends, count) - 1
        return EpochTable(self.packed[:number], self._held(number)[: count - self._ends[number]])

    def after(self, epoch: int) -> "EpochTable":
        """Those of later epochs than `epoch`."""
        number = self._number_of(epoch + 1)
        later = [line for line in self._held(number) if line["epoch"] > epoch]
        if number == len(self.packed):
            return EpochTable(tail=later)
        return EpochTable(chain(chunks_of(later), self.packed[number + 1 :]), self.tail)

    def find(self, epoch: int) -> Event | None:
        """The line of this epoch, if there is one."""
        held = self._held(self._number_of(epoch))
        place = bisect_left(held, epoch, key=_epoch_of)
        return held[place] if place < len(held) and held[place]["epoch"] == epoch else None

    def lines(self, places: range) -> list[Event]:
        """Those at these indices, from 0."""
        found = []
        for place in places:
            number = bisect_right(self._ends, place) - 1
            found.append(self._held(number)[place - self._ends[number]])
        return found

    def __len__(self) -> int:
        """How many there are."""
        return self._ends[-1] + len(self.tail)

    def _number_of(self, epoch: int) -> int:
        """The number of the chunk that this epoch would be in; the tail comes after them all."""
        return bisect_left(self.packed, epoch, key=lambda chunk: chunk.column("epoch")[-1])

    def _held(self, number: int) -> list[Event]:
        """The lines of a chunk, or of the tail: kept, since whoever asks for one asks for its neighbour next."""
        if number == len(self.packed):
            return self.tail
        if self._opened[0] != number:
            self._opened = number, list(self.packed[number])
        return self._opened[1]


class GrowingEpochs:
    """The epochs of one attempt, as they are read from its log."""

    def __init__(self) -> None:
        self._packed: list[Chunk] = []
        self._tail: list[Event] = []
        self._count = 0
        self._last = 0  # the latest epoch
        # All of them, once one came that was not later than those before it, as no log of one writer has it.
        self._mixed: dict[int, Event] | None = None

    def add(self, line: Event) -> Event | None:
        """Take in a line; the one of the same epoch that it replaces, if there was one."""
        epoch = line["epoch"]
        if self._mixed is None and epoch <= self._last:
            self._mixed = {each["epoch"]: each for each in self.table()}
            self._packed, self._tail = [], []
        if self._mixed is not None:
            replaced = self._mixed.get(epoch)
            self._mixed[epoch] = line
            self._count = len(self._mixed)
            return replaced
        self.extend([line])
        return None

    def extend(self, lines: list[Event]) -> bool:
        """Take in these, each of a later epoch than the one before; False if they are not later than what is there."""
        if self._mixed is not None or lines[0]["epoch"] <= self._last:
            return False
        self._tail += lines
        while len(self._tail) >= CHUNK:
            self._packed.append(Chunk(self._tail[:CHUNK]))
            self._tail = self._tail[CHUNK:]
        self._count += len(lines)
        self._last = lines[-1]["epoch"]
        return True

    def cut(self, last: int) -> EpochTable:
        """Take away what is of later epochs than `last`, and return it."""
        table = self.table()
        removed = table.after(last)
        kept = table.first(len(table) - len(removed))
        if self._mixed is not None:
            self._mixed = {line["epoch"]: line for line in kept}
        else:
            self._packed, self._tail = kept.packed, kept.tail
        self._count = len(kept)
        self._last = kept[-1]["epoch"] if kept else 0
        return removed

    def table(self) -> EpochTable:
        """Those that there are now."""
        if self._mixed is not None:
            return EpochTable(tail=[self._mixed[epoch] for epoch in sorted(self._mixed)])
        return EpochTable(self._packed, self._tail)

    def __len__(self) -> int:
        """How many there are."""
        return self._count


class EarlierEpochs:
    """The first line of each epoch among those that a later attempt trains again: it should repeat their numbers."""

    def __init__(self) -> None:
        self._tables: list[EpochTable] = []
        self._replaced: dict[int, Event] = {}
        self._last = 0  # the latest epoch in any table

    def add(self, table: EpochTable) -> None:
        """Take in epochs that were given up; those that an earlier line is known of are left."""
        if not table:
            return
        if table[0]["epoch"] <= self._last or self._replaced:
            table = EpochTable(chunks_of(line for line in table if not self.first(line["epoch"])))
        if table:
            self._tables.append(table)
            self._last = max(self._last, table[-1]["epoch"])

    def first(self, epoch: int, replaced: Event | None = None) -> Event | None:
        """The first line of an epoch; if none is known, the one that was replaced just now, which becomes known."""
        if epoch in self._replaced:
            return self._replaced[epoch]
        if epoch <= self._last:
            for table in self._tables:
                if found := table.find(epoch):
                    return found
        if replaced:
            self._replaced[epoch] = replaced
        return replaced

    def __bool__(self) -> bool:
        """Whether an epoch is known."""
        return bool(self._tables or self._replaced)


def _epoch_of(line: Event) -> int:
    epoch: int = line["epoch"]
    return epoch
