"""What to send next: the window that has just been completed, or the oldest of what waits.

A completed window is fresh: it is due after a random delay, and goes alone. What could not be sent, and what was
found at the start, is the backlog: whole windows, oldest first. The two take turns, so neither waits behind the
other. A batch that failed waits for itself; the next one is tried in its place.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from attrs import define

from nodepulse_core.buffer import Buffer
from nodepulse_core.model import Window

_MOST_FRESH = 8


@define
class _Failure:
    count: int
    not_before: float


class Pending:
    """The order of delivery. Times are of the monotonic clock, in seconds."""

    def __init__(self, buffer: Buffer, batch_size: int, jitter: Callable[[], float], *, ordered: bool) -> None:
        """Take the buffer, entries per batch, what draws the delay of a fresh window, and the sender's wish."""
        self._buffer = buffer
        self._batch_size = batch_size
        self._jitter = jitter
        self._ordered = ordered
        self._fresh: list[tuple[float, Window]] = []
        self._waiting: set[Window] = set()
        self._failures: dict[Window, _Failure] = {}
        self._fresh_turn = True

    def note_completed(self, now: float) -> None:
        """Take over the windows that collect has completed."""
        for window in self._buffer.windows.take_completed():
            if self._buffer.entries([window]):
                heapq.heappush(self._fresh, (now + self._jitter(), window))
                self._waiting.add(window)

    def take(self, now: float, *, outage: bool, hurry: bool = False) -> list[Window]:
        """Return the windows of the next batch; none where nothing is due.

        In an outage only the newest fresh window stays fresh; the others join the backlog. In a hurry nothing
        waits for its delay.
        """
        fresh = self._due(now, outage=outage, hurry=hurry)
        backlog = self._backlog(now) if self._ordered or fresh is None or not self._fresh_turn else []
        if backlog:
            self._fresh_turn = True
            if fresh is not None:
                heapq.heappush(self._fresh, (now, fresh))
            return backlog
        if fresh is None:
            return []
        self._waiting.discard(fresh)
        self._fresh_turn = False
        return [fresh]

    def failed(self, windows: list[Window], wait: Callable[[int], float], now: float) -> None:
        """Note that a batch of these windows has to wait; `wait` gives the seconds for a number of failures."""
        for window in windows:
            count = self._failures[window].count + 1 if window in self._failures else 1
            self._failures[window] = _Failure(count, now + wait(count))

    def done(self, windows: list[Window]) -> None:
        """Forget the failures of windows that are gone."""
        for window in windows:
            self._failures.pop(window, None)

    def next_due(self) -> float | None:
        """Return when something that waits is due; None where nothing waits."""
        for window in [window for window in self._failures if not self._buffer.entries([window])]:
            del self._failures[window]  # evicted, or quarantined, since
        times = [due for due, _ in self._fresh[:1]]
        times += [failure.not_before for failure in self._failures.values()]
        return min(times, default=None)

    def _due(self, now: float, *, outage: bool, hurry: bool) -> Window | None:
        due = []
        while self._fresh and (hurry or self._fresh[0][0] <= now):
            due.append(heapq.heappop(self._fresh)[1])
        due.sort()
        keep = 0 if self._ordered else 1 if outage else _MOST_FRESH
        for window in due[: max(0, len(due) - keep)]:
            self._waiting.discard(window)
        kept = due[len(due) - keep :] if keep else []
        for window in kept[1:]:
            heapq.heappush(self._fresh, (now, window))
        return kept[0] if kept else None

    def _backlog(self, now: float) -> list[Window]:
        def ready(window: Window) -> bool:
            failure = self._failures.get(window)
            return window not in self._waiting and (self._ordered or failure is None or failure.not_before <= now)

        return self._buffer.first(self._batch_size, ready)
