"""Which loops no longer get on."""

from __future__ import annotations

from nodepulse_core.testing.clock import FakeClock
from nodepulse_core.watch.progress import Progress, Sign


def test_a_mark_that_stays_too_long_is_a_stall() -> None:
    """A mark may stay the same for its limit; after that its loop has stalled, until the mark changes."""
    clock = FakeClock()
    progress = Progress(clock.monotonic)
    assert progress.stalled([Sign("drain", 1, 10)]) == []
    clock.time += 10
    assert progress.stalled([Sign("drain", 1, 10)]) == []
    clock.time += 1
    assert progress.stalled([Sign("drain", 1, 10), Sign("redis", 1, 10)]) == ["drain"]
    clock.time += 5
    assert progress.stalled([Sign("drain", 2, 10), Sign("redis", 1, 10)]) == []
    clock.time += 6
    assert progress.stalled([Sign("drain", 3, 10), Sign("redis", 1, 10)]) == ["redis"]


def test_a_loop_that_waits_begins_anew() -> None:
    """A loop that gave no sign for a while, since it waited for its time, has its whole limit again."""
    clock = FakeClock()
    progress = Progress(clock.monotonic)
    progress.stalled([Sign("redis", 1, 10)])
    clock.time += 9
    assert progress.stalled([]) == []
    clock.time += 9
    assert progress.stalled([Sign("redis", 1, 10)]) == []
    clock.time += 11
    assert progress.stalled([Sign("redis", 1, 10)]) == ["redis"]
