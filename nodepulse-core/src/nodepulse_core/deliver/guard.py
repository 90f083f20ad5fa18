"""A sender as the drain sees it: it always answers, whatever the plugin behind it does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nodepulse_core.model import Batch
from nodepulse_core.sender import Accepted, Answer, Later, Refused, Sender
from nodepulse_core.units import format_duration

_GRACE = 1.0


class GuardedSender:
    """Calls a sender in a task of its own, which may raise, exit, answer nonsense or never return."""

    def __init__(self, sender: Sender, limit: float, note: Callable[[float], None] = lambda _: None) -> None:
        """Take the sender, the seconds that one `send` may take, and whom to tell how long each took."""
        self._sender = sender
        self._limit = limit
        self._note = note
        self._last: asyncio.Task[Answer] | None = None
        self.calls = 0
        """How often it was asked to send."""

    @property
    def name(self) -> str:
        """The sender's name."""
        return self._sender.name

    async def send(self, batch: Batch) -> Answer:
        """Return the sender's answer; Later where it gives none. It is never called twice at a time."""
        self.calls += 1
        if self._last is not None and not self._last.done():
            await asyncio.wait({self._last}, timeout=_GRACE)  # it was cancelled, and may need a moment
        if self._last is not None and not self._last.done():
            return Later("it has not returned from an earlier batch, and is not called again until it has", pace="slow")
        self._last = asyncio.create_task(self._ask(batch), name=f"send by {self.name}")
        began = time.monotonic()
        try:
            await asyncio.wait({self._last}, timeout=self._limit)
            self._note(time.monotonic() - began)
            if self._last.done():
                return self._last.result()
            return Later(f"no answer within {format_duration(self._limit)}; the call was ended")
        finally:
            self._last.cancel()

    async def _ask(self, batch: Batch) -> Answer:
        try:
            answer: object = await self._sender.send(batch)
        except BaseException as error:
            current = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and current is not None and current.cancelling():
                raise
            return Later(f"it raised {type(error).__name__}: {error}")
        if isinstance(answer, Accepted | Later | Refused):
            return answer
        return Later(f"it answered {answer!r:.200}, which is no answer", pace="slow")
