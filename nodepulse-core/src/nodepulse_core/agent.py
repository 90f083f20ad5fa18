"""The whole: builds every part from the plan, wires them, runs them, and ends them in order.

     fleet ─▶ collect ─▶ ┌────────┐ ─▶ drain ─▶ sender ─▶ destination
       ▲        │        │ buffer │     │
    control     ▼        └────────┘     ▼
              health ◀──────────────────┘ ─▶ report

Nothing else in the package looks for another part: each is handed what it needs, here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.clock import Clock
from nodepulse_core.collect import Collect, Scraper, TargetHTTP
from nodepulse_core.config import AddedTargets, Settings
from nodepulse_core.control import Control
from nodepulse_core.deliver import BatchMaker, Drain, GuardedSender, HTTPSender, Observers, Pending, SnapshotMaker
from nodepulse_core.errors import NodePulseError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.fleet import Fleet
from nodepulse_core.health import Health
from nodepulse_core.model import GENERIC, Target
from nodepulse_core.plan import Plan
from nodepulse_core.reporter import Identity, Reporter, look
from nodepulse_core.sender import Sender
from nodepulse_core.units import format_size
from nodepulse_core.watch import Watch

_HOUR = 3600.0
DRAIN_SECONDS = 5.0
"""How long the end of the agent may take."""
_CLOSING_SECONDS = 1.0

_SPARE_SECONDS = 60.0
"""How much longer than `server.timeout` a sender may take, before its call is ended for it."""

log = logging.getLogger(__name__)


class Agent:
    """One agent: make it in a running event loop, and `run` it once."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        """Build all parts; raises NodePulseError where one cannot be built. Nothing is opened yet."""
        self._plan = plan
        self._clock = clock
        settings = plan.wanted.settings
        self.health = Health()
        self.buffer = Buffer(plan.buffer_path, _limits(settings), settings.buffer.fsync, monotonic=clock.monotonic)
        self._sender = self._choose_sender(settings)
        self._http = TargetHTTP(plan.user_agent)
        self._scraper = Scraper(self._http)
        self._collect = Collect(
            buffer=self.buffer,
            scraper=self._scraper,
            health=self.health,
            clock=clock,
            server_id=plan.server_id,
            scrape_failed=plan.host.scrape_failed,
        )
        self.fleet = Fleet(self._collect, self._exporter)
        self._drain = self._make_drain(settings)
        self._watch = Watch(clock, lambda: look(clock, self.buffer))
        self.control = Control(
            fleet=self.fleet,
            added=AddedTargets(plan.state_dir),
            registry=plan.registry,
            exporter=self._exporter,
            scraper=self._scraper,
            clock=clock,
            wanted=plan.wanted,
            reread=plan.reread,
            adopt=self._adopt,
        )
        self.reporter = Reporter(
            identity=Identity(clock.now(), plan.version, plan.server_id),
            clock=clock,
            health=self.health,
            buffer=self.buffer,
            fleet=self.fleet,
            watch=self._watch,
            host=plan.host,
            destination=lambda: (self._sender.name, self._endpoint),
            dead=self._dead,
        )
        self._endpoint = settings.server.endpoint
        self._beside: list[asyncio.Task[None]] = []

    async def run(
        self, stop: asyncio.Event, serving: Callable[[], AbstractAsyncContextManager[object]] = contextlib.nullcontext
    ) -> None:
        """Collect and drain until `stop` is set, then deliver what is complete, for at most 5 s.

        `serving` is entered once the buffer is open: it is where the agent's own HTTP comes in. Raises NodePulseError,
        before anything is scraped, where the buffer is in use or cannot be used, or serving cannot begin.
        """
        await asyncio.to_thread(self.buffer.open)
        try:
            async with serving():
                await self._run(stop)
        finally:
            await self._close()
            self._take_leave()

    async def _run(self, stop: asyncio.Event) -> None:
        self._announce()
        self._beside = [
            asyncio.create_task(self._drain.run(), name="drain"),
            asyncio.create_task(self._watch.run(), name="watch"),
        ]
        try:
            await self.control.start()
            await stop.wait()
        finally:
            await self._end()

    async def _close(self) -> None:
        await asyncio.gather(*map(self._scraper.close, self._plan.registry.loaded()))
        for close in (self._sender.close, self._http.close, self.buffer.close):
            with contextlib.suppress(Exception):  # a plugin's sender may raise or hang; the rest is closed all the same
                await asyncio.wait_for(close(), _CLOSING_SECONDS)

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS - _CLOSING_SECONDS):
                await self._collect.stop()
                for task in self._beside:
                    task.cancel()
                await asyncio.gather(*self._beside, return_exceptions=True)
                await self.buffer.settle()  # a scrape that was just being stored is delivered as well
                await self._drain.flush()
        except TimeoutError:
            log.info("the end took longer than %d s; what is left is delivered after the next start", DRAIN_SECONDS)
        except Exception:  # a defect of ours must not keep the buffer from being closed
            log.exception("the last delivery failed; it is made up for after the next start")

    def _make_drain(self, settings: Settings) -> Drain:
        host = self._plan.host
        snapshots = SnapshotMaker(
            read=self.buffer.read,
            target=self._target,
            exporter=self._plan.registry.find,
            transform=host.transform,
        )
        return Drain(
            buffer=self.buffer,
            maker=BatchMaker(snapshots.make),
            sender=GuardedSender(self._sender, settings.server.timeout + _SPARE_SECONDS),
            pending=Pending(
                self.buffer,
                settings.buffer.batch_size,
                # Drawn once: it spreads a fleet as well, and no window of this agent overtakes another.
                random.uniform(0.0, settings.buffer.drain_jitter),  # noqa: S311 - guards no secret
                ordered=bool(self._sender.ordered),
            ),
            health=self.health,
            clock=self._clock,
            observers=Observers(sent=host.batch_sent, rejected=host.batch_rejected),
        )

    def _adopt(self, old: Settings, new: Settings) -> tuple[str, ...]:
        return ()

    def _dead(self) -> list[str]:
        return [*self._collect.dead, *(task.get_name() for task in self._beside if task.done())]

    def _target(self, name: str) -> Target | None:
        member = self.fleet.find(name)
        return None if member is None else member.target

    def _choose_sender(self, settings: Settings) -> Sender:
        server = settings.server
        destination = server.destination()
        if server.sender == HTTPSender.name:
            return HTTPSender(destination, self._plan.user_agent, self._clock)
        senders = self._plan.host.senders(destination)
        if server.sender not in senders:
            known = ", ".join(sorted({HTTPSender.name, *senders}))
            raise NodePulseError(f"server.sender: there is no sender {server.sender!r}; known: {known}")
        return senders[server.sender]

    def _exporter(self, target: Target) -> Exporter:
        if target.type == GENERIC:
            return HTTPExporter(GENERIC, default_endpoint=target.endpoint)
        return self._plan.registry.load(target.type)

    def _announce(self) -> None:
        targets = ", ".join(target.name for target in self._plan.wanted.targets) or "none"
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


def _limits(settings: Settings) -> Limits:
    return Limits(
        retention=settings.buffer.retention_hours * _HOUR,
        max_bytes=settings.buffer.max_bytes,
        min_free_bytes=settings.buffer.min_free_bytes,
    )
