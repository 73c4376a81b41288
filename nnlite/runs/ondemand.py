"""What is read from a run's log only when somebody asks for it: its epochs, and the bulky parts of its end.

Both stand for the whole thing wherever one is expected. Whoever goes through the epochs of 10,000 runs, one after the
other, holds those of one at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from nnlite.runs.columns import Chunk
from nnlite.runs.digest import Digest
from nnlite.runs.epochs import Epochs, EpochTable
from nnlite.runs.events import Event

Read = Callable[[], Epochs]
EMPTY: Mapping[int, Event] = {}


class EpochsOnDemand(Epochs):
    """The epochs of a run.

    Args:
        read: reads them from its log.
        count: how many there are.
        digest: tells their digest without reading them, where something can.
        known: some of them, by epoch.
    """

    # Those that were read last: whoever asks for one metric often asks for the next one, of the same run.
    _latest: ClassVar[tuple[Read | None, Epochs]] = None, EpochTable()

    def __init__(
        self, read: Read, count: int, digest: Callable[[], Digest] | None = None, known: Mapping[int, Event] = EMPTY
    ) -> None:
        self._read = read
        self._count = count
        self._digest = digest
        self._known = known

    @cached_property
    def digest(self) -> Digest:
        """What they come to."""
        return self._digest() if self._digest else self._table().digest

    def chunks(self) -> Iterator[Chunk]:
        """All of them, in order."""
        return self._table().chunks()

    def first(self, count: int) -> "EpochsOnDemand":
        """The first `count` of them, or all."""
        return EpochsOnDemand(self._read, min(count, self._count))

    def find(self, epoch: int) -> Event | None:
        """The line of this epoch, if there is one."""
        return self._known.get(epoch) or self._table().find(epoch)

    def lines(self, places: range) -> list[Event]:
        """Those at these indices, from 0."""
        return self._table().lines(places)

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __reversed__(self) -> Iterator[Event]:
        """From the last to the first."""
        return reversed(self._table())

    def _table(self) -> Epochs:
        latest = EpochsOnDemand._latest  # looked at once: another thread may exchange it
        if latest[0] is not self._read:
            latest = EpochsOnDemand._latest = self._read, self._read()
        return latest[1].first(self._count)


class EndOnDemand(Mapping[str, Any]):
    """The end of a run.

    Args:
        known: its fields.
        late: the names of further fields.
        read: reads the whole event from the run's log.
    """

    def __init__(self, known: Event, late: Sequence[str], read: Callable[[], Mapping[str, Any]]) -> None:
        self._known = known
        self._late = late
        self._read = read

    def __getitem__(self, name: str) -> Any:
        """The field called `name`."""
        return self._read().get(name) if name in self._late else self._known[name]

    def __iter__(self) -> Iterator[str]:
        """The names of all fields."""
        yield from self._known
        yield from self._late

    def __len__(self) -> int:
        """How many fields there are."""
        return len(self._known) + len(self._late)
