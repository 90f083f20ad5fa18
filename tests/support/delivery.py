"""A drain on a real buffer, with time and sender of the test's own."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from nodepulse_core.buffer import Buffer, Limits
from nodepulse_core.deliver import BatchMaker, Drain, GuardedSender, Observers, Pending, SnapshotMaker
from nodepulse_core.health import Health
from nodepulse_core.model import Batch, Entry, Snapshot, Target, Window
from nodepulse_core.sender import Accepted, Answer, Sender
from nodepulse_core.testing.clock import FakeClock

NOW = 1_800_000_000
PATIENCE = 30.0
HOUR = 3600.0
BODY = b"up 1 1800000000000\n"

Answering = Callable[[Batch], Answer]


def entry(slot: int = 0, target: str = "node", size: int = 0) -> Entry:
    """Return an entry; the slot is in seconds after the tests' now."""
    return Entry(Window(NOW + slot, "web-1"), target, size)


def snapshot(of: Entry, json: bytes = b'{"up":1}') -> Snapshot:
    """Return an entry's snapshot, under its target's name."""
    return Snapshot(of, of.target, ({"up": 1},), json, "up 1\n")


def batch(*entries: Entry) -> Batch:
    """Return a batch of entries."""
    return Batch("web-1", tuple(snapshot(each) for each in entries))


class Timeline(FakeClock):
    """A clock on which things happen at their time, while whoever waits on it waits."""

    def __init__(self) -> None:
        super().__init__(float(NOW))
        self._events: list[tuple[float, int, Callable[[], Awaitable[None]]]] = []
        self._numbers = itertools.count()

    def at(self, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
        """Have something done so many seconds after the tests' now."""
        heapq.heappush(self._events, (NOW + seconds, next(self._numbers), call))

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Let that much time go by, with all that happens in it, unless the event is set."""
        assert seconds is not None
        until = self.time + seconds
        while not event.is_set():
            if not self._events or self._events[0][0] > until:
                self.slept.append(seconds)
                self.time = until
                break
            at, _, call = heapq.heappop(self._events)
            self.time = max(self.time, at)
            await call()
        await asyncio.sleep(0)


class ScriptedSender:
    """A sender that answers as a function says, and remembers what it was asked, and when."""

    name = "scripted"

    def __init__(self, clock: FakeClock, *, ordered: bool = False) -> None:
        self.ordered = ordered
        self.clock = clock
        self.answer: Answering = lambda _: Accepted()
        self.asked: list[tuple[float, Batch]] = []
        self.accepted: list[Entry] = []

    async def send(self, batch: Batch) -> Answer:
        """Answer; what the script raises is raised."""
        self.asked.append((self.clock.time - NOW, batch))
        answer = self.answer(batch)
        if isinstance(answer, Accepted):
            self.accepted += batch.entries
        return answer

    async def close(self) -> None:
        """Do nothing."""

    @property
    def slots(self) -> list[list[int]]:
        """The slots of each batch, in seconds after the tests' now."""
        return [[each.slot - NOW for each in asked.entries] for _, asked in self.asked]

    @property
    def times(self) -> list[float]:
        """When each batch came, in seconds after the tests' now."""
        return [at for at, _ in self.asked]


class Rig:
    """A buffer, a drain, and everything between them and a sender."""

    def __init__(
        self,
        path: Path,
        sender: Sender,
        clock: FakeClock,
        *,
        batch_size: int = 10,
        delay: float = 0.0,
        limits: Limits | None = None,
        make: Callable[[Entry], object] | None = None,
        send_limit: float = PATIENCE,
        patience: float = PATIENCE,
    ) -> None:
        self.clock = clock
        self.buffer = Buffer(path, limits or Limits(48 * HOUR, 2**30, 0), "never", monotonic=clock.monotonic)
        self.buffer.open()
        self.health = Health()
        self.sent: list[Batch] = []
        self.rejected: list[tuple[Batch, str]] = []
        snapshots = SnapshotMaker(
            read=self.buffer.read, target=find_target, exporter=lambda _: None, transform=lambda value, _: value
        )
        self.pending = Pending(self.buffer, batch_size, delay, ordered=bool(sender.ordered))
        self.drain = Drain(
            buffer=self.buffer,
            maker=BatchMaker(make or snapshots.make, patience),  # type: ignore[arg-type]  # tests make nonsense too
            sender=GuardedSender(sender, send_limit),
            pending=self.pending,
            health=self.health,
            clock=clock,
            observers=Observers(
                sent=self.sent.append, rejected=lambda batch, reason: self.rejected.append((batch, reason))
            ),
            draw=lambda _, most: most,
        )

    async def put(self, *entries: Entry, body: bytes = BODY) -> None:
        """Store entries whose windows are long complete: backlog."""
        for each in entries:
            assert await self.buffer.put(each, "node_exporter", body, now=self.clock.now())

    async def scrape(self, slot: int, *targets: str) -> None:
        """Store a window as collect does: announced, stored, completed."""
        window = Window(NOW + slot, "web-1")
        for target in targets or ("node",):
            self.buffer.windows.open(window, target)
        for target in targets or ("node",):
            await self.put(Entry(window, target))
            self.buffer.windows.close(window, target)

    async def run(self, until: Callable[[], bool]) -> None:
        """Run the drain until something is true."""
        draining = asyncio.create_task(self.drain.run())
        try:
            await self.wait(until, draining)
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)

    async def wait(self, until: Callable[[], bool], draining: asyncio.Task[None]) -> None:
        """Wait, in the time of the machine, until something is true."""
        end = time.monotonic() + PATIENCE
        while not until():
            assert not draining.done(), draining
            assert time.monotonic() < end, (self.buffer.books, self.buffer.count, self.health.destination)
            await asyncio.sleep(0)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self.buffer.count == 0

    @property
    def balanced(self) -> bool:
        """Whether every entry that there ever was is somewhere."""
        books = self.buffer.books
        gone = books.delivered + books.quarantined + books.evicted + books.left
        return books.found + books.stored == gone + self.buffer.count


def find_target(name: str) -> Target:
    """Return a configured target of any name."""
    return Target(name, "node_exporter", "", 15.0, 3.0, payload="raw")
