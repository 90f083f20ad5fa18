"""Drain: takes what is on disk to its destination, and removes only what has arrived.

    buffer ─▶ pending ─▶ batch ─▶ sender ─┬─ accepted ─▶ ack: the files go
                 ▲                        ├─ later ────▶ they stay; wait
                 │                        └─ refused ──▶ split, until the bad entry is alone; quarantine it
                 └────────────────────────────┘

One batch is under way at a time. Delivery is at least once; each entry's identity makes it once in effect.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence

from nodepulse_core.buffer import Buffer
from nodepulse_core.clock import Clock
from nodepulse_core.deliver.backoff import Draw, wait_seconds
from nodepulse_core.deliver.batch import BatchMaker
from nodepulse_core.deliver.delivery import Delivery, Observers
from nodepulse_core.deliver.guard import GuardedSender
from nodepulse_core.deliver.pending import Pending
from nodepulse_core.errors import NodePulseError
from nodepulse_core.health import Condition, Health
from nodepulse_core.model import Batch, Entry, Window
from nodepulse_core.sender import Later
from nodepulse_core.units import format_duration

_MOST_BYTES = 32 * 1024**2
"""What a batch may hold of the buffer, unless it is a single entry: it is in memory as text, JSON and body at once."""

_HOUSEKEEPING = 5.0
_EVICTION = 60.0
_AFTER_A_DEFECT = 5.0
log = logging.getLogger(__name__)


class Drain:
    """The loop from the buffer to the sender."""

    def __init__(
        self,
        *,
        buffer: Buffer,
        maker: BatchMaker,
        sender: GuardedSender,
        pending: Pending,
        health: Health,
        clock: Clock,
        observers: Observers,
        draw: Draw = random.uniform,
    ) -> None:
        """Take every part that a batch passes; `draw` draws the jitter of its waits."""
        self._buffer = buffer
        self._maker = maker
        self._sender = sender
        self._pending = pending
        self._health = health
        self._condition = health.destination
        self._upkeep = Condition("housekeeping of the buffer")
        self._clock = clock
        self._draw = draw
        self._delivery = Delivery(
            buffer=buffer,
            sender=sender,
            observers=observers,
            passed=self._passed,
            too_large=pending.shrink,
            pick=(lambda _: 0) if pending.ordered else random.randrange,
        )
        self._failures = 0
        self._not_before = 0.0
        self._swept = 0.0
        self._stopping = False
        self._turns = 0

    @property
    def turns(self) -> int:
        """How often it has got on since the start; the same for minutes only where something hangs."""
        return self._turns + self._sender.calls

    async def run(self) -> None:
        """Deliver until stopped or cancelled."""
        while not self._stopping:
            self._turns += 1
            try:
                await self._housekeep()
                if not await self._step() and not self._stopping:  # stop may come while a step forgets what changed
                    await self._clock.wait(self._buffer.windows.changed, self._idle_seconds())
            except (NodePulseError, OSError) as error:
                self._hold(_AFTER_A_DEFECT, str(error))
            except Exception as error:  # a defect of ours: what is queued stays queued
                reason = f"a batch could not be handled: {type(error).__name__}: {error}"
                if reason != self._condition.last_error:
                    log.exception("a defect of nodepulse, or of a plugin; please report it")
                self._hold(_AFTER_A_DEFECT, reason)

    def stop(self) -> None:
        """Have `run` return once the batch under way has its answer."""
        self._stopping = True
        self._buffer.windows.changed.set()

    async def flush(self) -> None:
        """Send once more what is complete, newest first, until something fails; for the end of the agent."""
        self._pending.note_completed(self._clock.monotonic())
        while self._clock.monotonic() >= self._not_before:
            windows = self._pending.take(self._clock.monotonic(), outage=self._condition.failing, hurry=True)
            if not windows:
                return
            await self._deliver(windows)

    async def _housekeep(self) -> None:
        now = self._clock.monotonic()
        if now - self._swept < _HOUSEKEEPING:
            return
        self._swept = now
        try:
            await self._buffer.evict_old(self._clock.now())
            await self._buffer.sync()
        except (NodePulseError, OSError) as error:  # a failing disk must not keep what is on it from being sent
            self._upkeep.failed(self._clock.now(), str(error), f"next try in {format_duration(_HOUSEKEEPING)}")
        else:
            self._upkeep.succeeded(self._clock.now())

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

    async def _deliver(self, windows: Sequence[Window]) -> None:
        """Send what some windows hold, in parts that memory can bear."""
        try:
            for entries in _parts(self._buffer.entries(windows)):
                later = await self._deliver_part(entries)
                if later is not None:
                    self._wait(later, windows)
                    return
        except Exception:
            self._pending.failed(windows, self._clock.monotonic())  # others are tried in their place
            raise
        self._pending.done(windows)

    async def _deliver_part(self, entries: Sequence[Entry]) -> Later | None:
        made = await self._maker.make(entries)
        self._health.hanging = self._maker.hanging
        for unfit in made.unfit:
            if unfit.fate == "quarantine":
                await self._buffer.quarantine(unfit.entry, unfit.reason)
            else:
                self._buffer.leave(unfit.entry, unfit.reason)
        return await self._delivery.deliver(made.batch) if made.batch.snapshots else None

    def _passed(self, batch: Batch) -> None:
        self._failures = 0
        self._not_before = 0.0
        self._condition.succeeded(self._clock.now())
        self._pending.passed({entry.window for entry in batch.entries}, self._clock.monotonic())

    def _wait(self, later: Later, windows: Sequence[Window]) -> None:
        self._failures += 1
        self._pending.failed(windows, self._clock.monotonic())
        self._hold(
            wait_seconds(later, self._failures, self._draw), f"cannot send by {self._sender.name}: {later.reason}"
        )

    def _hold(self, seconds: float, reason: str) -> None:
        self._not_before = self._clock.monotonic() + seconds
        count = self._buffer.count
        wait = "1 entry waits" if count == 1 else f"{count} entries wait"
        self._condition.failed(
            self._clock.now(), reason, f"{wait} on disk, next try in {format_duration(round(seconds, 1))}"
        )


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yield the entries in their order, in parts that are no larger than a batch may be, each of one at least."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        if part and size + entry.size > _MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(entry)
        size += entry.size
    if part:
        yield part
