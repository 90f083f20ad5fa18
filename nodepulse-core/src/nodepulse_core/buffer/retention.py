"""How old entries may become, by a clock that does not leap.

A wall clock that is set forward by a year must not make everything that waits a year too old. So where it runs
ahead of the monotonic clock, what waits is taken to be as old as the monotonic clock says, until one retention has
gone by: by then all that was stored before the leap has had its time. A clock that is set back only makes entries
younger. What was found at the start is judged as though no time had gone by since its newest entry.
"""

from __future__ import annotations

_LEAP = 60.0


class Retention:
    """The slot before which entries are too old. All times are seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last: tuple[float, float] | None = None
        self._ahead = 0.0
        self._until = 0.0

    def start(self, newest: float, monotonic: float) -> None:
        """Begin with the newest slot that was found on disk."""
        self._last = (newest, monotonic)

    def cutoff(self, now: float, monotonic: float) -> float:
        """Return the slot before which entries are too old, by the wall clock and the monotonic one."""
        if self._last is not None:
            leap = (now - self._last[0]) - (monotonic - self._last[1])
            if leap > _LEAP:
                self._ahead += leap
                self._until = monotonic + self.seconds
            elif leap < -_LEAP:
                self._ahead = max(0.0, self._ahead + leap)
        if monotonic >= self._until:
            self._ahead = 0.0
        self._last = (now, monotonic)
        return now - self._ahead - self.seconds
