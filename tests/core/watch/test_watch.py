"""The watch: how late the event loop is, and the backlog of the last hour."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from nodepulse_core.testing.clock import FakeClock
from nodepulse_core.watch.watch import BacklogPoint, Watch


class LateClock(FakeClock):
    """A clock on which every sleep takes longer than it was asked to."""

    late = 0.0

    async def sleep(self, seconds: float) -> None:
        """Sleep, and wake up late."""
        await super().sleep(seconds)
        self.time += self.late


async def beats(watch: Watch, number: int) -> None:
    """Let the watch look so many times."""
    running = asyncio.create_task(watch.run())
    while watch.beats < number:  # noqa: ASYNC110 - the fake clock needs its turns, and nothing else waits
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def point(clock: FakeClock) -> BacklogPoint:
    """Return a backlog that has as many entries as seconds have gone by."""
    return BacklogPoint(clock.time, int(clock.time - 1_800_000_000), 0, 0, 0)


async def test_an_idle_loop_is_not_late() -> None:
    """Where nothing holds the event loop up, the lag is nothing."""
    clock = FakeClock()
    watch = Watch(clock, lambda: point(clock), lambda: None)
    await beats(watch, 5)
    assert watch.lag < 0.001
    assert watch.late_seconds < 0.001


async def test_the_longest_delay_of_the_last_minute_is_told() -> None:
    """One beat that came two seconds late is the lag for a minute, then is forgotten; the sum stays."""
    clock = LateClock()
    watch = Watch(clock, lambda: point(clock), lambda: None)
    clock.late = 2.0
    await beats(watch, 1)
    clock.late = 0.0
    await beats(watch, 30)
    assert 1.9 < watch.lag < 2.1
    await beats(watch, 100)
    assert watch.lag < 0.001
    assert watch.late_seconds >= 2.0


async def test_the_backlog_of_an_hour_is_kept_and_no_more() -> None:
    """After two hours there are points of the last hour only, oldest first, and this moment."""
    clock = FakeClock()
    watch = Watch(clock, lambda: point(clock), lambda: None)
    await beats(watch, 7200)
    points = watch.backlog()
    assert len(points) == 361
    assert [each.at for each in points] == sorted(each.at for each in points)
    assert clock.time - points[0].at <= 3600
    assert points[-1].at == clock.time


async def test_since_looks_back() -> None:
    """The backlog of ten minutes ago is the first point that is not older; before the start there is the start."""
    clock = FakeClock()
    watch = Watch(clock, lambda: point(clock), lambda: None)
    began = clock.time
    await beats(watch, 100)
    assert watch.since(600).at == began
    await beats(watch, 1000)
    assert 0 <= clock.time - 600 - watch.since(600).at + 10 <= 20


async def test_what_wants_to_be_asked_is_asked_every_ten_seconds() -> None:
    """Whoever asks how the agent is, later and once, is told what only looking again and again can tell."""
    clock = FakeClock()
    asked: list[float] = []
    watch = Watch(clock, lambda: point(clock), lambda: asked.append(clock.time))
    await beats(watch, 35)
    assert [round(later - earlier) for earlier, later in pairwise(asked)] == [10, 10]
