"""Which exporter does a target's work: the generic one, the agent's own, a plugin's, or one in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

import attrs

from nodepulse_core.errors import PluginError, UnavailableError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.isolation import Isolation
from nodepulse_core.model import GENERIC, Target
from nodepulse_core.own import OWN, OwnExporter
from nodepulse_core.plugins import Registry


class Exporters:
    """The exporters of one agent; make it in its event loop. Isolation is known here, and nowhere behind it."""

    def __init__(
        self,
        registry: Registry,
        isolation: Isolation,
        *,
        write_metrics: Callable[[], str],
        isolated: Collection[str] = (),
        held: Collection[str] = (),
    ) -> None:
        """Take what is installed, and what writes the agent's own metrics.

        `isolated` are types, and `held` targets, that are isolated whatever a target asks for.
        """
        self._registry = registry
        self._isolation = isolation
        self._write_metrics = write_metrics
        self._apart = set(isolated)
        self._held = held
        self._loop = asyncio.get_running_loop()

    def find(self, target: Target) -> Exporter:
        """Return what scrapes a target; raises PluginError where that cannot be had."""
        if target.type == GENERIC:
            return HTTPExporter(GENERIC, default_endpoint=target.endpoint)
        if target.type == OWN:
            return OwnExporter(self._write_metrics)
        if target.isolation == "process" or target.name in self._held:
            self._apart.add(target.type)
            described = self._registry.describe(target.type)
            return self._isolation.exporter(target, described, self._registry.installed(target.type), self._loop)
        return self._registry.load(target.type)

    def find_for_snapshots(self, target: Target) -> Exporter | None:
        """Return what makes snapshots of a target's entries, also when the target is gone; None where there is none.

        What was isolated once is not imported here for the sake of what is left of it. Raises UnavailableError where
        it cannot be asked.
        """
        if target.isolation == "process" or target.type in self._apart:
            try:
                return self.find(attrs.evolve(target, isolation="process"))
            except PluginError as error:
                raise UnavailableError(str(error)) from error
        return self._registry.find(target.type)

    def find_by_type(self, type_: str) -> Exporter:
        """Return what recognizes an exposition of a type; raises PluginError where that cannot be had."""
        if type_ not in self._apart:
            return self._registry.load(type_)
        return self.find(Target(type_, type_, "", interval=0.0, timeout=0.0, isolation="process"))

    async def close(self) -> None:
        """End the processes of those that are isolated."""
        await self._isolation.close()
