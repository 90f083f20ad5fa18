"""Drain: takes what is on disk to its destination, and removes only what has arrived.

    buffer ─▶ pending ─▶ batch ─▶ sender ─┬─ accepted ─▶ ack: the files go
                 ▲                        ├─ later ────▶ they stay; wait
                 │                        └─ refused ──▶ split, until the bad entry is alone; quarantine it
                 └────────────────────────────┘

One batch is under way at a time. Delivery is at least once; each entry's identity makes it once in effect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from attrs import frozen

from nodepulse_core.buffer import Buffer
from nodepulse_core.clock import Clock
from nodepulse_core.deliver.backoff import wait_seconds
from nodepulse_core.deliver.batch import BatchMaker
from nodepulse_core.deliver.pending import Pending
from nodepulse_core.health import Health
from nodepulse_core.model import Batch, Entry, Window
from nodepulse_core.sender import Accepted, Answer, Later, Refused, Sender
from nodepulse_core.units import format_duration

_MOST_REFUSALS = 5
_HOUSEKEEPING = 5.0
_EVICTION = 60.0
log = logging.getLogger(__name__)


@frozen
class Observers:
    """Whom to tell what became of a batch."""

    sent: Callable[[Batch], None]
    rejected: Callable[[Batch, str], None]


class Drain:
    """The loop from the buffer to the sender."""

    def __init__(
        self,
        *,
        buffer: Buffer,
        maker: BatchMaker,
        sender: Sender,
        pending: Pending,
        health: Health,
        clock: Clock,
        observers: Observers,
    ) -> None:
        self._buffer = buffer
        self._maker = maker
        self._sender = sender
        self._pending = pending
        self._condition = health.destination
        self._clock = clock
        self._observers = observers
        self._failures = 0
        self._refusals = 0
        self._not_before = 0.0
        self._swept = 0.0

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self._housekeeping()
                if not await self._step():
                    await self._clock.wait(self._buffer.windows.changed, self._idle_seconds())
            except Exception:  # a defect of ours, or of the disk: what is queued stays queued
                log.exception("a batch could not be handled; it stays in the buffer, next try in 5s")
                await self._clock.sleep(_HOUSEKEEPING)

    async def flush(self) -> None:
        """Send once more what is complete, oldest last, until something fails; for the end of the agent."""
        self._pending.note_completed(self._clock.monotonic())
        while windows := self._pending.take(self._clock.monotonic(), outage=self._condition.failing, hurry=True):
            if not await self._deliver(windows):
                return

    async def _step(self) -> bool:
        """Deliver one batch where one is due; return whether there was one."""
        now = self._clock.monotonic()
        self._pending.note_completed(now)
        if now < self._not_before:
            return False
        windows = self._pending.take(now, outage=self._condition.failing)
        if not windows:
            return False
        await self._deliver(windows)
        return True

    def _idle_seconds(self) -> float:
        now = self._clock.monotonic()
        if now < self._not_before:
            return min(self._not_before - now, _EVICTION)
        due = self._pending.next_due()
        return _EVICTION if due is None else min(max(due - now, 0.01), _EVICTION)

    async def _housekeeping(self) -> None:
        now = self._clock.monotonic()
        if now - self._swept >= _HOUSEKEEPING:
            self._swept = now
            await self._buffer.evict_old(self._clock.now())
            await self._buffer.sync()

    async def _deliver(self, windows: list[Window]) -> bool:
        """Make a batch and send it; return whether the destination is there."""
        made = await asyncio.to_thread(self._maker.make, self._buffer.entries(windows))
        for unfit in made.unfit:
            if unfit.ours:
                await self._buffer.quarantine(unfit.entry, unfit.reason)
            else:
                self._buffer.leave(unfit.entry, unfit.reason)
        there = not made.batch.snapshots or await self._send(made.batch, windows)
        if there:
            self._pending.done(windows)
        return there

    async def _send(self, batch: Batch, windows: list[Window]) -> bool:
        """Send a batch, in parts where it is refused; return False once something has to wait."""
        answer = await self._answer(batch)
        match answer:
            case Accepted():
                await self._accepted(batch)
                return True
            case Later():
                self._wait(answer, batch, windows)
                return False
            case Refused():
                return await self._refused(answer, batch, windows)

    async def _answer(self, batch: Batch) -> Answer:
        try:
            answer = await self._sender.send(batch)
        except BaseException as error:
            current = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and current is not None and current.cancelling():
                raise
            return Later(f"the sender {self._sender.name} raised {type(error).__name__}: {error}")
        if not isinstance(answer, Accepted | Later | Refused):
            return Later(f"the sender {self._sender.name} answered {answer!r}, which is no answer", pace="slow")
        return answer

    async def _accepted(self, batch: Batch) -> None:
        await self._buffer.ack(batch.entries)
        self._failures = self._refusals = 0
        self._not_before = 0.0
        self._condition.succeeded(self._clock.now())
        self._observers.sent(batch)

    def _wait(self, later: Later, batch: Batch, windows: list[Window]) -> None:
        now = self._clock.monotonic()
        self._failures += 1
        seconds = wait_seconds(later, self._failures)
        self._not_before = now + seconds
        self._pending.failed(windows, lambda count: wait_seconds(later, count), now)
        self._condition.failed(
            self._clock.now(),
            f"cannot send {len(batch.snapshots)} entries by {self._sender.name}: {later.reason}",
            f"{self._buffer.count} entries wait on disk, next try in {format_duration(round(seconds, 1))}",
        )

    async def _refused(self, refused: Refused, batch: Batch, windows: list[Window]) -> bool:
        bad = [snapshot for snapshot in batch.snapshots if snapshot.entry in refused.entries]
        if not bad and len(batch.snapshots) > 1:
            middle = len(batch.snapshots) // 2
            halves = (batch.snapshots[:middle], batch.snapshots[middle:])
            answers = [await self._send(Batch(batch.server_id, half), windows) for half in halves]
            return all(answers)
        self._refusals += 1
        if self._refusals >= _MOST_REFUSALS:
            reason = f"{self._refusals} batches refused in a row, the last with {refused.reason}"
            self._wait(Later(f"{reason}; none is quarantined any more", pace="slow"), batch, windows)
            return False
        rejected = Batch(batch.server_id, tuple(bad) or batch.snapshots)
        await self._quarantine(rejected.entries, f"refused by {self._sender.name}: {refused.reason}")
        self._observers.rejected(rejected, refused.reason)
        rest = Batch(batch.server_id, tuple(each for each in batch.snapshots if each not in rejected.snapshots))
        return not rest.snapshots or await self._send(rest, windows)

    async def _quarantine(self, entries: Sequence[Entry], reason: str) -> None:
        for entry in entries:
            await self._buffer.quarantine(entry, reason)
