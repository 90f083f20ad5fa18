"""What the buffer holds, in memory, and the books of how it came and went. No disk, no thread, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, frozen

from nodepulse_core.buffer.index import Index
from nodepulse_core.buffer.listing import Listing
from nodepulse_core.model import Entry, Window


@frozen
class Limits:
    """How much a buffer may hold: seconds, bytes, and bytes to leave free on its file system."""

    retention: float
    max_bytes: int
    min_free_bytes: int


@define
class Books:
    """What became of every entry since the start."""

    found: int = 0
    stored: int = 0
    delivered: int = 0
    quarantined: int = 0
    evicted: int = 0
    left: int = 0
    refused: int = 0
    """Scrapes that were not stored: the disk was full or failing. They were never entries."""


@frozen
class Evicted:
    """Entries whose files have to go: quarantined ones, and ones that waited."""

    quarantined: tuple[Entry, ...] = ()
    waiting: tuple[Entry, ...] = ()

    def __len__(self) -> int:
        return len(self.quarantined) + len(self.waiting)


class Stock:
    """Entries that wait and entries that were put aside; each step keeps the books in balance.

    found + stored = delivered + waiting + quarantined + evicted + left
    """

    def __init__(self) -> None:
        self.books = Books()
        self.waiting = Index()
        self.quarantined = Index()

    @property
    def size(self) -> int:
        """The bytes of all entries, quarantined ones included."""
        return self.waiting.size + self.quarantined.size

    def __contains__(self, entry: Entry) -> bool:
        return entry in self.waiting or entry in self.quarantined

    def find(self, listing: Listing) -> None:
        """Take in what lies on disk at the start."""
        self.waiting.extend(listing.entries)
        self.quarantined.extend(listing.quarantined)
        self.books.found = len(listing.entries) + len(listing.quarantined)
        self.books.quarantined = len(listing.quarantined)

    def store(self, entry: Entry) -> None:
        """Take in an entry that has just become durable."""
        self.waiting.add(entry)
        self.books.stored += 1

    def deliver(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Let delivered entries go; return those that were still there."""
        gone = tuple(entry for entry in entries if self.waiting.remove(entry))
        self.books.delivered += len(gone)
        return gone

    def put_aside(self, entry: Entry) -> bool:
        """Quarantine an entry; return whether it waited."""
        size = self.waiting.size_of(entry)
        if size is None:
            return False
        self.waiting.remove(entry)
        self.quarantined.add(Entry(entry.window, entry.target, size))
        self.books.quarantined += 1
        return True

    def leave(self, entry: Entry) -> bool:
        """Forget an entry whose file stays where it is; return whether it was there."""
        if self.quarantined.remove(entry):
            self.books.quarantined -= 1
        elif not self.waiting.remove(entry):
            return False
        self.books.left += 1
        return True

    def evict(self, due: Callable[[Window], bool]) -> Evicted:
        """Let the oldest entries go while they are due, quarantined ones first."""
        evicted = Evicted(_take(self.quarantined, due), _take(self.waiting, due))
        self.books.quarantined -= len(evicted.quarantined)
        self.books.evicted += len(evicted)
        return evicted


def _take(index: Index, due: Callable[[Window], bool]) -> tuple[Entry, ...]:
    taken: list[Entry] = []
    while (window := index.oldest()) is not None and due(window):
        for entry in index.entries(window):
            index.remove(entry)
            taken.append(entry)
            if not due(window):
                break
    return tuple(taken)
