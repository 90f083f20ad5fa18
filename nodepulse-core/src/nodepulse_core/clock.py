"""The time, as something that is handed in: the agent uses the system's, tests their own."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the loops know of time."""

    def now(self) -> float:
        """Return the wall clock: seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long; zero or less only yields to other tasks."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall clock: seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait that long; zero or less only yields to other tasks."""
        await asyncio.sleep(max(0.0, seconds))
