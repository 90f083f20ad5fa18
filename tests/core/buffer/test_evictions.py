"""What is said of evicted entries: all of it, and not too often."""

from __future__ import annotations

import pytest
from nodepulse_core.buffer.evictions import Evictions


def test_every_eviction_is_said_but_not_each_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    """The first is said at once; what follows within a minute is said together, by its reason, with the next look."""
    evictions = Evictions()
    evictions.note(3, "too old", 100.0)
    for second in range(1, 59):
        evictions.note(1, "full", 100.0 + second)
    assert [record.getMessage() for record in caplog.records] == [
        "evicted 3 entries that were never delivered: too old"
    ]
    evictions.note(0, "full", 161.0)
    assert caplog.records[-1].getMessage() == "evicted 58 entries that were never delivered: full"


def test_nothing_is_said_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A look that evicts nothing is silent."""
    Evictions().note(0, "full", 0.0)
    assert caplog.records == []
