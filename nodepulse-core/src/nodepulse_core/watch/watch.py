"""The watch: how late the event loop is, and how the backlog went over the last hour."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from attrs import frozen

from nodepulse_core.clock import Clock

BEAT = 1.0
"""Seconds between two looks at the event loop."""
SPAN = 3600.0
"""Seconds of the backlog that are remembered."""
_STEP = 10.0
_LATEST = 60


@frozen
class BacklogPoint:
    """The backlog at a moment: seconds since the epoch, entries that wait, their bytes, and counts since the start."""

    at: float
    files: int
    size_bytes: int
    quarantined: int
    evicted: int


class Watch:
    """Looks at the agent once a second; `run` it beside the loops."""

    def __init__(self, clock: Clock, look: Callable[[], BacklogPoint], check: Callable[[], object]) -> None:
        """Take the time, what tells the backlog of this moment, and what wants to be asked every ten seconds."""
        self._clock = clock
        self._look = look
        self._check = check
        self._points: deque[BacklogPoint] = deque(maxlen=int(SPAN / _STEP))
        self._lags: deque[float] = deque(maxlen=_LATEST)
        self.late_seconds = 0.0
        """How long the event loop has kept others waiting since the start, all together."""
        self.beats = 0
        self.beat_at: float | None = None
        """When the loop last turned, by the monotonic clock; None while nobody looks."""

    async def run(self) -> None:
        """Look until cancelled."""
        self._points.append(self._look())
        while True:
            asked = self.beat_at = self._clock.monotonic()
            await self._clock.sleep(BEAT)
            lag = max(0.0, self._clock.monotonic() - asked - BEAT)
            self._lags.append(lag)
            self.late_seconds += lag
            self.beats += 1
            if self.beats % round(_STEP / BEAT) == 0:
                self._points.append(self._look())
                self._check()
            await asyncio.sleep(0)

    @property
    def lag(self) -> float:
        """The longest that the event loop was late in the last minute, in seconds."""
        return max(self._lags, default=0.0)

    def backlog(self) -> tuple[BacklogPoint, ...]:
        """Return the backlog of the last hour, oldest first, this moment included."""
        return (*self._points, self._look())

    def since(self, seconds: float) -> BacklogPoint:
        """Return the backlog as it was that long ago, or when the agent started."""
        now = self._clock.now()
        points = self.backlog()
        return next((point for point in points if point.at >= now - seconds), points[-1])
