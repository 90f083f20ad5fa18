"""What to send next: the window that has just been completed, or the oldest of what waits.

A completed window is fresh: it is due after a delay, and goes alone. What could not be sent, and what was found at
the start, is the backlog: whole windows, oldest first. The two take turns, so neither waits behind the other.

A batch that failed is a suspect: others are tried in its place. If another passes, the suspect was to blame, and
waits behind the others, longer each time. If others fail as well, it is the destination, and no window is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from attrs import frozen

from nodepulse_core.buffer import Buffer
from nodepulse_core.model import Window

_MOST_FRESH = 8
_MOST_DELAYED = 256
_MOST_SUSPECTS = 64
_MOST_BEHIND = 1024
_ALONE = 2
_SHORTEST_BEHIND = 1.0
_LONGEST_BEHIND = 900.0
_MOST_DOUBLINGS = 16


@frozen
class _Behind:
    count: int
    not_before: float


class Pending:
    """The order of delivery. Times are of the monotonic clock, in seconds."""

    def __init__(self, buffer: Buffer, batch_size: int, delay: float, *, ordered: bool) -> None:
        """Take the buffer, entries per batch, the delay of fresh windows, and whether the sender wants an order."""
        self._buffer = buffer
        self._most = self._size = batch_size
        self._delay = delay
        self.ordered = ordered
        self._fresh: deque[tuple[float, Window]] = deque()
        self._delayed: set[Window] = set()
        self._suspects: set[Window] = set()
        self._behind: dict[Window, _Behind] = {}
        self._fresh_turn = True

    def note_completed(self, now: float) -> None:
        """Take over the windows that collect has completed."""
        for window in self._buffer.windows.take_completed():
            if self._buffer.entries([window]):
                self._fresh.append((now + self._delay, window))
                self._delayed.add(window)
        while len(self._fresh) > _MOST_DELAYED:
            self._to_backlog()

    def take(self, now: float, *, outage: bool, hurry: bool = False) -> list[Window]:
        """Return the windows of the next batch; none where nothing is due.

        In an outage only the newest fresh window stays fresh; the others join the backlog. In a hurry nothing
        waits for its delay.
        """
        fresh = self._due(now, outage=outage, hurry=hurry)
        backlog = self._backlog(now) if not fresh or not self._fresh_turn else []
        if backlog:
            self._fresh_turn = True
            return backlog
        if not fresh:
            return []
        self._fresh_turn = False
        return [self._to_backlog()]  # where it is found again, should it fail

    def failed(self, windows: Sequence[Window], now: float) -> None:
        """Note that a batch of these windows has to wait: try others, and fewer at a time."""
        if len(windows) > 1:
            self.shrink(len(self._buffer.entries(windows)))
        if self.ordered:
            return  # there are no others to try
        for window in windows:
            if window in self._behind:  # blamed before: it need not be tried until others pass again
                self._put_behind(window, self._behind[window].count, now)
        if len(self._suspects) + len(windows) > _MOST_SUSPECTS:
            self._suspects.clear()  # so many have failed in a row: none of them is to blame
        self._suspects.update(windows)

    def shrink(self, entries: int) -> None:
        """Note that so many entries were too many for one batch."""
        self._size = max(1, min(self._size, entries) // 2)

    def passed(self, windows: Iterable[Window], now: float) -> None:
        """Note that a batch of these windows has arrived: those that failed before it are to blame themselves."""
        self._size = min(self._most, self._size + 1)
        for window in sorted(self._suspects.difference(windows)):
            self._put_behind(window, self._failures(window) + 1, now)
        self._suspects.clear()
        while len(self._behind) > _MOST_BEHIND:
            del self._behind[next(iter(self._behind))]

    def done(self, windows: Sequence[Window]) -> None:
        """Forget the failures of windows that are gone."""
        for window in windows:
            self._behind.pop(window, None)
            self._suspects.discard(window)

    def next_due(self) -> float | None:
        """Return when something that waits is due; None where nothing waits."""
        self.done([window for window in self._behind if not self._buffer.entries([window])])  # evicted since
        times = [due for due, _ in self._fresh]
        times += [behind.not_before for behind in self._behind.values()]
        return min(times, default=None)

    def _due(self, now: float, *, outage: bool, hurry: bool) -> int:
        """Send what is more than may stay fresh to the backlog; return how many fresh windows are due."""
        due = len(self._fresh) if hurry else sum(time <= now for time, _ in self._fresh)
        keep = 0 if self.ordered else 1 if outage else _MOST_FRESH
        for _ in range(due - keep):
            self._to_backlog()
        return min(due, keep)

    def _to_backlog(self) -> Window:
        _, window = self._fresh.popleft()
        self._delayed.discard(window)
        return window

    def _backlog(self, now: float) -> list[Window]:
        if self.ordered:
            # Nothing overtakes what has been stored in a window that is open or not yet due.
            held = [window for window in self._buffer.windows if self._buffer.entries([window])]
            barrier = min((*held, *self._delayed), default=None)
            return self._buffer.first(self._size, lambda window: barrier is None or window < barrier)
        windows = self._buffer.first(
            self._size, lambda window: window not in self._suspects and self._is_ready(window, now)
        )
        if not windows and self._suspects:  # there is nothing else to try
            windows = self._buffer.first(self._size, lambda window: self._is_ready(window, now))
        alone = next((place for place, window in enumerate(windows) if self._failures(window) >= _ALONE), None)
        return windows if alone is None else windows[: max(alone, 1)]

    def _put_behind(self, window: Window, count: int, now: float) -> None:
        seconds = min(_LONGEST_BEHIND, _SHORTEST_BEHIND * 2 ** min(count - 1, _MOST_DOUBLINGS))
        self._behind.pop(window, None)  # the last to be blamed stands last
        self._behind[window] = _Behind(count, now + seconds)

    def _is_ready(self, window: Window, now: float) -> bool:
        if window in self._delayed:
            return False
        return window not in self._behind or self._behind[window].not_before <= now

    def _failures(self, window: Window) -> int:
        return self._behind[window].count if window in self._behind else 0
