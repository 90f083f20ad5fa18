"""The whole: builds every part from the settings, wires them, runs them, and ends them in order.

     targets ─▶ collect ─▶ ┌────────┐ ─▶ drain ─▶ sender ─▶ destination
                  │        │ buffer │     │
                  ▼        └────────┘     ▼
                health ◀──────────────────┘

Nothing else in the package looks for another part: each is handed what it needs, here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from pathlib import Path

from attrs import frozen

from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.clock import Clock
from nodepulse_core.collect import Collect, Job, Scraper, TargetHTTP
from nodepulse_core.config import Settings
from nodepulse_core.deliver import BatchMaker, Drain, HTTPSender, Observers, Pending
from nodepulse_core.errors import NodePulseError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.health import Health
from nodepulse_core.model import GENERIC, Target
from nodepulse_core.plugins import PluginHost, Registry
from nodepulse_core.sender import Sender
from nodepulse_core.units import format_size

_HOUR = 3600.0
DRAIN_SECONDS = 5.0
"""How long the end of the agent may take."""

log = logging.getLogger(__name__)


@frozen
class Plan:
    """Everything an agent is built from."""

    settings: Settings
    targets: tuple[Target, ...]
    server_id: str
    buffer_path: Path
    host: PluginHost
    registry: Registry
    version: str

    @property
    def user_agent(self) -> str:
        """How the agent names itself to exporters and dashboards."""
        return f"nodepulse-agent/{self.version}"


class Agent:
    """One agent: `run` it once."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        """Build all parts; raises NodePulseError where one cannot be built. Nothing is opened yet."""
        settings = plan.settings
        self._plan = plan
        self._clock = clock
        self.health = Health()
        limits = Limits(
            retention=settings.buffer.retention_hours * _HOUR,
            max_bytes=settings.buffer.max_bytes,
            min_free_bytes=settings.buffer.min_free_bytes,
        )
        self.buffer = Buffer(plan.buffer_path, limits, settings.buffer.fsync)
        self._sender = self._choose_sender()
        self._jobs = tuple(Job(target, self._exporter(target)) for target in plan.targets)

    async def run(self, stop: asyncio.Event) -> None:
        """Collect and drain until `stop` is set, then deliver what is complete, for at most 5 s.

        Raises StorageError, before anything is scraped, where the buffer is in use or cannot be used.
        """
        await asyncio.to_thread(self.buffer.open)
        http = TargetHTTP(self._plan.user_agent)
        scraper = Scraper(http)
        collect = self._collect(scraper)
        drain = self._drain()
        self._announce()
        for job in self._jobs:
            collect.add(job)
        draining = asyncio.create_task(drain.run(), name="drain")
        try:
            await stop.wait()
        finally:
            await self._end(collect, drain, draining)
            exporters = {id(job.exporter): job.exporter for job in self._jobs}
            await asyncio.gather(*map(scraper.close, exporters.values()))
            for close in (self._sender.close, http.close, self.buffer.close):
                with contextlib.suppress(Exception):  # a plugin's sender may raise; the rest is closed all the same
                    await close()
            self._take_leave()

    async def _end(self, collect: Collect, drain: Drain, draining: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await collect.stop()
                draining.cancel()
                await asyncio.gather(draining, return_exceptions=True)
                await drain.flush()
        except TimeoutError:
            log.info("the end took longer than %d s; what is left is delivered after the next start", DRAIN_SECONDS)
        except Exception:  # a defect of ours must not keep the buffer from being closed
            log.exception("the last delivery failed; it is made up for after the next start")

    def _collect(self, scraper: Scraper) -> Collect:
        return Collect(
            buffer=self.buffer,
            scraper=scraper,
            health=self.health,
            clock=self._clock,
            server_id=self._plan.server_id,
            scrape_failed=self._plan.host.scrape_failed,
        )

    def _drain(self) -> Drain:
        settings = self._plan.settings.buffer
        host = self._plan.host
        return Drain(
            buffer=self.buffer,
            maker=BatchMaker(
                read=self.buffer.read,
                targets={target.name: target for target in self._plan.targets},
                exporter=self._plan.registry.find,
                transform=host.transform,
            ),
            sender=self._sender,
            pending=Pending(
                self.buffer,
                settings.batch_size,
                lambda: random.uniform(0.0, settings.drain_jitter),  # noqa: S311 - spreads a fleet, guards no secret
                ordered=bool(self._sender.ordered),
            ),
            health=self.health,
            clock=self._clock,
            observers=Observers(sent=host.batch_sent, rejected=host.batch_rejected),
        )

    def _choose_sender(self) -> Sender:
        settings = self._plan.settings.server
        destination = settings.destination()
        if settings.sender == HTTPSender.name:
            return HTTPSender(destination, self._plan.user_agent, self._clock)
        senders = self._plan.host.senders(destination)
        if settings.sender not in senders:
            known = ", ".join(sorted({HTTPSender.name, *senders}))
            raise NodePulseError(f"server.sender: there is no sender {settings.sender!r}; known: {known}")
        return senders[settings.sender]

    def _exporter(self, target: Target) -> Exporter:
        if target.type == GENERIC:
            return HTTPExporter(GENERIC, default_endpoint=target.endpoint)
        return self._plan.registry.load(target.type)

    def _announce(self) -> None:
        targets = ", ".join(target.name for target in self._plan.targets) or "none"
        log.info("nodepulse %s, server_id %s, targets: %s", self._plan.version, self._plan.server_id, targets)
        if self.buffer.count:
            size = format_size(self.buffer.size)
            log.info("%d entries (%s) wait in %s; they are delivered now", self.buffer.count, size, self.buffer.path)

    def _take_leave(self) -> None:
        books = self.buffer.books
        log.info(
            "ended: stored %d, delivered %d, quarantined %d, evicted %d, not stored %d; %d entries wait in %s",
            books.stored,
            books.delivered,
            books.quarantined,
            books.evicted,
            books.refused,
            self.buffer.count,
            self.buffer.path,
        )
