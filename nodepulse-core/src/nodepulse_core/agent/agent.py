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
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager

from nodepulse_core.agent.control import Adopt, Control
from nodepulse_core.agent.exporters import Exporters
from nodepulse_core.agent.fleet import Fleet
from nodepulse_core.agent.metrics import make_families
from nodepulse_core.agent.outlet import Outlet
from nodepulse_core.agent.plan import Plan
from nodepulse_core.agent.reporter import Identity, Reporter, look
from nodepulse_core.agent.search import Search
from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.clock import Clock
from nodepulse_core.collect import Collect, Scanner, Scraper, TargetHTTP
from nodepulse_core.config import AddedTargets, Settings, differing_keys
from nodepulse_core.deliver import BatchMaker, SnapshotMaker
from nodepulse_core.drift import Drift
from nodepulse_core.families import write_exposition
from nodepulse_core.field_memory import FieldMemory
from nodepulse_core.health import Health
from nodepulse_core.model import Target
from nodepulse_core.units import format_size
from nodepulse_core.watch.loop_watch import LoopWatch, holder_finder
from nodepulse_core.watch.progress import Progress, Sign
from nodepulse_core.watch.watch import Watch

_HOUR = 3600.0
DRAIN_SECONDS = 5.0
"""How long the end of the agent may take."""
_CLOSING_SECONDS = 1.0
_FLUSH_SECONDS = DRAIN_SECONDS - _CLOSING_SECONDS
_LONGEST_STORING = 60.0
"""How much longer than its interval a target's loop may take for one slot, its disk included."""

_OF_THE_OUTLET = {"server", "buffer.batch_size", "buffer.drain_jitter"}
_LIVE = {
    *_OF_THE_OUTLET,
    "agent.interval",
    "discovery",
    "api.allow_targets",
    "buffer.retention_hours",
    "buffer.max_bytes",
    "buffer.min_free_bytes",
    "logging",
}
"""The keys that a reload puts into force; all others take effect after a restart."""

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
        self._exporters = Exporters(
            plan.registry,
            plan.isolation,
            write_metrics=self._write_metrics,
            isolated=settings.plugins.isolated,
            held=plan.held,
        )
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
        self.fleet = Fleet(self._collect, self._exporters.find)
        drift = Drift(FieldMemory(plan.state_dir))
        snapshots = SnapshotMaker(
            read=self.buffer.read,
            target=self._target,
            exporter=self._exporters.find_for_snapshots,
            transform=plan.host.transform,
            check=drift.check,
        )
        self._outlet = Outlet(
            plan=plan, buffer=self.buffer, maker=BatchMaker(snapshots.make), health=self.health, clock=clock
        )
        self._search = Search(
            scanner=Scanner(self._scraper, plan.registry.names, self._exporters.find_by_type),
            fleet=self.fleet,
            registry=plan.registry,
            clock=clock,
            settings=settings,
        )
        self._progress = Progress(clock.monotonic)
        self._watch = Watch(clock, lambda: look(clock, self.buffer), self._behind)
        self._loop_watch = LoopWatch(
            clock=clock,
            beat_at=lambda: self._watch.beat_at,
            find=holder_finder(asyncio.get_running_loop(), lambda: plan.host.installed),
            give_up=plan.give_up,
        )
        self.control = Control(
            fleet=self.fleet,
            added=AddedTargets(plan.state_dir),
            registry=plan.registry,
            exporter=self._exporters.find,
            scraper=self._scraper,
            clock=clock,
            wanted=plan.wanted,
            reread=plan.reread,
            prepare=self._prepare,
        )
        self.reporter = Reporter(
            identity=Identity(clock.now(), plan.version, plan.server_id),
            clock=clock,
            health=self.health,
            buffer=self.buffer,
            fleet=self.fleet,
            watch=self._watch,
            holds=self._loop_watch.holds,
            host=plan.host,
            isolation=plan.isolation,
            destination=lambda: (self._outlet.sender, self._outlet.endpoint),
            dead=self._dead,
            stalled=self._behind,
            missing=drift.missing,
        )
        self._watching: asyncio.Task[None] | None = None
        self.running = asyncio.Event()
        """Set once everything runs that the configuration asks for."""

    def stalled(self) -> list[str]:
        """Return which loops have ended by a defect, or do not get on."""
        return [*self._dead(), *self._behind()]

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
            if self._watching is not None:  # else it has not begun, and the error alone is what there is to say
                self._take_leave()

    async def _run(self, stop: asyncio.Event) -> None:
        self._announce()
        self._outlet.start()
        self._watching = asyncio.create_task(self._watch.run(), name="watch")
        self._loop_watch.start()
        try:
            await self.control.start()
            await self._search.start()
            self.running.set()
            await stop.wait()
        finally:
            await self._end()

    async def _close(self) -> None:
        await asyncio.gather(self._exporters.close(), *map(self._scraper.close, self._plan.registry.loaded()))
        await self._outlet.close()
        for close in (self._http.close, self.buffer.close):
            with contextlib.suppress(Exception):  # whatever one of them meets, the others are closed all the same
                await asyncio.wait_for(close(), _CLOSING_SECONDS)

    async def _end(self) -> None:
        self._loop_watch.stop()
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._search.stop()
                await self._collect.stop()
                await self._outlet.stop()
                if self._watching is not None:
                    self._watching.cancel()
                await self.buffer.settle()  # a scrape that was just being stored is delivered as well
                await self._outlet.flush()
        except TimeoutError:
            log.info("not all was delivered in the last %d s; the rest is, after the next start", _FLUSH_SECONDS)
        except Exception:  # a defect of ours must not keep the buffer from being closed
            log.exception("the last delivery failed; it is made up for after the next start")

    def _prepare(self, old: Settings, new: Settings) -> Adopt:
        """Make ready what other settings ask for; raises NodePulseError, and nothing is changed, where that fails."""
        keys = differing_keys(old, new)
        way = self._outlet.prepare(new) if any(_is_below(key, _OF_THE_OUTLET) for key in keys) else None
        if any(_is_below(key, {"logging"}) for key in keys):
            self._plan.set_up_logs(new)

        async def adopt() -> tuple[str, ...]:
            self.buffer.limit(_limits(new))
            if way is not None:
                await self._outlet.replace(way)
            await self._search.adopt(new)
            return tuple(key for key in keys if not _is_below(key, _LIVE))

        return adopt

    def _dead(self) -> list[str]:
        ended = {
            "drain": self._outlet.dead,
            "discovery": self._search.dead,
            "watch": self._watching is not None and self._watching.done(),
        }
        return [*self._collect.dead, *(name for name, dead in ended.items() if dead)]

    def _behind(self) -> list[str]:
        """Return which loops do not get on, although none has ended them; the watch asks every ten seconds."""
        dead = self._dead()
        return [name for name in self._progress.stalled(self._signs()) if name not in dead]

    def _signs(self) -> Iterator[Sign]:
        now = self._clock.now()
        for member in self.fleet.members():
            due = self.health.target(member.target.name).next_at
            if due is not None and due <= now:
                yield Sign(member.target.name, due, member.target.interval + _LONGEST_STORING)
        yield self._outlet.sign

    def _target(self, name: str) -> Target | None:
        member = self.fleet.find(name)
        return None if member is None else member.target

    def _write_metrics(self) -> str:
        return write_exposition(make_families(self.reporter.report()))

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


def _is_below(key: str, roots: Collection[str]) -> bool:
    return any(key == root or key.startswith(f"{root}.") for root in roots)
