"""Conditions: silent while all is well, said when they change, and ever more rarely while they last."""

from __future__ import annotations

import pytest
from nodepulse_core.health import Condition, Health, Outcome

NOW = 1_800_000_000.0


def test_success_after_success_is_silent(said: pytest.LogCaptureFixture) -> None:
    """Nothing is logged while everything works."""
    condition = Condition("redis")
    for second in range(100):
        condition.succeeded(NOW + second)
    assert said.messages == []
    assert condition.successes == 100
    assert condition.last_success == NOW + 99


def test_a_failure_is_said_with_what_happens_next(said: pytest.LogCaptureFixture) -> None:
    """The first failure says who, why and what comes; the recovery says how many there were, and how long."""
    condition = Condition("redis")
    condition.failed(NOW, "connection refused", "next try in 15s")
    condition.failed(NOW + 15, "connection refused", "next try in 15s")
    condition.succeeded(NOW + 30)
    assert said.messages == [
        "redis: connection refused; next try in 15s",
        "redis: connection refused (2 times in a row); next try in 15s",
        "redis works again, after 2 failures in 30s",
    ]
    assert condition.last_error is None
    assert condition.failing_since is None


def test_repeats_are_thinned(said: pytest.LogCaptureFixture) -> None:
    """A failure of a day at one a second is a few lines for its beginning, and one each 64th after that."""
    condition = Condition("redis")
    for second in range(1024):
        condition.failed(NOW + second, "connection refused", "next try in 1s")
    assert len(said.messages) == 7 + 1024 // 64 - 1  # 1, 2, 4, 8, 16, 32, 64, then 128, 192, …
    assert condition.failing_since == NOW


def test_another_reason_is_said_at_once(said: pytest.LogCaptureFixture) -> None:
    """When the reason changes, it is logged however many failures there were."""
    condition = Condition("redis")
    for second in range(70):
        condition.failed(NOW + second, "connection refused", "next try in 1s")
    condition.failed(NOW + 70, "no answer within 3s", "next try in 1s")
    assert said.messages[-1] == "redis: no answer within 3s (71 times in a row); next try in 1s"


def test_a_target_keeps_its_last_outcomes_and_totals() -> None:
    """Sixty outcomes are remembered, the totals count all."""
    known = Health().target("redis")
    for slot in range(100):
        known.succeeded(NOW + slot, Outcome(slot, seconds=0.5, samples=10, tries=2), b"up 1\n")
    assert [outcome.slot for outcome in known.recent] == list(range(40, 100))
    assert (known.samples, known.seconds, known.retries) == (1000, 50.0, 100)


def test_a_large_response_is_cut() -> None:
    """Of an exposition no more than 256 KiB stay in memory."""
    known = Health().target("redis")
    known.succeeded(NOW, Outcome(0, 0.1, 1), b"x" * 1_000_000)
    assert known.response is not None
    assert (len(known.response.beginning), known.response.size) == (256 * 1024, 1_000_000)


def test_what_is_forgotten_begins_anew() -> None:
    """A target that was removed and comes back has no history."""
    health = Health()
    health.target("redis").failed(NOW, Outcome(0, 0.1, error="refused"), "next try in 15s")
    health.forget("redis")
    assert not health.target("redis").condition.failing
    assert not health.target("redis").recent
