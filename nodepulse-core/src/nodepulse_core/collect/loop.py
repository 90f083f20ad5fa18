"""Collect: one loop per target, each at its own interval, all of them strangers to each other.

     clock ─▶ tick ─▶ scrape ─▶ stamp ─▶ buffer
                │  ▲     │
                │  └─────┘ again, while the slot lasts
                └─▶ next tick; what went by is skipped and counted

A target that is down is tried at its next tick. Whatever one target's exporter does, the others do not notice.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from attrs import define, evolve, frozen

from nodepulse_core.buffer import Buffer
from nodepulse_core.clock import Clock
from nodepulse_core.collect.schedule import Tick, first_tick, next_tick
from nodepulse_core.collect.scrape import Scraped, Scraper
from nodepulse_core.errors import NodePulseError, ScrapeError, StorageError
from nodepulse_core.exporter import Exporter
from nodepulse_core.health import Health, Outcome, TargetHealth
from nodepulse_core.model import Entry, Retry, Target, Window
from nodepulse_core.units import format_duration

_LONGEST_SLEEP = 15.0
_FIRST_DELAY = 0.25
_MARGIN = 0.05
_SHORTEST_TRY = 0.05
_MOST_DOUBLINGS = 16
_REMEMBERED_SECONDS = 3600.0
log = logging.getLogger(__name__)


@frozen
class Job:
    """A target and the exporter that reads it."""

    target: Target
    exporter: Exporter


class Collect:
    """The loops of all targets."""

    def __init__(
        self,
        *,
        buffer: Buffer,
        scraper: Scraper,
        health: Health,
        clock: Clock,
        server_id: str,
        scrape_failed: Callable[[Target, str], None],
    ) -> None:
        self._buffer = buffer
        self._scraper = scraper
        self._health = health
        self._clock = clock
        self._server_id = server_id
        self._scrape_failed = scrape_failed
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._last: dict[str, Tick] = {}

    @property
    def dead(self) -> list[str]:
        """The targets whose loop has ended although nobody ended it; there should never be any."""
        return sorted(name for name, loop in self._loops.items() if loop.done())

    def add(self, job: Job) -> None:
        """Start a target's loop; its first scrape is taken at once, unless that slot was taken before."""
        name = job.target.name
        self._loops[name] = asyncio.create_task(self._run(job), name=f"collect {name}")

    async def remove(self, name: str) -> None:
        """End a target's loop; returns when it has ended."""
        await self._end([self._loops.pop(name)])
        self._health.forget(name)
        long_ago = self._clock.now() - _REMEMBERED_SECONDS
        self._last = {each: tick for each, tick in self._last.items() if each in self._loops or tick.at > long_ago}

    async def stop(self) -> None:
        """End all loops; a scrape that is under way is given up, one that is being stored is stored."""
        loops = list(self._loops.values())
        self._loops.clear()
        await self._end(loops)

    async def _end(self, loops: list[asyncio.Task[None]]) -> None:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        target = job.target
        health = self._health.target(target.name)
        tick = self._first_tick(target)
        while True:
            window = Window(tick.slot, self._server_id)
            self._buffer.windows.open(window, target.name)
            health.next_at = tick.at
            began = self._clock.monotonic()
            try:
                await self._sleep_until(tick.at)
                began = self._clock.monotonic()
                self._last[target.name] = tick
                await self._scrape(job, tick, window, health)
            except Exception:  # a defect of ours: it must not end this target's loop
                log.exception("%s: the slot %d is lost to a defect; the next one is tried", target.name, tick.slot)
            finally:
                self._buffer.windows.close(window, target.name)
            overran = self._clock.monotonic() - began >= target.interval
            tick = next_tick(self._clock.now(), target.interval, tick, began_late=not overran)
            health.skipped += tick.skipped

    def _first_tick(self, target: Target) -> Tick:
        """Return the tick to begin with: one that was scraped at before, under another configuration, is not again."""
        now = self._clock.now()
        tick, last = first_tick(now, target.interval), self._last.get(target.name)
        return tick if last is None or tick.slot != last.slot else next_tick(now, target.interval, tick)

    async def _sleep_until(self, at: float) -> None:
        # In pieces, since the clock may be set meanwhile.
        while (left := at - self._clock.now()) > 0:
            await self._clock.sleep(min(left, _LONGEST_SLEEP))

    async def _scrape(self, job: Job, tick: Tick, window: Window, health: TargetHealth) -> None:
        target = job.target
        entry = Entry(window, target.name)
        if entry in self._buffer:
            return
        tries = _Tries(self._clock.monotonic())
        try:
            scraped = await self._try(job, tick, tries)
            outcome = tries.outcome(tick.slot, self._clock.monotonic(), samples=scraped.samples)
            await self._buffer.put(entry, target.type, scraped.body, now=self._clock.now())
        except StorageError as error:
            health.note(evolve(outcome, samples=0, error=str(error)))
            self._health.storage.failed(self._clock.now(), str(error), "each scrape is tried again at its next slot")
            self._scrape_failed(target, str(error))
        except NodePulseError as error:
            again = f"next try in {format_duration(max(1, round(tick.at + target.interval - self._clock.now())))}"
            health.failed(self._clock.now(), tries.outcome(tick.slot, self._clock.monotonic(), error=str(error)), again)
            self._scrape_failed(target, str(error))
        else:
            self._health.storage.succeeded(self._clock.now())
            health.succeeded(self._clock.now(), outcome, scraped.body)
            log.debug("%s: %d samples stored for slot %d", target.name, scraped.samples, tick.slot)

    async def _try(self, job: Job, tick: Tick, tries: _Tries) -> Scraped:
        """Scrape, again where that fails, as long as a whole try may end before the next slot."""
        target = job.target
        end = self._clock.monotonic() + next_tick(self._clock.now(), target.interval, tick).at - self._clock.now()
        limit = target.timeout
        while True:
            tries.made += 1
            try:
                return await self._scraper.scrape(target, job.exporter, tick.slot, limit)
            except ScrapeError as error:
                times = f" (tried {tries.made} times)" if tries.made > 1 else ""
                delay = _delay(target.retry, tries.made)
                limit = min(target.timeout, end - self._clock.monotonic() - delay - _MARGIN)
                if tries.made >= target.retry.max_attempts or limit < _SHORTEST_TRY:
                    raise ScrapeError(f"{error}{times}") from error
            await self._clock.sleep(delay)


@define
class _Tries:
    """The tries of one slot: when the first began, and how many there were."""

    began: float
    made: int = 0

    def outcome(self, slot: int, now: float, *, samples: int = 0, error: str | None = None) -> Outcome:
        return Outcome(slot, now - self.began, samples, max(1, self.made), error)


def _delay(retry: Retry, failed: int) -> float:
    """Return the seconds to wait after that many failed tries (1 or more)."""
    if retry.backoff == "none":
        return 0.0
    if retry.backoff == "constant":
        return _FIRST_DELAY
    return random.uniform(0.5, 1.0) * _FIRST_DELAY * 2.0 ** min(failed, _MOST_DOUBLINGS)  # noqa: S311 - spreads retries, guards no secret
