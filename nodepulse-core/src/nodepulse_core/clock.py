"""The time, as something that is handed in: the agent uses the system's, tests their own."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the loops know of time."""

    def now(self) -> float:
        """Return the wall clock: seconds since the epoch. It may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long; zero or less only yields to other tasks."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait until the event is set, or that many seconds have gone by; None: as long as it takes."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall clock: seconds since the epoch. It may jump."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment; never jumps."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long; zero or less only yields to other tasks."""
        await asyncio.sleep(max(0.0, seconds))

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Wait until the event is set, or that many seconds have gone by; None: as long as it takes."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
