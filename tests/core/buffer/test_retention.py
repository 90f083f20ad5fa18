"""How old entries may become, by a clock that does not leap."""

from __future__ import annotations

from nodepulse_core.buffer.retention import Retention
from support.entries import HOUR, NOW

YEAR = 365 * 24 * HOUR
KEEP = 48 * HOUR


def test_a_steady_clock_is_believed() -> None:
    """While both clocks run alike, what is older than the retention is too old."""
    retention = Retention(KEEP)
    for hour in range(200):
        assert retention.cutoff(NOW + hour * HOUR, hour * HOUR) == NOW + hour * HOUR - KEEP


def test_a_leap_forward_ages_nothing() -> None:
    """A clock that is set a year ahead leaves the cutoff where it was, and it goes on with the monotonic time."""
    retention = Retention(KEEP)
    retention.cutoff(NOW, 0)
    assert retention.cutoff(NOW + YEAR, 10) == NOW + 10 - KEEP
    assert retention.cutoff(NOW + YEAR + HOUR, 10 + HOUR) == NOW + 10 + HOUR - KEEP


def test_the_clock_is_believed_again_after_one_retention() -> None:
    """Once all that waited at the leap has had its time, the clock's own time counts."""
    retention = Retention(KEEP)
    retention.cutoff(NOW, 0)
    retention.cutoff(NOW + YEAR, 10)
    assert retention.cutoff(NOW + YEAR + KEEP, 10 + KEEP) == NOW + YEAR


def test_a_clock_that_is_set_right_again_is_believed_at_once() -> None:
    """A leap forward that is taken back leaves nothing behind."""
    retention = Retention(KEEP)
    retention.cutoff(NOW, 0)
    retention.cutoff(NOW + YEAR, 10)
    assert retention.cutoff(NOW + 20, 20) == NOW + 20 - KEEP


def test_a_clock_that_is_set_back_evicts_nothing_early() -> None:
    """A leap back lowers the cutoff with it; the way back up raises it no faster than time goes by."""
    retention = Retention(KEEP)
    retention.cutoff(NOW, 0)
    assert retention.cutoff(NOW - YEAR, 10) == NOW - YEAR - KEEP
    assert retention.cutoff(NOW + 20, 20) <= NOW + 20 - KEEP


def test_the_time_without_an_agent_does_not_count() -> None:
    """What was found at the start is as old as it was beside its newest entry."""
    retention = Retention(KEEP)
    retention.start(NOW, 5)
    assert retention.cutoff(NOW + 10 * KEEP, 6) == NOW + 1 - KEEP


def test_a_newest_entry_from_the_future_changes_nothing() -> None:
    """A file with a slot far ahead neither ages the others nor keeps them."""
    retention = Retention(KEEP)
    retention.start(NOW + YEAR, 5)
    assert retention.cutoff(NOW, 6) == NOW - KEEP
