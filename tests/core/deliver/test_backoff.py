"""The waits between tries, by their law."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.deliver.backoff import wait_seconds
from nodepulse_core.sender import Later, Pace

LATEST = Later("503")
MOST = 10_000


def highest(_: float, most: float) -> float:
    """Draw the longest wait."""
    return most


def test_the_ceiling_doubles_from_one_second_to_sixty() -> None:
    """The longest possible waits are 1, 2, 4, … and then 60 seconds for ever."""
    waits = [wait_seconds(LATEST, failures, highest) for failures in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_jitter_is_full() -> None:
    """Waits are drawn from zero up to the ceiling, so that agents do not come back together."""
    asked: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return (low + high) / 2

    assert wait_seconds(LATEST, 4, draw) == 4
    assert asked == [(0.0, 8.0)]


@given(st.integers(1, MOST), st.sampled_from(["backoff", "slow"]), st.floats(0, 1))
def test_a_wait_is_never_nothing_and_never_for_ever(failures: int, pace: Pace, share: float) -> None:
    """However often it failed and whatever is drawn, the wait is between 0.1 s and 5 min; a backoff, 1 min."""
    seconds = wait_seconds(Later("no", pace=pace), failures, lambda low, high: low + share * (high - low))
    assert 0.1 <= seconds <= (300 if pace == "slow" else 60)


def test_slow_doubles_from_fifteen_seconds_to_five_minutes() -> None:
    """What a person has to mend is tried every 15 s at first, and every 5 min in the end."""
    waits = [wait_seconds(Later("401", pace="slow"), failures) for failures in range(1, 8)]
    assert waits == [15, 30, 60, 120, 240, 300, 300]


@pytest.mark.parametrize(
    ("asked", "waits"), [(7.0, 7.0), (3600.0, 3600.0), (86400.0, 3600.0), (math.inf, 3600.0), (0.0, 1.0), (-5.0, 1.0)]
)
def test_what_the_destination_asks_for_is_obeyed(asked: float, waits: float) -> None:
    """A wait that is asked for is kept to, at least 1 s, which is no busy loop, and at most an hour."""
    assert wait_seconds(Later("429", delay=asked), 9, highest) == waits


def test_a_delay_that_is_no_number_is_not_asked_for() -> None:
    """NaN, which no comparison would hold, counts as nothing asked."""
    assert wait_seconds(Later("429", delay=math.nan), 1, highest) == 1
