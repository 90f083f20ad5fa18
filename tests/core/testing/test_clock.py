"""The clock that is moved by hand."""

from __future__ import annotations

import asyncio

from nodepulse_core.testing.clock import FakeClock


async def test_time_goes_by_when_it_is_moved_and_while_somebody_sleeps() -> None:
    """Nothing moves it but `move` and those who wait on it, and they wait for no time at all."""
    clock = FakeClock(1_000.0)
    clock.move(5)
    await clock.sleep(60)
    await clock.wait(asyncio.Event(), 30)
    assert (clock.now(), clock.monotonic(), clock.slept) == (1_095.0, 1_095.0, [60, 30])


async def test_what_has_happened_is_not_waited_for() -> None:
    """An event that is set takes no time."""
    clock = FakeClock()
    event = asyncio.Event()
    event.set()
    before = clock.now()
    await clock.wait(event, 30)
    await clock.wait(event, None)
    assert clock.now() == before
