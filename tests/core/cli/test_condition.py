"""How a state is shown."""

from __future__ import annotations

import io
import sys

import pytest
from nodepulse_core.cli.condition import ago, clean, format_age, mark


@pytest.mark.parametrize(
    ("status", "shown"),
    [("running", "● up"), ("failed", "✗ down"), ("starting", "○ starting"), ("degraded", "▲ degraded")],
)
def test_each_state_has_its_own_shape_and_word(status: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shape and word tell it without colour; a terminal that knows ASCII only gets a shape of that."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert str(mark(status)) == shown
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert str(mark(status)).isascii()
    assert str(mark(status)).split()[1] == shown.split()[1]


def test_a_state_that_is_not_known_is_shown_as_it_is() -> None:
    """A newer agent's word is shown."""
    assert mark("paused").word == "paused"


def test_what_a_target_said_does_not_steer_a_terminal() -> None:
    """Escapes are replaced, and lines are joined."""
    assert clean("bad\x1b[2J\nanswer\t!") == "bad�[2J answer !"


def test_ages_are_by_the_agents_clock() -> None:
    """What has not been is `-`; what seems to come is now."""
    now = "2027-01-15T08:00:00Z"
    assert ago(None, now) == "-"
    assert ago("2027-01-15T07:58:30Z", now) == "1m30s ago"
    assert ago("2027-01-15T08:00:09Z", now) == "0s ago"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59, "59s"), (3725, "1h2m"), (90061, "1d1h"), (86400, "1d")]
)
def test_ages_have_two_units_at_most(seconds: float, text: str) -> None:
    """The smaller ones are left out."""
    assert format_age(seconds) == text
