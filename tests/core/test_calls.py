"""Calling an exporter's scrape: whatever it raises is a reason, of one bounded line."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from nodepulse_core.calls import call_scrape
from nodepulse_core.errors import ScrapeError
from nodepulse_core.model import Target

TARGET = Target("odd", "odd_exporter", "http://localhost:1", interval=1.0, timeout=1.0)


class NastyError(Exception):
    """An exception whose text cannot be read."""

    def __str__(self) -> str:
        raise SystemExit


class Odd:
    """An exporter that raises what it is given, or returns it."""

    name = "odd_exporter"

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    async def scrape(self, _: Target, __: object) -> Any:
        """Raise or return."""
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


class OddInThread(Odd):
    """The same, as a plain function."""

    def scrape(self, _: Target, __: object) -> Any:  # type: ignore[override]  # this is what the agent copes with
        """Raise or return."""
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize("kind", [Odd, OddInThread])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("boo"), "odd_exporter raised ValueError: boo"),
        (SystemExit(), "odd_exporter raised SystemExit"),
        (KeyboardInterrupt(), "odd_exporter raised KeyboardInterrupt"),
        (asyncio.CancelledError(), "odd_exporter raised CancelledError"),
        (NastyError(), "odd_exporter raised NastyError: (its text cannot be read)"),
        (ValueError("two\nlines"), "odd_exporter raised ValueError: two lines"),
        (ScrapeError("its own reason"), "its own reason"),
    ],
)
async def test_what_it_raises_is_returned_as_the_reason(kind: Any, error: BaseException, reason: str) -> None:
    """Nothing leaves the task, and nothing is longer than a line."""
    returned = await call_scrape(kind(error), TARGET, None)  # type: ignore[arg-type]  # no HTTP is asked for
    assert isinstance(returned, ScrapeError)
    assert str(returned) == reason


@pytest.mark.parametrize("kind", [Odd, OddInThread])
async def test_a_reason_is_bounded(kind: Any) -> None:
    """A plugin's megabyte of text is not kept for every slot that it fails."""
    returned = await call_scrape(kind(ValueError("x" * 2**20)), TARGET, None)  # type: ignore[arg-type]  # the same
    assert len(str(returned)) < 600


@pytest.mark.parametrize("kind", [Odd, OddInThread])
async def test_what_it_returns_is_returned(kind: Any) -> None:
    """Whatever that is: it is judged elsewhere."""
    assert await call_scrape(kind(b"up 1"), TARGET, None) == b"up 1"  # type: ignore[arg-type]  # the same
