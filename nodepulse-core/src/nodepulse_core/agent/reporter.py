"""Makes a report of the running agent from its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import frozen

from nodepulse_core.agent.fleet import Fleet, Member
from nodepulse_core.agent.report import (
    BufferReport,
    DeliveryReport,
    HoldReport,
    PluginReport,
    ProcessReport,
    Report,
    TargetReport,
    TargetStatus,
    judge,
)
from nodepulse_core.buffer import Buffer
from nodepulse_core.clock import Clock
from nodepulse_core.field_memory import MissingField
from nodepulse_core.health import Health
from nodepulse_core.isolation import ChildState, Isolation
from nodepulse_core.model import show_endpoint
from nodepulse_core.plugins import PluginHost
from nodepulse_core.units import format_duration
from nodepulse_core.watch.holders import Hold
from nodepulse_core.watch.process import find_resident_bytes, look_at_process
from nodepulse_core.watch.watch import BacklogPoint, Watch

_RECENTLY = 600.0


@frozen
class Identity:
    """What does not change while the agent runs."""

    started: float
    version: str
    server_id: str


class Reporter:
    """Reads the parts, and changes none."""

    def __init__(
        self,
        *,
        identity: Identity,
        clock: Clock,
        health: Health,
        buffer: Buffer,
        fleet: Fleet,
        watch: Watch,
        holds: Callable[[], tuple[Hold, ...]],
        host: PluginHost,
        isolation: Isolation,
        destination: Callable[[], tuple[str, str]],
        dead: Callable[[], list[str]],
        stalled: Callable[[], list[str]],
        missing: Callable[[str], tuple[MissingField, ...]],
    ) -> None:
        """Take the parts.

        `destination` gives the sender's name and endpoint, `dead` the loops that have ended, `stalled` those that do
        not get on, `missing` the fields that a target's snapshots have no more.
        """
        self._identity = identity
        self._clock = clock
        self._health = health
        self._buffer = buffer
        self._fleet = fleet
        self._watch = watch
        self._holds = holds
        self._host = host
        self._isolation = isolation
        self._destination = destination
        self._dead = dead
        self._stalled = stalled
        self._missing = missing

    def report(self) -> Report:
        """Return the agent as it is now."""
        targets = tuple(self._target(member) for member in self._fleet.members())
        buffer, delivery = self._storage(), self._delivery()
        processes = tuple(map(_describe_process, self._isolation.states()))
        before = self._watch.since(_RECENTLY)
        dead, stalled = self._dead(), self._stalled()
        status, reasons = judge(
            targets=targets,
            buffer=buffer,
            delivery=delivery,
            evicted=buffer.evicted - before.evicted,
            quarantined=max(0, buffer.quarantined - before.quarantined),
            hanging=self._health.hanging,
            dead=dead,
            stalled=stalled,
            troubles=tuple(self._troubles(processes)),
        )
        return Report(
            at=self._clock.now(),
            started=self._identity.started,
            version=self._identity.version,
            server_id=self._identity.server_id,
            status=status,
            reasons=reasons,
            targets=targets,
            buffer=buffer,
            delivery=delivery,
            plugins=self._plugins(),
            backlog=self._watch.backlog(),
            lag=self._watch.lag,
            late_seconds=self._watch.late_seconds,
            process=look_at_process(),
            dead=tuple(dead),
            stalled=tuple(stalled),
            processes=processes,
            holds=tuple(_describe_hold(hold) for hold in self._holds()),
        )

    def _troubles(self, processes: tuple[ProcessReport, ...]) -> Iterator[str]:
        since = self._clock.now() - _RECENTLY
        for hold in self._holds():
            if hold.last_at >= since:
                times = "once" if hold.times == 1 else f"{hold.times} times"
                longest = format_duration(round(hold.longest))
                yield (
                    f"{hold.holder} has held the event loop {times}, for {longest} at most, and all others waited; "
                    "make it async, or set isolation: process"
                )
        for each in processes:
            if each.failed_at is not None and each.failed_at >= since:
                times = "once" if each.failures == 1 else f"{each.failures} times since the start"
                yield f"the process of {each.target} has failed {times}, the last time so: {each.last_failure}"

    def _target(self, member: Member) -> TargetReport:
        target, known = member.target, self._health.target(member.target.name)
        condition = known.condition
        tried = condition.successes + condition.failures
        status: TargetStatus = "failed" if condition.failing else "running" if tried else "starting"
        return TargetReport(
            name=target.name,
            type=target.type,
            endpoint=show_endpoint(target.endpoint),
            origin=member.origin,
            interval=target.interval,
            status=status,
            last_scrape=condition.last_success,
            last_error=condition.last_error,
            failing_since=condition.failing_since,
            next_scrape=known.next_at,
            recent=tuple(known.recent),
            scrapes=tried,
            failures=condition.failures,
            samples=known.samples,
            seconds=known.seconds,
            retries=known.retries,
            skipped=known.skipped,
            missing_fields=self._missing(target.name),
        )

    def _storage(self) -> BufferReport:
        buffer, books = self._buffer, self._buffer.books
        oldest = buffer.oldest()
        return BufferReport(
            path=str(buffer.path),
            files=buffer.count,
            size_bytes=buffer.size,
            oldest=None if oldest is None else oldest.slot,
            found=books.found,
            stored=books.stored,
            delivered=books.delivered,
            quarantined=books.quarantined,
            evicted=books.evicted,
            left=books.left,
            refused=books.refused,
            error=self._health.storage.last_error,
        )

    def _delivery(self) -> DeliveryReport:
        sender, endpoint = self._destination()
        condition = self._health.destination
        return DeliveryReport(
            sender=sender,
            endpoint=show_endpoint(endpoint),
            last_success=condition.last_success,
            last_error=condition.last_error,
            failing_since=condition.failing_since,
            batches=condition.successes,
            failures=condition.failures,
            requests=self._health.requests.distribution(),
        )

    def _plugins(self) -> tuple[PluginReport, ...]:
        return tuple(
            PluginReport(each.name, each.distribution, each.version, self._host.error(each))
            for each in self._host.installed
        )


def _describe_process(state: ChildState) -> ProcessReport:
    return ProcessReport(
        target=state.target,
        type=state.type,
        pid=state.pid,
        resident_bytes=None if state.pid is None else find_resident_bytes(state.pid),
        starts=state.starts,
        failures=state.failures,
        last_failure=state.last_failure,
        failed_at=state.failed_at,
    )


def _describe_hold(hold: Hold) -> HoldReport:
    holder = hold.holder
    return HoldReport(
        plugin=holder.plugin.name,
        distribution=holder.plugin.distribution,
        version=holder.plugin.version,
        target=holder.target,
        times=hold.times,
        seconds=hold.seconds,
        longest=hold.longest,
        last_at=hold.last_at,
    )


def look(clock: Clock, buffer: Buffer) -> BacklogPoint:
    """Return the backlog as it is now, for the watch."""
    books = buffer.books
    return BacklogPoint(clock.now(), buffer.count, buffer.size, books.quarantined, books.evicted)
