"""The tally, and how seldom it speaks."""

import logging

import pytest
from nodepulse_plugin_labels.tally import Tally


def test_it_is_silent_while_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    """What is as it should be is counted, and nothing is said."""
    caplog.set_level(logging.DEBUG)
    tally = Tally({"role": "database"})
    for _ in range(100):
        tally.count("batches sent")
    assert tally.counts == {"batches sent": 100}
    assert caplog.messages == []


def test_it_warns_at_powers_of_ten(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred failures are three lines, each with the labels and every count."""
    tally = Tally({"role": "database"})
    tally.count("batches sent")
    for _ in range(100):
        tally.warn("scrapes failed")
    tally.warn("batches rejected")
    assert caplog.messages == [
        "role=database; batches sent: 1, scrapes failed: 1",
        "role=database; batches sent: 1, scrapes failed: 10",
        "role=database; batches sent: 1, scrapes failed: 100",
        "role=database; batches rejected: 1, batches sent: 1, scrapes failed: 100",
    ]
