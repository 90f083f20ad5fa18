"""Entries, limits and the balance of the books, for the tests of the buffer."""

from __future__ import annotations

from pathlib import Path

from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.model import Entry, Window

NOW = 1_800_000_000
HOUR = 3600
BODY = b"up 1 1800000000000\n"


def entry(slot: int = NOW, target: str = "node", server_id: str = "web-1") -> Entry:
    """Return an entry's identity."""
    return Entry(Window(slot, server_id), target)


def limits(max_bytes: int = 2**30, retention: float = 48 * HOUR, min_free: int = 0) -> Limits:
    """Return limits that are wide unless told otherwise."""
    return Limits(retention, max_bytes, min_free)


def balance(buffer: Buffer) -> bool:
    """Tell whether every entry that there ever was is somewhere."""
    books = buffer.books
    aside = books.delivered + books.quarantined + books.evicted + books.left
    return books.found + books.stored == aside + buffer.count


def open_files() -> int:
    """Return how many file descriptors this process has."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
