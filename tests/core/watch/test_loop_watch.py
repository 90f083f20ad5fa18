"""The watch of the event loop: when a plugin is named, how often, and when the loop is given up."""

from __future__ import annotations

import asyncio
import time

import pytest
from nodepulse_core.clock import SystemClock
from nodepulse_core.plugins import EXPORTERS, Installed
from nodepulse_core.testing.clock import FakeClock
from nodepulse_core.watch.holders import Holder
from nodepulse_core.watch.loop_watch import FOR_EVER, LoopWatch
from support.programs import PATIENCE

HOLDER = Holder(Installed("odd_exporter", EXPORTERS, "odd_module", "odd", "1.2"), "odd_one")


class Held:
    """A loop that is held on request, and its watch."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.beat_at = self.clock.time
        self.holder: Holder | None = HOLDER
        self.given_up: list[float] = []
        self.watch = LoopWatch(
            clock=self.clock,
            beat_at=lambda: self.beat_at,
            find=lambda: self.holder,
            give_up=lambda _, seconds: self.given_up.append(seconds),
        )

    def hold(self, seconds: int) -> None:
        """Hold the loop that long, with a look a second, then let it turn."""
        for _ in range(seconds + 1):
            self.clock.time += 1.0
            self.watch.look()
        self.beat_at = self.clock.time
        self.watch.look()


def test_a_loop_that_turns_is_nobodys_fault(said: pytest.LogCaptureFixture) -> None:
    """A beat that is a little late, as on a busy machine, blames nobody."""
    held = Held()
    for _ in range(100):
        held.clock.time += 1.9
        held.watch.look()
        held.beat_at = held.clock.time
    assert held.watch.holds() == ()
    assert not said.records


def test_a_plugin_that_holds_it_is_named_and_counted(said: pytest.LogCaptureFixture) -> None:
    """What it was, for how long, and what to do about it stand in the log; times and seconds in the books."""
    held = Held()
    held.hold(3)
    held.clock.time += 100
    held.beat_at = held.clock.time
    held.hold(5)
    (hold,) = held.watch.holds()
    assert (hold.times, hold.seconds, hold.longest, hold.last_at) == (2, 8.0, 5.0, held.clock.time)
    assert said.records[0].message == (
        "the exporter odd_exporter of target odd_one (odd 1.2) has held the event loop for 1s; "
        "all others wait for it: make it async, or set isolation: process"
    )


def test_it_is_said_ever_more_rarely(said: pytest.LogCaptureFixture) -> None:
    """A plugin that holds it for three seconds a hundred times is no hundred lines."""
    held = Held()
    for _ in range(100):
        held.hold(2)
    assert 4 <= len(said.records) <= 10
    assert held.watch.holds()[0].times == 100


def test_what_is_late_without_a_plugin_is_not_held(said: pytest.LogCaptureFixture) -> None:
    """A machine that was suspended, or has no CPU left, is nobody's fault."""
    held = Held()
    held.holder = None
    held.hold(100)
    assert held.watch.holds() == ()
    assert held.given_up == []
    assert not said.records


def test_a_loop_that_is_held_for_ever_is_given_up() -> None:
    """After a minute, and not before."""
    held = Held()
    held.hold(int(FOR_EVER) - 1)
    assert held.given_up == []
    held.hold(int(FOR_EVER))
    assert held.given_up == [FOR_EVER]


def test_what_is_remembered_is_bounded() -> None:
    """A thousand targets that hold it are a hundred in the books."""
    held = Held()
    for number in range(1000):
        held.holder = Holder(HOLDER.plugin, f"odd_{number}")
        held.hold(1)
    assert len(held.watch.holds()) == 100


async def test_the_thread_looks_while_the_loop_is_held() -> None:
    """A loop that really stands still is seen by the watch's own thread."""
    seen: list[float] = []
    began = time.monotonic()
    watch = LoopWatch(
        clock=SystemClock(), beat_at=lambda: began - 5.0, find=lambda: HOLDER, give_up=lambda _, late: seen.append(late)
    )
    watch.start()
    end = time.monotonic() + PATIENCE
    while not watch.holds() and time.monotonic() < end:
        time.sleep(0.02)  # noqa: ASYNC251 - this is what holds the loop
    watch.stop()
    assert watch.holds()[0].holder == HOLDER
    assert seen == []
    await asyncio.sleep(0)
