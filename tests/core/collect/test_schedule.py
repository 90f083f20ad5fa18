"""Ticks: aligned, never twice in a slot, never queued."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.collect.schedule import Tick, first_tick, next_tick

INTERVALS = st.one_of(st.integers(1, 3600), st.sampled_from([1.5, 2.25]))
TIMES = st.floats(1e9, 2e9)


@given(TIMES, INTERVALS)
def test_the_first_tick_has_just_gone_by(now: float, interval: float) -> None:
    """The first scrape is for the aligned slot that has just begun."""
    tick = first_tick(now, interval)
    assert now - interval < tick.at <= now
    assert tick.slot == int(tick.at)


@given(TIMES, INTERVALS, st.lists(st.floats(0, 20), max_size=20))
def test_slots_only_grow(now: float, interval: float, scrapes: list[float]) -> None:
    """However long scrapes take, each slot is later than the one before by an interval or more, and is aligned."""
    tick = first_tick(now, interval)
    for seconds in scrapes:
        ended = max(tick.at, now) + seconds
        following = next_tick(ended, interval, tick)
        assert following.slot > tick.slot
        assert following.at >= tick.at + interval
        assert abs(following.at / interval - round(following.at / interval)) < 1e-6
        assert following.at <= max(ended, tick.at) + interval
        tick = following


def test_a_timer_that_fires_early_does_not_repeat_a_slot() -> None:
    """Ending a scrape before its own tick, by the clock, still gives the next slot."""
    assert next_tick(99.999, 1, Tick(100)) == Tick(101)


def test_an_overrun_skips_and_counts() -> None:
    """Ticks that went by meanwhile are skipped, and their number is told."""
    assert next_tick(103.2, 1, Tick(100)) == Tick(104, skipped=3)


def test_a_clock_that_is_set_back_starts_the_ticks_anew() -> None:
    """After the clock was set back by an hour, the next tick is the next one by the new time."""
    assert next_tick(1000.5, 15, Tick(4600)) == Tick(1005)


@given(TIMES, INTERVALS, st.lists(st.floats(0, 20), max_size=20), st.booleans())
def test_no_slot_is_skipped_by_scrapes_that_do_not_overrun(
    now: float, interval: float, scrapes: list[float], late: bool
) -> None:
    """Slots only grow whether a scrape began late or not; without an overrun each is an interval after the last."""
    tick = first_tick(now, interval)
    for seconds in scrapes:
        took = seconds % interval if late else seconds
        now = max(tick.at, now) + took
        following = next_tick(now, interval, tick, began_late=took < interval)
        assert following.at >= tick.at + interval - 1e-6
        if took < interval:
            assert following.skipped == 0
        tick = following
