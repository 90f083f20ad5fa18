"""From entries to a batch, in a thread, and without waiting for a plugin that does not return."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence

from attrs import define, frozen

from nodepulse_core.deliver.snapshot import Unfit
from nodepulse_core.model import Batch, Entry, Snapshot
from nodepulse_core.units import format_duration

PATIENCE = 30.0
"""Seconds that one snapshot may take; long, since a machine that was suspended is no fault of a plugin."""

_MOST_HANGING = 3

Make = Callable[[Entry], Snapshot | Unfit]


@frozen
class Made:
    """A batch, and the entries that are not in it."""

    batch: Batch
    unfit: tuple[Unfit, ...]


@define(eq=False)
class _Work:
    """What a thread does: some entries, one after the other, until it is given up."""

    entries: Sequence[Entry]
    done: asyncio.Future[None]
    made: list[Snapshot | Unfit]
    given_up: bool = False


class BatchMaker:
    """Makes batches. A thread that hangs in a plugin cannot be ended: it is left behind, and counted."""

    def __init__(self, make: Make, patience: float = PATIENCE) -> None:
        """Take what makes a snapshot of an entry, blocking, and the seconds that one may take."""
        self._make = make
        self._patience = patience
        self._hanging: list[tuple[threading.Thread, str]] = []

    @property
    def hanging(self) -> tuple[str, ...]:
        """The targets whose snapshots were begun, and have not returned."""
        self._hanging = [(thread, target) for thread, target in self._hanging if thread.is_alive()]
        return tuple(target for _, target in self._hanging)

    async def make(self, entries: Sequence[Entry]) -> Made:
        """Return a batch of those entries, which are of one server_id, that can be made a snapshot of.

        An entry whose snapshot does not return in time is unfit. Once three hang, what else there is of their targets
        is left on disk for the next start. Raises StorageError where files cannot be read now.
        """
        made: list[Snapshot | Unfit] = []
        left = list(entries)
        while left:
            hanging = self.hanging
            if len(hanging) >= _MOST_HANGING:
                made += [_leave(entry) for entry in left if entry.target in hanging]
                left = [entry for entry in left if entry.target not in hanging]
            finished = await self._run(left)
            made += finished
            if len(finished) < len(left):
                stuck = left[len(finished)]
                made.append(Unfit(stuck, f"its snapshot was not made within {format_duration(self._patience)}"))
            left = left[len(finished) + 1 :]
        snapshots = tuple(each for each in made if isinstance(each, Snapshot))
        unfit = tuple(each for each in made if isinstance(each, Unfit))
        return Made(Batch(entries[0].window.server_id if entries else "", snapshots), unfit)

    async def _run(self, entries: Sequence[Entry]) -> list[Snapshot | Unfit]:
        """Return what a thread makes of the entries: of all, or of those before the one that it hangs on."""
        if not entries:
            return []
        loop = asyncio.get_running_loop()
        work = _Work(entries, loop.create_future(), [])
        # A daemon, since a thread of a pool would keep the process from ending.
        thread = threading.Thread(target=self._work, args=(work, loop), name="snapshots", daemon=True)
        thread.start()
        seen = -1
        try:
            while not work.done.done() and len(work.made) > seen:
                seen = len(work.made)
                await asyncio.wait({work.done}, timeout=self._patience)
        finally:
            work.given_up = True
        if work.done.done():
            work.done.result()
        finished = list(work.made)
        if len(finished) < len(entries):
            self._hanging.append((thread, entries[len(finished)].target))
        return finished

    def _work(self, work: _Work, loop: asyncio.AbstractEventLoop) -> None:
        failure: BaseException | None = None
        try:
            for entry in work.entries:
                made = self._make(entry)
                if work.given_up:
                    return
                work.made.append(made)
        except BaseException as error:  # noqa: BLE001 - raised where the batch is waited for
            failure = error
        with contextlib.suppress(RuntimeError):  # the agent has ended meanwhile
            loop.call_soon_threadsafe(_settle, work, failure)


def _settle(work: _Work, failure: BaseException | None) -> None:
    if work.given_up:
        return
    if failure is None:
        work.done.set_result(None)
    else:
        work.done.set_exception(failure)


def _leave(entry: Entry) -> Unfit:
    reason = "snapshots of its target hang; it is not asked again before the next start"
    return Unfit(entry, reason, fate="leave")
