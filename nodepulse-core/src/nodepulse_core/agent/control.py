"""Control: what may be asked of a running agent. The API and signals end here, and nowhere else.

    add ─▶ check ─▶ one scrape, to see that it works ─▶ fleet ─▶ kept in the state directory
    remove ─▶ fleet: its loop has ended ─▶ no longer kept
    reload ─▶ read the file, whole ─▶ fleet: only what differs ─▶ settings

Whatever takes long (a scrape, a file) is done outside of the fleet's lock, so one caller never holds up another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from attrs import frozen

from nodepulse_core.agent.fleet import Change, Fleet
from nodepulse_core.agent.plan import Wanted
from nodepulse_core.clock import Clock
from nodepulse_core.collect import Scraper
from nodepulse_core.config import AddedTargets, Given, Settings, check_added
from nodepulse_core.errors import NodePulseError, format_names
from nodepulse_core.exporter import Exporter
from nodepulse_core.model import Target, show_endpoint
from nodepulse_core.plugins import Registry

Adopt = Callable[[], Awaitable[tuple[str, ...]]]
"""Puts other settings into force; returns the keys that take effect only after a restart."""

log = logging.getLogger(__name__)


class UnknownTargetError(NodePulseError):
    """A name that no target has; lists those that are there."""


class DeclaredError(NodePulseError):
    """A target that only the configuration file can remove."""


@frozen
class Reloaded:
    """What a reload changed, and which keys take effect only after a restart."""

    change: Change
    after_restart: tuple[str, ...] = ()


class Control:
    """Adds, removes and reloads."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        added: AddedTargets,
        registry: Registry,
        exporter: Callable[[Target], Exporter],
        scraper: Scraper,
        clock: Clock,
        wanted: Wanted,
        reread: Callable[[], Wanted],
        prepare: Callable[[Settings, Settings], Adopt],
    ) -> None:
        """Take the parts, what the file asked for, what reads it again, and what puts other settings into force.

        `prepare` is given the old and the new settings, raises NodePulseError where they cannot be put into force, and
        returns what does it.
        """
        self._fleet = fleet
        self._added = added
        self._registry = registry
        self._exporter = exporter
        self._scraper = scraper
        self._clock = clock
        self._wanted = wanted
        self._reread = reread
        self._prepare = prepare
        self._keeping = asyncio.Lock()
        self._reloading = asyncio.Lock()

    async def start(self) -> None:
        """Start the targets of the file, and those that were added before the last end of the agent.

        One of these that cannot be used any more is said, left out, and kept for the next start.
        """
        await self._fleet.apply(self._wanted.targets, "file")
        try:
            kept = await asyncio.to_thread(self._added.read)
        except NodePulseError as error:
            log.error("%s", error)
            return
        for name, given in kept.items():
            try:
                await self._fleet.add(await self._check(given), "api")
            except NodePulseError as error:
                log.warning("the target %s, added at run time, is not scraped: %s", name, error)

    async def add(self, given: Given, *, force: bool = False) -> Target:
        """Scrape one more target from now on, also after a restart; returns it.

        Raises ConfigError with every problem of what was given, NameTakenError, and ScrapeError where the first scrape
        fails, which `force` leaves out. Nothing is changed then.
        """
        target = await self._check(given)
        self._fleet.check_name(target.name, "api")
        if not force:
            slot = int(self._clock.now())
            await self._scraper.scrape(target, self._exporter(target), slot, target.timeout)
        await self._fleet.add(target, "api")
        try:
            await self._keep(target.name, given)
        except NodePulseError:
            await self._fleet.remove(target.name)
            raise
        endpoint = show_endpoint(target.endpoint)
        log.info("+%s: added at run time, every %g s from %s", target.name, target.interval, endpoint)
        return target

    async def remove(self, name: str) -> None:
        """Stop scraping a target that was added; returns when its loop has ended.

        Raises UnknownTargetError, and DeclaredError where the file declares it, or it would be found again.
        """
        member = self._fleet.find(name)
        if member is None:
            known = format_names([each.target.name for each in self._fleet.members()])
            raise UnknownTargetError(f"there is no target {name!r}; there are: {known}")
        if member.origin == "file":
            raise DeclaredError(f"{name} is declared in the configuration file; remove it there, then reload")
        if member.origin == "discovery":
            raise DeclaredError(
                f"{name} was found on this machine, and would be found again; "
                "to keep it away, declare it in the configuration file with enabled: false, then reload"
            )
        await self._fleet.remove(name)
        await self._keep(name, None)
        log.info("-%s: removed at run time", name)

    async def reload(self) -> Reloaded:
        """Read the file again and restart only what differs.

        Raises NodePulseError where the file is wrong, or asks for what cannot be had; what ran goes on then.
        """
        async with self._reloading:
            try:
                wanted = await asyncio.to_thread(self._reread)
                adopt = self._prepare(self._wanted.settings, wanted.settings)
                change = await self._fleet.apply(wanted.targets, "file")
            except NodePulseError as error:
                problems = str(error).splitlines()
                log.error("the configuration was not reloaded, and what ran goes on; problems: %d", len(problems))
                for problem in problems:
                    log.error("%s", problem)
                raise
            after_restart = await adopt()
            self._wanted = wanted
        log.info("reloaded: %s", change)
        if after_restart:
            log.warning("these keys take effect after a restart: %s", ", ".join(after_restart))
        return Reloaded(change, after_restart)

    async def _check(self, given: Given) -> Target:
        return await asyncio.to_thread(self._check_now, given, self._wanted.settings)

    def _check_now(self, given: Given, settings: Settings) -> Target:
        """Check a target, which may import its exporter: blocking, and with what was installed since the start."""
        self._registry.refresh()
        registry = self._registry
        return check_added(given, settings, registry.names(), registry.load, registry.describe)

    async def _keep(self, name: str, given: Given | None) -> None:
        async with self._keeping:
            await asyncio.to_thread(self._added.keep, name, given)
