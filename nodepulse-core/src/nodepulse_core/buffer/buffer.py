"""The buffer: where collect and drain meet. The directory is the queue; this keeps what it holds in memory.

Its methods belong to the event loop; what touches the disk is done in a few threads. Nothing is counted as
stored before its file is durable, and the books always balance:

    stored + found at start = delivered + queued + quarantined + evicted + left
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from attrs import define, frozen

from nodepulse_core.buffer.entry_file import encode
from nodepulse_core.buffer.index import Index
from nodepulse_core.buffer.lock import BufferLock
from nodepulse_core.buffer.store import Fsync, Store
from nodepulse_core.buffer.windows import OpenWindows
from nodepulse_core.errors import StorageError
from nodepulse_core.model import Entry, StoredScrape, Window
from nodepulse_core.units import format_size

T = TypeVar("T")

_THREADS = 4
_NAMED = 5
log = logging.getLogger(__name__)


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


class Buffer:
    """Entries on disk, oldest first; one agent writes to it."""

    def __init__(self, path: Path, limits: Limits, fsync: Fsync = "always") -> None:
        self.path = path
        self.windows = OpenWindows()
        self.books = Books()
        self._limits = limits
        self._store = Store(path, fsync)
        self._lock = BufferLock(path)
        self._index = Index()
        self._quarantined = Index()
        self._writing: set[Entry] = set()
        self._writes: set[asyncio.Task[bool]] = set()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="buffer")

    def open(self) -> None:
        """Take the buffer and list it, once. Blocking; raises StorageError where it is in use or cannot be used."""
        self._store.create()
        self._lock.acquire()
        listing = self._store.scan(sweep=True)
        self._index.extend(listing.entries)
        self._quarantined.extend(listing.quarantined)
        self.books.found = len(listing.entries) + len(listing.quarantined)
        self.books.quarantined = len(listing.quarantined)
        if listing.foreign:
            named = ", ".join(str(path) for path in listing.foreign[:_NAMED])
            more = f" and {len(listing.foreign) - _NAMED} more" if len(listing.foreign) > _NAMED else ""
            log.warning("left alone in the buffer, since it is no entry: %s%s", named, more)

    async def settle(self) -> None:
        """Wait until what is being written is stored, or has failed."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def close(self) -> None:
        """Make durable what is not yet, and give the buffer back."""
        try:
            await self.settle()
            await self._run(self._store.sync)
        finally:
            self._threads.shutdown(wait=False)
            self._lock.release()

    @property
    def count(self) -> int:
        """The number of entries that wait for delivery."""
        return self._index.count

    @property
    def size(self) -> int:
        """The bytes of all entries, quarantined ones included."""
        return self._index.size + self._quarantined.size

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._index or entry in self._writing or entry in self._quarantined

    async def put(self, entry: Entry, type_: str, body: bytes, *, now: float) -> bool:
        """Store a stamped exposition; return False where its slot has an entry already.

        Raises StorageError where the disk does not take it; nothing is left behind then.
        """
        if entry in self:
            return False
        self._writing.add(entry)
        write = asyncio.create_task(self._write(entry, type_, body, now))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        # A scrape that is given up while it is written is still written to the end, and counted.
        return await asyncio.shield(write)

    async def _write(self, entry: Entry, type_: str, body: bytes, now: float) -> bool:
        try:
            content = encode(entry, type_, body)
            await self._make_room(len(content), now)
            if await self._run(lambda: self._store.exists(entry)):
                return False
            await self._run(lambda: self._store.write(entry, content))
        except OSError as error:
            self.books.refused += 1
            raise StorageError(f"cannot store {entry.target}: {error.strerror}; this scrape is lost") from error
        except StorageError:
            self.books.refused += 1
            raise
        finally:
            self._writing.discard(entry)
        self._index.add(Entry(entry.window, entry.target, len(content)))
        self.books.stored += 1
        self.windows.changed.set()
        return True

    def read(self, entry: Entry) -> StoredScrape:
        """Return what an entry holds. Blocking, and safe in any thread; raises EntryError where it is not whole."""
        return self._store.read(entry)

    def entries(self, windows: Iterable[Window]) -> tuple[Entry, ...]:
        """Return the entries of some windows, in the order of their slots."""
        return tuple(entry for window in windows for entry in self._index.entries(window))

    def first(self, entries: int, accept: Callable[[Window], bool]) -> list[Window]:
        """Return the oldest complete windows that are accepted and hold up to so many entries together."""
        return self._index.first(entries, lambda window: window not in self.windows and accept(window))

    def oldest(self) -> Window | None:
        """Return the oldest window there is."""
        return self._index.oldest()

    async def ack(self, entries: Iterable[Entry]) -> None:
        """Remove delivered entries."""
        taken = [entry for entry in entries if self._index.remove(entry)]
        self.books.delivered += len(taken)
        await self._run(lambda: self._remove(taken))

    async def quarantine(self, entry: Entry, reason: str) -> None:
        """Put an entry aside that cannot be read or was refused; it stays on disk, with the reason."""
        if not self._index.remove(entry):
            return
        try:
            await self._run(lambda: self._store.quarantine(entry, reason))
        except OSError as error:
            self._left(entry, f"{reason}; it could not be quarantined: {error.strerror}")
            return
        self._quarantined.add(entry)
        self.books.quarantined += 1
        log.warning("quarantined %s of slot %d: %s", entry.target, entry.slot, reason)

    def leave(self, entry: Entry, reason: str) -> None:
        """Take an entry from the queue and leave its file where it is; the next start meets it again."""
        if self._index.remove(entry):  # it may have been evicted since
            self._left(entry, reason)

    def _left(self, entry: Entry, reason: str) -> None:
        self.books.left += 1
        log.warning("left in the buffer: %s of slot %d: %s", entry.target, entry.slot, reason)

    async def evict_old(self, now: float) -> None:
        """Evict what is older than the retention allows."""
        await self._evict(lambda window: window.slot < now - self._limits.retention, "older than retention_hours")

    async def sync(self) -> None:
        """Make durable what `fsync: interval` has not yet."""
        await self._run(self._store.sync)

    async def _make_room(self, size: int, now: float) -> None:
        await self.evict_old(now)
        limit = self._limits.max_bytes - size
        if limit < 0:
            raise StorageError(f"a scrape of {format_size(size)} is larger than buffer.max_bytes; it is not stored")
        await self._evict(lambda _: self.size > limit, "buffer.max_bytes was reached")
        lacking = self._limits.min_free_bytes - await self._run(self._store.free_bytes)
        if lacking > 0:
            # The buffer must not grow now: each new entry takes the place of old ones of its size.
            limit = self.size - size
            if limit < 0:
                raise StorageError(
                    f"only {format_size(self._limits.min_free_bytes - lacking)} are free on {self.path}, and "
                    f"buffer.min_free_bytes is {format_size(self._limits.min_free_bytes)}; this scrape is not stored"
                )
            await self._evict(lambda _: self.size > limit, "buffer.min_free_bytes was reached")

    async def _evict(self, due: Callable[[Window], bool], reason: str) -> None:
        evicted = 0
        for index, remove in (
            (self._quarantined, self._store.remove_quarantined),
            (self._index, self._store.remove),
        ):
            while (window := index.oldest()) is not None and due(window):
                for entry in index.entries(window):
                    if not index.remove(entry):
                        continue
                    await self._run(lambda entry=entry, remove=remove: remove(entry))  # type: ignore[misc]  # bound early
                    evicted += 1
                    self.books.quarantined -= index is self._quarantined
                    if not due(window):
                        break
        if evicted:
            self.books.evicted += evicted
            log.error("evicted %d entries that were never delivered: %s", evicted, reason)

    def _remove(self, entries: list[Entry]) -> None:
        for entry in entries:
            with contextlib.suppress(OSError):  # delivered all the same; at worst it is sent once more after a restart
                self._store.remove(entry)

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)
