"""The resolver of targets that were added while the agent runs: it gives only addresses within their reach."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from nodepulse_core.reach import Reach


class OutOfReachError(OSError):
    """A host all of whose addresses are out of reach; says why of the first one."""


class ReachResolver(AbstractResolver):
    """Looks names up as the system does, each time a connection is made, and leaves out what is out of reach."""

    def __init__(self, reach: Reach, system: AbstractResolver | None = None) -> None:
        """Take the reach, and who looks up."""
        self._reach = reach
        self._system = system or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host that may be connected to; raises OutOfReachError where there are none."""
        found = await self._system.resolve(host, port, family)
        faults = {each["host"]: self._reach.judge(each["host"], port) for each in found}
        within = [each for each in found if faults[each["host"]] is None]
        if found and not within:
            raise OutOfReachError(next(iter(faults.values())))
        return within

    async def close(self) -> None:
        """Close what looks up."""
        await self._system.close()
