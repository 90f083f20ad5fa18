"""What is older than it may be is deleted: now and then, in pieces, and counted."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor

from nodepulse_core.clock import Clock
from nodepulse_core.units import format_duration

from nodepulse_dashboard.errors import StoreError
from nodepulse_dashboard.store import Store

_EVERY = 600.0
log = logging.getLogger(__name__)


class Retention:
    """Forgets snapshots that arrived more than `keep` seconds ago.

    Age is counted from arrival, not from the slot: so it holds for a server whose clock is wrong, too.
    """

    def __init__(self, store: Store, writer: Executor, keep: float, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._keep = keep
        self._clock = clock
        self.forgotten = 0

    async def run(self) -> None:
        """Look for old snapshots at once, and every ten minutes from then on; never returns."""
        while True:
            try:
                await self._forget()
            except StoreError as error:
                log.warning("%s; next try in %s", error, format_duration(_EVERY))
            await self._clock.sleep(_EVERY)

    async def _forget(self) -> None:
        before = int(self._clock.now() - self._keep)
        count = 0
        loop = asyncio.get_running_loop()
        while piece := await loop.run_in_executor(self._writer, self._store.forget, before):
            count += piece  # in pieces, so that deliveries get their turn in between
        self.forgotten += count
        if count:
            log.info("deleted %d snapshots that arrived more than %s ago", count, format_duration(self._keep))
