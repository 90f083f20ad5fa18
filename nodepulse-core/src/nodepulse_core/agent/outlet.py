"""The outlet: the sender and the drain that the settings ask for, and how others take their place while it runs.

The queue is the buffer, so nothing but the pace is lost with a drain: the one that follows finds on disk all that
this one has not delivered.
"""

from __future__ import annotations

import asyncio
import contextlib
import random

from attrs import frozen

from nodepulse_core.agent.plan import Plan
from nodepulse_core.buffer import Buffer
from nodepulse_core.clock import Clock
from nodepulse_core.config import Settings
from nodepulse_core.deliver import BatchMaker, Drain, GuardedSender, HTTPSender, Observers, Pending
from nodepulse_core.errors import NodePulseError
from nodepulse_core.health import Health
from nodepulse_core.sender import Sender
from nodepulse_core.watch.progress import Sign

_SPARE_SECONDS = 60.0
"""How much longer than `server.timeout` a sender may take, before its call is ended for it."""
_CLOSING_SECONDS = 1.0
_LONGEST_STEP = 180.0
"""How long the drain may take besides the sender: to wait, to read a batch, and to remove what has arrived."""


@frozen(eq=False)
class Way:
    """A sender, the drain that hands it batches, and where they go."""

    sender: Sender
    drain: Drain
    endpoint: str
    timeout: float


class Outlet:
    """The one way that is in use. It is made by `prepare`, which changes nothing and may fail."""

    def __init__(self, *, plan: Plan, buffer: Buffer, maker: BatchMaker, health: Health, clock: Clock) -> None:
        """Take the parts; raises NodePulseError where the settings ask for a sender that cannot be had."""
        self._plan = plan
        self._buffer = buffer
        self._maker = maker
        self._health = health
        self._clock = clock
        self._way = self.prepare(plan.wanted.settings)
        self._task: asyncio.Task[None] | None = None

    @property
    def sender(self) -> str:
        """The name of the sender in use."""
        return self._way.sender.name

    @property
    def endpoint(self) -> str:
        """Where batches go."""
        return self._way.endpoint

    @property
    def sign(self) -> Sign:
        """What shows that the drain gets on."""
        way = self._way
        return Sign("drain", (id(way), way.drain.turns), way.timeout + _SPARE_SECONDS + _LONGEST_STEP)

    @property
    def dead(self) -> bool:
        """Tell whether the drain has ended although nobody ended it."""
        return self._task is not None and self._task.done()

    def prepare(self, settings: Settings) -> Way:
        """Return the way that settings ask for; raises NodePulseError where its sender cannot be had."""
        sender = self._choose(settings)
        limit = settings.server.timeout + _SPARE_SECONDS
        pending = Pending(
            self._buffer,
            settings.buffer.batch_size,
            # Drawn once: it spreads a fleet as well, and no window of this agent overtakes another.
            random.uniform(0.0, settings.buffer.drain_jitter),  # noqa: S311 - guards no secret
            ordered=bool(sender.ordered),
        )
        drain = Drain(
            buffer=self._buffer,
            maker=self._maker,
            sender=GuardedSender(sender, limit, self._health.requests.note),
            pending=pending,
            health=self._health,
            clock=self._clock,
            observers=Observers(sent=self._plan.host.batch_sent, rejected=self._plan.host.batch_rejected),
        )
        return Way(sender, drain, settings.server.endpoint, settings.server.timeout)

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._way.drain.run(), name="drain")

    async def replace(self, way: Way) -> None:
        """Deliver by another way, once the batch under way has its answer, or has had its time for one."""
        old, self._way = self._way, way
        if self._task is not None:
            old.drain.stop()
            await asyncio.wait({self._task}, timeout=old.timeout)
            await self.stop()
        await _close(old.sender)
        self.start()

    async def stop(self) -> None:
        """End the drain; a batch under way is given up, and stays on disk."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def flush(self) -> None:
        """Send once more what is complete; for the end of the agent."""
        await self._way.drain.flush()

    async def close(self) -> None:
        """Give back the sender's connections."""
        await _close(self._way.sender)

    def _choose(self, settings: Settings) -> Sender:
        server = settings.server
        destination = server.destination()
        if server.sender == HTTPSender.name:
            return HTTPSender(destination, self._plan.user_agent, self._clock)
        senders = self._plan.host.senders(destination)
        if server.sender not in senders:
            known = ", ".join(sorted({HTTPSender.name, *senders}))
            raise NodePulseError(f"server.sender: there is no sender {server.sender!r}; known: {known}")
        return senders[server.sender]


async def _close(sender: Sender) -> None:
    with contextlib.suppress(Exception):  # a plugin's sender may raise or hang; the rest goes on all the same
        await asyncio.wait_for(sender.close(), _CLOSING_SECONDS)
