"""The Retry-After header, as anyone may write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.deliver.retry_after import read_retry_after

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2015 07:28:30 -0000", 30),
        ("Wed, 21 Oct 2015 08:28:30 +0100", 30),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0),
        ("9" * 400, float("inf")),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("²", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:30 GMT", None),
        ("Wed, 99 Oct 2015 07:28:30 GMT", None),
    ],
)
def test_what_a_header_asks(value: str, seconds: float | None) -> None:
    """Seconds and dates are read, in ASCII only; a moment that has gone by is now; all else asks for nothing."""
    assert read_retry_after(value, NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+"))
def test_no_header_is_an_error(value: str) -> None:
    """Whatever stands in it, the header is read or ignored, and never asks for less than nothing."""
    seconds = read_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
