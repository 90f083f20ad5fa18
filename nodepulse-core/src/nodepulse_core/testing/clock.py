"""A clock that a test moves by hand: whoever sleeps on it wakes up at once, and finds that the time has gone by."""

from __future__ import annotations

import asyncio


class FakeClock:
    """A clock on which sleeping takes no time, and moves it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def move(self, seconds: float) -> None:
        """Let that much time go by."""
        self.time += seconds

    def now(self) -> float:
        """Return the wall clock."""
        return self.time

    def monotonic(self) -> float:
        """Return the same."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Move on by that much."""
        self.slept.append(seconds)
        self.time += max(0.0, seconds)
        await asyncio.sleep(0)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Move on by that much, unless the event is set; None waits for it."""
        if seconds is None:
            await event.wait()
        elif not event.is_set():
            await self.sleep(seconds)
