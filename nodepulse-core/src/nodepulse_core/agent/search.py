"""The search of this machine: discovery as the settings ask for it, begun anew when they change."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address
from urllib.parse import urlsplit

from nodepulse_core.agent.fleet import Fleet
from nodepulse_core.clock import Clock
from nodepulse_core.collect import Discovery, Found, Scanner
from nodepulse_core.config import Settings, check_added
from nodepulse_core.model import Target
from nodepulse_core.plugins import Registry

log = logging.getLogger(__name__)


class Search:
    """At most one discovery at a time. What it finds belongs to the fleet."""

    def __init__(self, *, scanner: Scanner, fleet: Fleet, registry: Registry, clock: Clock, settings: Settings) -> None:
        self._scanner = scanner
        self._fleet = fleet
        self._registry = registry
        self._clock = clock
        self._settings = settings
        self._discovery: Discovery | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def dead(self) -> bool:
        """Tell whether the discovery has ended although nobody ended it."""
        return self._task is not None and self._task.done()

    async def adopt(self, settings: Settings) -> None:
        """Search as other settings ask; where they ask for the same search, the one that runs goes on."""
        old, self._settings = self._settings, settings
        if old.discovery == settings.discovery:
            return
        if old.discovery.enabled and not settings.discovery.enabled:
            found = [each.target.name for each in self._fleet.members() if each.origin == "discovery"]
            log.info("discovery is off now; no longer scraped: %s", ", ".join(found) or "none")
        await self.start()

    async def start(self) -> None:
        """Search as the settings ask; where they do not, what was found before is no longer scraped."""
        await self.stop()
        wanted = self._settings.discovery
        if not wanted.enabled:
            self._discovery = None
            await self._fleet.apply((), "discovery")
            return
        self._discovery = Discovery(
            scanner=self._scanner,
            clock=self._clock,
            ports=wanted.scan_ports,
            interval=wanted.scan_interval,
            taken=self._taken,
            make=self._make,
            apply=lambda targets: self._fleet.apply(targets, "discovery"),
            known=self._discovery.known if self._discovery is not None else None,
        )
        self._task = asyncio.create_task(self._discovery.run(), name="discovery")

    async def stop(self) -> None:
        """End the discovery; what it found stays."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _taken(self) -> tuple[set[int], set[str]]:
        """Return the ports and names that belong to the file, to callers of the API, and to the agent itself."""
        others = [member.target for member in self._fleet.members() if member.origin != "discovery"]
        disabled = [exporter for exporter in self._settings.exporters if not exporter.enabled]
        endpoints = [target.endpoint for target in others] + [each.endpoint for each in disabled if each.endpoint]
        ports = {port for endpoint in endpoints if (port := loopback_port(endpoint)) is not None}
        if self._settings.api.enabled:
            ports.add(int(self._settings.api.listen.rpartition(":")[2]))
        return ports, {target.name for target in others} | {each.name for each in disabled}

    def _make(self, found: Found) -> Target:
        given = {"name": found.name, "type": found.type, "endpoint": found.endpoint}
        registry = self._registry
        return check_added(given, self._settings, registry.names(), registry.load, registry.describe)


def loopback_port(endpoint: str) -> int | None:
    """Return the port of an endpoint on this machine; None where it is elsewhere, or has none."""
    try:
        parts = urlsplit(endpoint)
        near = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme) if near else None
    except ValueError:
        return None
