"""The buffer: where collect and drain meet. The directory is the queue; this keeps what it holds in memory.

Its methods belong to the event loop; what touches the disk is done in a few threads, one call for each entry that
is stored. Nothing is counted as stored before its file is durable, and the books always balance:

    stored + found at start = delivered + queued + quarantined + evicted + left
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from nodepulse_core.buffer.entry_file import LARGEST, encode
from nodepulse_core.buffer.evictions import Evictions
from nodepulse_core.buffer.lock import BufferLock
from nodepulse_core.buffer.retention import Retention
from nodepulse_core.buffer.stock import Books, Evicted, Limits, Stock
from nodepulse_core.buffer.store import Fsync, Store
from nodepulse_core.buffer.threads import DiskThreads
from nodepulse_core.buffer.windows import OpenWindows
from nodepulse_core.errors import StorageError
from nodepulse_core.model import Entry, StoredScrape, Window
from nodepulse_core.units import format_duration, format_size

_PATIENCE = 30.0
_PATIENCE_AT_END = 0.4
_FULL = {errno.ENOSPC, errno.EDQUOT}
log = logging.getLogger(__name__)


class Buffer:
    """Entries on disk, oldest first; one agent writes to it."""

    def __init__(
        self,
        path: Path,
        limits: Limits,
        fsync: Fsync = "always",
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience: float = _PATIENCE,
    ) -> None:
        """Take where it lies, how much it may hold, and the seconds after which a disk is said not to answer."""
        self.path = path
        self.windows = OpenWindows()
        self._limits = limits
        self._monotonic = monotonic
        self._patience = patience
        self._store = Store(path, fsync)
        self._lock = BufferLock(path)
        self._stock = Stock()
        self._retention = Retention(limits.retention)
        self._evictions = Evictions()
        self._writing: dict[Entry, int] = {}
        self._late: set[asyncio.Future[bool]] = set()
        self._in_vain = False
        self._threads = DiskThreads()

    def limit(self, limits: Limits) -> None:
        """Hold no more than this from now on."""
        self._limits = limits
        self._retention.seconds = limits.retention

    def open(self) -> None:
        """Take the buffer and list it, once. Blocking; raises StorageError where it is in use or cannot be used."""
        self._store.create()
        self._lock.acquire()
        try:
            listing = self._store.scan(sweep=True)
        except BaseException:
            self._lock.release()
            raise
        self._stock.find(listing)
        if listing.entries:
            self._retention.start(max(listing.entries).slot, self._monotonic())
        if listing.foreign:
            log.warning("left alone in the buffer, since it is no entry: %s", listing.name_foreign())

    async def settle(self) -> None:
        """Wait until what is being written is stored, or has failed."""
        await self._threads.finish(self._patience)

    async def close(self) -> None:
        """Make durable what is not yet, and give the buffer back; a disk that hangs is not waited for."""
        ended = await self._threads.finish(_PATIENCE_AT_END)
        if ended:
            self._threads.start(self._sync_last())
            ended = await self._threads.finish(_PATIENCE_AT_END)
        self._threads.stop()
        if ended:
            self._lock.release()
        else:  # a thread may still write: the kernel gives the lock back when the process ends
            log.error("the disk of %s does not answer; what it is writing may not be stored", self.path)

    async def _sync_last(self) -> None:
        try:
            await self.sync()
        except OSError as error:
            log.warning("the last entries in %s may not survive a power cut: %s", self.path, error.strerror)

    @property
    def books(self) -> Books:
        """What became of every entry since the start."""
        return self._stock.books

    @property
    def count(self) -> int:
        """The number of entries that wait for delivery."""
        return self._stock.waiting.count

    @property
    def size(self) -> int:
        """The bytes of all entries, quarantined ones included."""
        return self._stock.size

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._stock or entry in self._writing

    async def put(self, entry: Entry, type_: str, body: bytes, *, now: float) -> bool:
        """Store a stamped exposition; return False where its slot has an entry already.

        Raises StorageError where the disk does not take it; nothing is left behind then. A disk that does not answer
        is waited for so long; until it does, nothing more is given to it, so what waits in memory stays bounded.
        """
        if entry in self:
            return False
        if self._late:
            self.books.refused += 1
            raise StorageError(f"cannot store {entry.target}: the disk does not answer; this scrape is lost")
        self._writing[entry] = 0
        write = self._threads.start(self._write(entry, type_, body, now))
        # A scrape that is given up while it is written is still written to the end, and counted.
        done, late = await asyncio.wait({write}, timeout=self._patience)
        if late:
            self._late |= late
            write.add_done_callback(self._late.discard)
            seconds = format_duration(self._patience)
            raise StorageError(f"cannot store {entry.target}: no answer from the disk in {seconds}; it may still come")
        return done.pop().result()

    async def _write(self, entry: Entry, type_: str, body: bytes, now: float) -> bool:
        try:
            content = encode(entry, type_, body)
            self._writing[entry] = len(content)
            if not await self._fit(entry, content, now):
                return False
        except OSError as error:
            self.books.refused += 1
            raise StorageError(f"cannot store {entry.target}: {error.strerror}; this scrape is lost") from error
        except StorageError:
            self.books.refused += 1
            raise
        finally:
            del self._writing[entry]
        self._stock.store(Entry(entry.window, entry.target, len(content)))
        self.windows.changed.set()
        return True

    async def _fit(self, entry: Entry, content: bytes, now: float) -> bool:
        """Write an entry, in the place of old ones where there is no room for more."""
        size = len(content)
        if size > min(self._limits.max_bytes, LARGEST):
            raise StorageError(f"a scrape of {format_size(size)} is larger than buffer.max_bytes; it is not stored")
        old = self._evict_old(now)
        # What is being written by others at the same time needs its room as well.
        oldest = self._evict_until(self._limits.max_bytes - sum(self._writing.values()), "buffer.max_bytes was reached")
        # Where evicting was in vain, because whatever fills the disk fills that too, the backlog is not given for it.
        keep_free = 0 if self._in_vain else self._limits.min_free_bytes
        try:
            stored = await self._threads.run(lambda: self._replace(entry, content, keep_free, old, oldest))
        except OSError as error:
            if error.errno not in _FULL or self._in_vain or self.size < size:
                raise
            oldest = self._evict_until(self.size - size, f"the disk is full: {error.strerror}")
            self._in_vain = True
            stored = await self._threads.run(lambda: self._replace(entry, content, 0, oldest))
        self._in_vain = False
        return stored

    def _replace(self, entry: Entry, content: bytes, keep_free: int, *evicted: Evicted) -> bool:
        self._lock.confirm()
        for each in evicted:
            self._remove(each)
        return self._store.write(entry, content, keep_free=keep_free)

    def read(self, entry: Entry) -> StoredScrape:
        """Return what an entry holds. Blocking, and safe in any thread; raises EntryError where it is not whole.

        Any other StorageError says that it cannot be read now, and nothing about the entry.
        """
        return self._store.read(entry)

    def entries(self, windows: Iterable[Window]) -> tuple[Entry, ...]:
        """Return the entries of some windows, in the order of their slots."""
        return tuple(entry for window in windows for entry in self._stock.waiting.entries(window))

    def first(self, entries: int, accept: Callable[[Window], bool]) -> list[Window]:
        """Return the oldest complete windows that are accepted and hold up to so many entries together."""
        return self._stock.waiting.first(entries, lambda window: window not in self.windows and accept(window))

    def oldest(self) -> Window | None:
        """Return the oldest window there is."""
        return self._stock.waiting.oldest()

    async def ack(self, entries: Iterable[Entry]) -> None:
        """Remove delivered entries."""
        gone = Evicted(waiting=self._stock.deliver(entries))
        await self._threads.run(lambda: self._remove(gone))

    async def quarantine(self, entry: Entry, reason: str) -> None:
        """Put an entry aside that cannot be read or was refused; it stays on disk, with the reason."""
        if not self._stock.put_aside(entry):
            return
        try:
            await self._threads.run(lambda: self._store.quarantine(entry, reason))
        except OSError as error:
            self.leave(entry, f"{reason}; it could not be quarantined: {error.strerror}")
        else:
            log.warning("quarantined %s of slot %d: %s", entry.target, entry.slot, reason)

    def leave(self, entry: Entry, reason: str) -> None:
        """Take an entry from the queue and leave its file where it is; the next start meets it again."""
        if self._stock.leave(entry):
            log.warning("left in the buffer: %s of slot %d: %s", entry.target, entry.slot, reason)

    async def evict_old(self, now: float) -> None:
        """Evict what is older than the retention allows."""
        if evicted := self._evict_old(now):
            await self._threads.run(lambda: self._remove(evicted))

    async def sync(self) -> None:
        """Make durable what `fsync: interval` has not yet; raises OSError, and the next call tries again."""
        await self._threads.run(self._store.sync)

    def _evict_old(self, now: float) -> Evicted:
        cutoff = self._retention.cutoff(now, self._monotonic())
        return self._evict(lambda window: window.slot < cutoff, "older than buffer.retention_hours")

    def _evict_until(self, limit: int, reason: str) -> Evicted:
        return self._evict(lambda _: self.size > limit, reason)

    def _evict(self, due: Callable[[Window], bool], reason: str) -> Evicted:
        evicted = self._stock.evict(due)
        self._evictions.note(len(evicted), reason, self._monotonic())
        return evicted

    def _remove(self, gone: Evicted) -> None:
        failed, why = 0, ""
        for remove, entries in (
            (self._store.remove_quarantined, gone.quarantined),
            (self._store.remove, gone.waiting),
        ):
            for entry in entries:
                try:
                    remove(entry)
                except OSError as error:
                    failed, why = failed + 1, error.strerror or ""
        if failed:
            log.error("%d files stay in %s until the next start: they cannot be removed: %s", failed, self.path, why)
