"""What is on disk, in memory: windows in the order of their slots, without a second look at the directory."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable

from nodepulse_core.model import Entry, Window

_SPARE = 64


class Index:
    """Entries by window. Adding, removing and taking the oldest cost the logarithm of the windows at most.

    A server in an outage holds tens of thousands of them, so an entry is no object here: it is a size under its
    target's name, which all entries of that target share.
    """

    def __init__(self) -> None:
        self._sizes: dict[Window, dict[str, int]] = {}
        self._order: list[Window] = []
        self.count = 0
        self.size = 0

    def add(self, entry: Entry) -> None:
        """Add an entry that is not there yet."""
        held = self._sizes.get(entry.window)
        if held is None:
            held = self._sizes[entry.window] = {}
            heapq.heappush(self._order, entry.window)
        held[sys.intern(entry.target)] = entry.size
        self.count += 1
        self.size += entry.size

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add many entries."""
        for entry in entries:
            self.add(entry)

    def __contains__(self, entry: Entry) -> bool:
        return entry.target in self._sizes.get(entry.window, ())

    def size_of(self, entry: Entry) -> int | None:
        """Return the bytes of an entry, or None where it is not there."""
        return self._sizes.get(entry.window, {}).get(entry.target)

    def remove(self, entry: Entry) -> bool:
        """Remove an entry; return whether it was there."""
        held = self._sizes.get(entry.window)
        size = held.pop(entry.target, None) if held is not None else None
        if size is None:
            return False
        if not held:
            self._forget(entry.window)
        self.count -= 1
        self.size -= size
        return True

    def entries(self, window: Window) -> tuple[Entry, ...]:
        """Return a window's entries by target name."""
        held = self._sizes.get(window, {})
        return tuple(Entry(window, target, held[target]) for target in sorted(held))

    def oldest(self, accept: Callable[[Window], bool] = lambda _: True) -> Window | None:
        """Return the oldest window that is accepted."""
        return next(iter(self.first(1, accept)), None)

    def first(self, entries: int, accept: Callable[[Window], bool] = lambda _: True) -> list[Window]:
        """Return the oldest accepted windows of one server_id that have up to so many entries together.

        A window that is larger than that comes alone.
        """
        taken: list[Window] = []
        met: list[Window] = []
        room = entries
        while self._order:
            window = heapq.heappop(self._order)
            held = self._sizes.get(window)
            if held is None or (met and met[-1] == window):
                continue
            met.append(window)
            if not accept(window):
                continue
            if taken and (len(held) > room or window.server_id != taken[0].server_id):
                break
            taken.append(window)
            room -= len(held)
            if room <= 0:
                break
        for window in met:
            heapq.heappush(self._order, window)
        return taken

    def _forget(self, window: Window) -> None:
        """Remove a window; its place in the order goes when it is met, or when too many such have gathered."""
        del self._sizes[window]
        if len(self._order) > 2 * len(self._sizes) + _SPARE:
            self._order = sorted(self._sizes)  # a sorted list is a heap
