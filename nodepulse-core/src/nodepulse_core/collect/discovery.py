"""Discovery: looks at this machine again and again, and says which targets there are now.

    every scan_interval: scan ─▶ found ─▶ targets ─▶ fleet
                                   └─▶ not found: kept for two more scans, then gone

What the file declares, or a caller added, is left alone: neither its port is looked at, nor its name taken.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from attrs import frozen

from nodepulse_core.clock import Clock
from nodepulse_core.collect.scan import Found, Scanner
from nodepulse_core.errors import NodePulseError
from nodepulse_core.model import Target
from nodepulse_core.units import format_duration

MOST_MISSED = 3
"""A target that has not answered for so many scans is no longer scraped."""
log = logging.getLogger(__name__)


@frozen
class Known:
    """A target that was found, and how many scans have missed it since."""

    found: Found
    missed: int = 0


class Discovery:
    """The loop of scans."""

    def __init__(
        self,
        *,
        scanner: Scanner,
        clock: Clock,
        ports: Sequence[int] | None,
        interval: float,
        taken: Callable[[], tuple[Collection[int], Collection[str]]],
        make: Callable[[Found], Target],
        apply: Callable[[Sequence[Target]], Awaitable[object]],
        known: Mapping[str, Known] | None = None,
    ) -> None:
        """Take what looks, and who wants to know.

        `ports` are those to look at, None those that installed exporters declare; `interval` is in seconds. `taken`
        gives the ports and the names that are not discovery's; `make` makes a target of what was found and may raise
        NodePulseError; `apply` is given all targets that there are now. `known` is what an earlier discovery knew.
        """
        self._scanner = scanner
        self._clock = clock
        self._ports = ports
        self._interval = interval
        self._taken = taken
        self._make = make
        self._apply = apply
        self.known: dict[str, Known] = dict(known or {})
        self._refused: set[str] = set()

    async def run(self) -> None:
        """Scan until cancelled; the first scan is at once."""
        while True:
            began = self._clock.monotonic()
            try:
                await self.scan()
            except Exception:  # a defect of ours: what was found stays, and the next scan is taken
                log.exception("a scan of this machine failed; next try in %s", format_duration(self._interval))
            await self._clock.sleep(began + self._interval - self._clock.monotonic())

    async def scan(self) -> None:
        """Look once, and tell what there is."""
        ports, names = self._taken()
        found = {each.name: each for each in await self._scanner.scan(self._ports, ports) if each.name not in names}
        for name, each in found.items():
            before = self.known.get(name)
            if before is None or before.found != each:
                log.info("found %s: %s at %s", name, each.type, each.endpoint)
            self.known[name] = Known(each)
        for name, known in list(self.known.items()):
            if name not in found:
                self._miss(name, known, declared=name in names or known.found.port in ports)
        await self._apply([target for known in self.known.values() if (target := self._target(known.found))])

    def _miss(self, name: str, known: Known, *, declared: bool) -> None:
        missed = known.missed + 1
        if declared:
            del self.known[name]  # the file or a caller has it now
        elif missed < MOST_MISSED:
            self.known[name] = Known(known.found, missed)
        else:
            del self.known[name]
            log.info("%s at %s has not answered for %d scans; it is gone", name, known.found.endpoint, missed)

    def _target(self, found: Found) -> Target | None:
        try:
            return self._make(found)
        except NodePulseError as error:
            if found.name not in self._refused:
                self._refused.add(found.name)
                log.warning("%s was found at %s, and is not scraped: %s", found.name, found.endpoint, error)
            return None
