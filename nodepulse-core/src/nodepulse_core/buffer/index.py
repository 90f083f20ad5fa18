"""What is on disk, in memory: windows in the order of their slots, without a second look at the directory."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from nodepulse_core.model import Entry, Window


class Index:
    """Entries by window. Adding, removing and taking the oldest cost the logarithm of the windows at most."""

    def __init__(self) -> None:
        self._windows: dict[Window, dict[str, Entry]] = {}
        self._order: list[Window] = []
        self.count = 0
        self.size = 0

    def add(self, entry: Entry) -> None:
        """Add an entry that is not there yet."""
        window = self._windows.get(entry.window)
        if window is None:
            window = self._windows[entry.window] = {}
            heapq.heappush(self._order, entry.window)
        window[entry.target] = entry
        self.count += 1
        self.size += entry.size

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add many entries."""
        for entry in entries:
            self.add(entry)

    def __contains__(self, entry: Entry) -> bool:
        return entry.target in self._windows.get(entry.window, ())

    def remove(self, entry: Entry) -> bool:
        """Remove an entry; return whether it was there."""
        window = self._windows.get(entry.window)
        found = window.pop(entry.target, None) if window is not None else None
        if found is None:
            return False
        if not window:
            del self._windows[entry.window]  # its place in the order goes when it is met
        self.count -= 1
        self.size -= found.size
        return True

    def entries(self, window: Window) -> tuple[Entry, ...]:
        """Return a window's entries by target name."""
        return tuple(sorted(self._windows.get(window, {}).values()))

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
            held = self._windows.get(window)
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
