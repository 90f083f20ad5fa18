"""The loop's watch: a thread that sees when the event loop does not turn, and names the plugin that holds it.

    watch: a beat a second, in the loop ─▶ beat is old ─▶ who is on the loop's stack? ─▶ log, books
                                                └─▶ for a minute, by the same plugin ─▶ give up

It wakes once a second. It feeds nothing and restarts nothing by itself: what to do about a loop that is held for ever
is for whoever made it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable

from nodepulse_core.clock import Clock
from nodepulse_core.plugins import Installed
from nodepulse_core.units import format_duration
from nodepulse_core.watch.holders import Hold, Holder, find_holder
from nodepulse_core.watch.watch import BEAT

LATE = 1.0
"""Seconds that a beat may be late before anybody is looked for."""
FOR_EVER = 60.0
"""Seconds after which a held loop is given up."""
_MOST_HOLDERS = 100
log = logging.getLogger(__name__)


class LoopWatch:
    """Watches one loop, from `start` to `stop`."""

    def __init__(
        self,
        *,
        clock: Clock,
        beat_at: Callable[[], float | None],
        find: Callable[[], Holder | None],
        give_up: Callable[[Holder, float], None],
    ) -> None:
        """Take the time, when the last beat was (monotonic), who is running now, and what ends the agent.

        `give_up` is called once a plugin has held the loop for a minute, with the seconds, in the watch's thread.
        """
        self._clock = clock
        self._beat_at = beat_at
        self._find = find
        self._give_up = give_up
        self._holds: dict[tuple[str, str | None], Hold] = {}
        self._hold: Hold | None = None
        self._lasted = 0.0
        self._say_at = 0.0
        self._stop = threading.Event()

    def holds(self) -> tuple[Hold, ...]:
        """Return what is known of every plugin that has held the loop."""
        return tuple(self._holds.values())

    def start(self) -> None:
        """Watch from now on."""
        threading.Thread(target=self._run, name="loop watch", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(BEAT):
            try:
                self.look()
            except Exception:  # a defect of ours: the watch goes on
                log.exception("the watch of the event loop failed; it goes on")

    def look(self) -> None:
        """Look once."""
        beat_at = self._beat_at()
        late = 0.0 if beat_at is None else self._clock.monotonic() - beat_at - BEAT
        if late < LATE:
            self._end()
            return
        holder = self._find()
        if holder is None or (self._hold is not None and holder != self._hold.holder):
            self._end()
        if holder is None:
            return
        if self._hold is None:
            self._begin(holder)
        self._lasted = late
        self._say(holder, late)
        if late >= FOR_EVER:
            self._give_up(holder, late)

    def _begin(self, holder: Holder) -> None:
        key = (holder.plugin.name, holder.target)
        if key not in self._holds and len(self._holds) >= _MOST_HOLDERS:
            self._holds.pop(next(iter(self._holds)))
        self._hold = self._holds.setdefault(key, Hold(holder))
        self._hold.times += 1
        self._hold.last_at = self._clock.now()
        # The 1st, 2nd, 4th, … time from its beginning, the others only where they last.
        self._say_at = LATE if not self._hold.times & (self._hold.times - 1) else 8 * LATE

    def _say(self, holder: Holder, late: float) -> None:
        if late < self._say_at or self._hold is None:
            return
        self._say_at = 3 * late
        times = f" (the {self._hold.times}th time)" if self._hold.times > 3 else ""  # noqa: PLR2004 - 1st to 3rd are rare
        log.warning(
            "%s has held the event loop for %s%s; all others wait for it: make it async, or set isolation: process",
            holder,
            format_duration(round(late)),
            times,
        )

    def _end(self) -> None:
        if self._hold is not None:
            self._hold.note(self._lasted, self._clock.now())
        self._hold = None
        self._lasted = 0.0


def holder_finder(
    loop: asyncio.AbstractEventLoop, installed: Callable[[], Iterable[Installed]]
) -> Callable[[], Holder | None]:
    """Return what finds who holds a loop; to be called in the loop's own thread."""
    thread = threading.get_ident()
    return lambda: find_holder(loop, thread, installed())
