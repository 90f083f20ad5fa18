"""The delivery of one batch: whole, or in parts until what is bad in it is alone.

Entries are quarantined only as long as the destination takes others. Where it refuses one after the other, it is
more likely wrong itself: nothing is quarantined then, and a single entry, drawn at random, is sent to ask.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import accumulate

from attrs import frozen

from nodepulse_core.buffer import Buffer
from nodepulse_core.deliver.guard import GuardedSender
from nodepulse_core.model import Batch, Snapshot
from nodepulse_core.sender import Accepted, Later, Refused

MOST_REFUSED = 5
"""After so many single entries refused in a row, this one included, none is quarantined."""

Pick = Callable[[int], int]


@frozen
class Observers:
    """Whom to tell what became of a batch."""

    sent: Callable[[Batch], None]
    rejected: Callable[[Batch, str], None]


class Delivery:
    """Sends batches, takes what has arrived from the buffer, and puts aside what never will."""

    def __init__(
        self,
        *,
        buffer: Buffer,
        sender: GuardedSender,
        observers: Observers,
        passed: Callable[[Batch], None],
        too_large: Callable[[int], None],
        pick: Pick = random.randrange,
    ) -> None:
        """Take where entries are, what sends, and whom to tell.

        `passed` is called with each batch, or part of one, that was accepted; `too_large` with the number of entries
        that were too many; `pick` returns the place in a batch of so many from which one is taken to ask with.
        """
        self._buffer = buffer
        self._sender = sender
        self._observers = observers
        self._passed = passed
        self._too_large = too_large
        self._pick = pick
        self._refused_in_a_row = 0

    async def deliver(self, batch: Batch) -> Later | None:
        """Send a batch, oldest first; return why what is left of it has to wait, None where nothing is left."""
        if self._refused_in_a_row < MOST_REFUSED:
            return await self._send(batch)
        place = self._pick(len(batch.snapshots))
        rest = batch.snapshots[:place] + batch.snapshots[place + 1 :]
        return await self._send_parts(batch, batch.snapshots[place : place + 1], rest)

    async def _send(self, batch: Batch) -> Later | None:
        answer = await self._sender.send(batch)
        match answer:
            case Accepted():
                await self._accepted(batch)
                return None
            case Later():
                return answer
            case Refused():
                return await self._refused(answer, batch)

    async def _accepted(self, batch: Batch) -> None:
        self._refused_in_a_row = 0
        await self._buffer.ack(batch.entries)
        self._passed(batch)
        self._observers.sent(batch)

    async def _refused(self, refused: Refused, batch: Batch) -> Later | None:
        if len(batch.snapshots) == 1:
            return await self._refused_alone(refused, batch)
        if refused.fault == "size":
            self._too_large(len(batch.snapshots))
        bad = tuple(each for each in batch.snapshots if each.entry in refused.entries)
        rest = tuple(each for each in batch.snapshots if each.entry not in refused.entries)
        if not bad or not rest:
            return await self._send_parts(batch, *_halves(batch.snapshots, refused))
        later = await self._send_parts(batch, rest)
        if later is not None:
            return later
        if self._refused_in_a_row:  # the others were refused as well: what it says of these proves nothing
            return await self._send_parts(batch, *_halves(bad, refused))
        await self._quarantine(Batch(batch.server_id, bad), refused)
        return None

    async def _refused_alone(self, refused: Refused, batch: Batch) -> Later | None:
        self._refused_in_a_row += 1
        if self._refused_in_a_row < MOST_REFUSED:
            await self._quarantine(batch, refused)
            return None
        return Later(f"{refused.reason}; so many in a row are refused that none is quarantined any more", pace="slow")

    async def _quarantine(self, batch: Batch, refused: Refused) -> None:
        for entry in batch.entries:
            await self._buffer.quarantine(entry, f"refused by {self._sender.name}: {refused.reason}")
        self._observers.rejected(batch, refused.reason)

    async def _send_parts(self, batch: Batch, *parts: Sequence[Snapshot]) -> Later | None:
        for part in parts:
            later = await self._send(Batch(batch.server_id, tuple(part))) if part else None
            if later is not None:
                return later
        return None


def _halves(snapshots: tuple[Snapshot, ...], refused: Refused) -> tuple[Sequence[Snapshot], Sequence[Snapshot]]:
    """Cut in the middle, by bytes where there were too many of them; both halves hold something, if more than one."""
    middle = len(snapshots) // 2
    if refused.fault == "size":
        sizes = list(accumulate(len(snapshot.json) for snapshot in snapshots))
        middle = sum(size <= sizes[-1] / 2 for size in sizes)
        middle = min(max(middle, 1), len(snapshots) - 1)
    return snapshots[:middle], snapshots[middle:]
