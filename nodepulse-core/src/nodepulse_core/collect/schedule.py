"""When a target is scraped: at once, then on ticks aligned to its interval. A slot is never taken twice."""

from __future__ import annotations

import math

from attrs import frozen


@frozen
class Tick:
    """A time to scrape at, in seconds since the epoch; its slot is the same in whole seconds."""

    at: float
    skipped: int = 0
    """The ticks that went by since the one before, because that scrape took too long or the clock jumped."""

    @property
    def slot(self) -> int:
        """The collection time of what is scraped at this tick."""
        return math.floor(self.at)


def first_tick(now: float, interval: float) -> Tick:
    """Return the tick that has just gone by: the first scrape is taken at once, for that slot."""
    return Tick(math.floor(now / interval) * interval)


def next_tick(now: float, interval: float, last: Tick, *, began_late: bool = False) -> Tick:
    """Return the next aligned tick after `last`; ticks that have gone by are skipped, never queued.

    Timers may fire a little early, so the next tick is never less than an interval after the last. Where the
    clock was set back by more than that, the ticks start anew from what it shows now. A scrape that began late, as the
    first one does, and took less than an interval, has not overrun: the tick that has just gone by is taken at once.
    """
    gone_by = math.floor(now / interval) * interval
    following = last.at + interval
    if following - now > 2 * interval:
        return Tick(gone_by + interval)
    at = max(gone_by if began_late else gone_by + interval, following)
    return Tick(at, skipped=max(0, round((at - following) / interval)))
