"""What is too old or too much is deleted: every minute, in pieces, and counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor

from nodepulse_core.clock import Clock
from nodepulse_core.units import format_duration, format_size

from nodepulse_dashboard.errors import StoreError
from nodepulse_dashboard.store import Store

_EVERY = 60.0
_FULL = 0.9
log = logging.getLogger(__name__)


class Retention:
    """Forgets snapshots that arrived more than `keep` seconds ago, and the oldest of a database that is nearly full.

    A full database takes nothing until some are forgotten; senders keep what they have and try again.
    Age is counted from arrival, not from the slot: so it holds for a server whose clock is wrong, too.
    """

    def __init__(self, store: Store, writer: Executor, keep: float, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._keep = keep
        self._clock = clock
        self.forgotten = 0

    async def run(self) -> None:
        """Look for old snapshots at once, and every minute from then on; never returns."""
        while True:
            try:
                await self._forget()
            except StoreError as error:
                log.warning("%s; next try in %s", error, format_duration(_EVERY))
            await self._clock.sleep(_EVERY)

    async def _forget(self) -> None:
        before = int(self._clock.now() - self._keep)
        if count := await self._all(lambda: self._store.forget(before)):
            log.info("deleted %d snapshots that arrived more than %s ago", count, format_duration(self._keep))
        if count := await self._all(self._forget_surplus):
            most = format_size(self._store.max_size)
            log.warning("deleted the %d oldest snapshots: the database is as large as it may be, %s", count, most)

    def _forget_surplus(self) -> int:
        return self._store.forget_oldest() if self._store.size() > _FULL * self._store.max_size else 0

    async def _all(self, forget_piece: Callable[[], int]) -> int:
        """Forget in pieces, so that deliveries get their turn in between; return how many snapshots."""
        count = 0
        while piece := await asyncio.get_running_loop().run_in_executor(self._writer, forget_piece):
            count += piece
            self.forgotten += piece
        return count
