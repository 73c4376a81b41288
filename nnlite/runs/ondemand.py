"""What is read from a run's log only when somebody asks for it: its epochs, and the bulky parts of its end.

Both stand for the whole thing wherever one is expected. They keep nothing: whoever goes through the epochs of 10,000
runs, one after the other, holds those of one at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

from nnlite.runs.digest import Digest, digest_of
from nnlite.runs.log import Event

Read = Callable[[], Sequence[Event]]


class EpochsOnDemand(Sequence[Event]):
    """The epochs of a run.

    Args:
        read: reads them from its log.
        count: how many there are.
        digest: tells their digest without reading them, where something can.
    """

    def __init__(self, read: Read, count: int, digest: Callable[[], Digest] | None = None) -> None:
        self._read = read
        self._count = count
        self._digest = digest

    @cached_property
    def digest(self) -> Digest:
        """What they come to."""
        return self._digest() if self._digest else digest_of(self)

    def first(self, count: int) -> "EpochsOnDemand":
        """The first so many of them."""
        return EpochsOnDemand(self._read, len(range(self._count)[:count]))

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        """The epochs at `index`, from 0; those up to an index are on demand again."""
        if isinstance(index, slice) and index.start is None and index.step is None and type(index.stop) is int:
            return self.first(index.stop)
        return self._lines()[index]

    def __iter__(self) -> Iterator[Event]:
        """From the first to the last."""
        return iter(self._lines())

    def __reversed__(self) -> Iterator[Event]:
        """From the last to the first."""
        return reversed(self._lines())

    def __eq__(self, other: object) -> bool:
        """Whether `other` holds the same epochs."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _lines(self) -> Sequence[Event]:
        return self._read()[: self._count]


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
