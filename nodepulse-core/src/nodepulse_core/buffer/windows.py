"""Which windows are still being collected, and which are complete: the one thing collect tells drain."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from nodepulse_core.model import Window

_REMEMBERED = 1024


class OpenWindows:
    """Windows by the scrapes that have not ended yet.

    A target announces the slot of its next scrape before it waits for it, so a window closes no sooner than all
    targets that share it are done.
    """

    def __init__(self) -> None:
        self._awaited: dict[Window, set[str]] = {}
        self._completed: deque[Window] = deque(maxlen=_REMEMBERED)
        self.changed = asyncio.Event()

    def __contains__(self, window: Window) -> bool:
        return window in self._awaited

    def __iter__(self) -> Iterator[Window]:
        return iter(self._awaited)

    def open(self, window: Window, target: str) -> None:
        """Announce a scrape."""
        self._awaited.setdefault(window, set()).add(target)

    def close(self, window: Window, target: str) -> None:
        """Tell that a scrape has ended, or will not take place."""
        awaited = self._awaited.get(window)
        if awaited is None:
            return
        awaited.discard(target)
        if not awaited:
            del self._awaited[window]
            self._completed.append(window)
            self.changed.set()

    def take_completed(self) -> list[Window]:
        """Return the windows that were completed since the last call, oldest first, at most the newest 1024."""
        self.changed.clear()
        completed = sorted(self._completed)
        self._completed.clear()
        return completed
