"""The three answers of a sender: what is made wrongly fails where it is made."""

from __future__ import annotations

from typing import Any

import pytest
from nodepulse_core.model import Entry, Window
from nodepulse_core.sender import Later, Refused

ENTRY = Entry(Window(1_800_000_000, "web-1"), "node")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"reason": None}, TypeError),
        ({"reason": "busy", "delay": "7"}, TypeError),
        ({"reason": "busy", "pace": "slowly"}, ValueError),
    ],
)
def test_a_later_says_why_and_how(values: dict[str, Any], error: type[Exception]) -> None:
    """A reason that is no text, a delay that is no number, and a pace that there is not, are errors."""
    with pytest.raises(error):
        Later(**values)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"reason": b"bad"}, TypeError),
        ({"reason": "bad", "entries": None}, TypeError),
        ({"reason": "bad", "fault": "weight"}, ValueError),
    ],
)
def test_a_refusal_says_why_and_what(values: dict[str, Any], error: type[Exception]) -> None:
    """A reason that is no text, entries that are none, and a fault that there is not, are errors."""
    with pytest.raises(error):
        Refused(**values)


def test_the_entries_of_a_refusal_may_be_any_sequence() -> None:
    """A list of entries, or a generator of them, is as good as a tuple."""
    assert Refused("bad", [ENTRY]) == Refused("bad", (each for each in [ENTRY])) == Refused("bad", (ENTRY,))  # type: ignore[arg-type]  # what authors write
