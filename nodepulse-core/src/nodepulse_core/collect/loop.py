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

from attrs import frozen

from nodepulse_core.buffer import Buffer
from nodepulse_core.clock import Clock
from nodepulse_core.collect.schedule import Tick, first_tick, next_tick
from nodepulse_core.collect.scrape import Scraped, Scraper
from nodepulse_core.errors import NodePulseError, ScrapeError
from nodepulse_core.exporter import Exporter
from nodepulse_core.health import Health
from nodepulse_core.model import Entry, Retry, Target, Window
from nodepulse_core.units import format_duration

_LONGEST_SLEEP = 15.0
_FIRST_DELAY = 0.25
_MARGIN = 0.05
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

    def add(self, job: Job) -> None:
        """Start a target's loop; its first scrape is taken at once."""
        name = job.target.name
        self._loops[name] = asyncio.create_task(self._run(job), name=f"collect {name}")

    async def remove(self, name: str) -> None:
        """End a target's loop; returns when it has ended."""
        await self._end([self._loops.pop(name)])
        self._health.forget(name)

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
        tick = first_tick(self._clock.now(), target.interval)
        while True:
            window = Window(tick.slot, self._server_id)
            self._buffer.windows.open(window, target.name)
            try:
                await self._sleep_until(tick.at)
                await self._scrape(job, tick, window)
            except Exception:  # a defect of ours: it must not end this target's loop
                log.exception("%s: the slot %d is lost to a defect; the next one is tried", target.name, tick.slot)
            finally:
                self._buffer.windows.close(window, target.name)
            tick = next_tick(self._clock.now(), target.interval, tick)
            if tick.skipped:
                self._health.skip(target.name, tick.skipped)

    async def _sleep_until(self, at: float) -> None:
        # In pieces, since the clock may be set meanwhile.
        while (left := at - self._clock.now()) > 0:
            await self._clock.sleep(min(left, _LONGEST_SLEEP))

    async def _scrape(self, job: Job, tick: Tick, window: Window) -> None:
        target = job.target
        entry = Entry(window, target.name)
        if entry in self._buffer:
            return
        condition = self._health.target(target.name)
        try:
            scraped = await self._try(job, tick)
            await self._buffer.put(entry, target.type, scraped.body, now=self._clock.now())
        except NodePulseError as error:
            again = f"next try in {format_duration(max(1, round(tick.at + target.interval - self._clock.now())))}"
            condition.failed(self._clock.now(), str(error), again)
            self._scrape_failed(target, str(error))
        else:
            condition.succeeded(self._clock.now())
            log.debug("%s: %d samples stored for slot %d", target.name, scraped.samples, tick.slot)

    async def _try(self, job: Job, tick: Tick) -> Scraped:
        """Scrape, again where that fails, as long as a whole try ends before the next slot."""
        target = job.target
        end = self._clock.monotonic() + self._left(tick, target)
        for attempt in range(1, target.retry.max_attempts + 1):
            left = end - self._clock.monotonic() - _MARGIN
            try:
                return await self._scraper.scrape(
                    target, job.exporter, tick.slot, min(target.timeout, max(left, _MARGIN))
                )
            except ScrapeError as error:
                delay = _delay(target.retry, attempt)
                if attempt == target.retry.max_attempts or end - self._clock.monotonic() - delay <= 2 * _MARGIN:
                    times = f" (tried {attempt} times)" if attempt > 1 else ""
                    raise ScrapeError(f"{error}{times}") from error
                await self._clock.sleep(delay)
        raise ScrapeError("retry.max_attempts is less than 1")

    def _left(self, tick: Tick, target: Target) -> float:
        """Return the seconds until the target's next slot."""
        return next_tick(self._clock.now(), target.interval, tick).at - self._clock.now()


def _delay(retry: Retry, attempt: int) -> float:
    if retry.backoff == "none":
        return 0.0
    if retry.backoff == "constant":
        return _FIRST_DELAY
    return random.uniform(0.5, 1.0) * _FIRST_DELAY * 2.0**attempt  # noqa: S311 - spreads retries, guards no secret
