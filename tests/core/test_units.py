"""Durations and sizes: read, written, and refused with a hint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.units import format_duration, format_size, format_slot, parse_duration, parse_size


@pytest.mark.parametrize(("text", "seconds"), [("15s", 15), ("1m", 60), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200)])
def test_durations_are_read(text: str, seconds: float) -> None:
    """A duration is numbers with units."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "15", "s", "1x", "-1s", "1 m", "1s "])
def test_what_is_no_duration_is_refused_with_a_hint(text: str) -> None:
    """Anything else is refused, and the message shows how one is written."""
    with pytest.raises(ValueError, match="write it like 15s"):
        parse_duration(text)


@given(st.integers(0, 10**10))
def test_a_duration_reads_back_as_it_was_written(milliseconds: int) -> None:
    """Writing whole milliseconds and reading them gives the same."""
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


@pytest.mark.parametrize(
    ("text", "size"), [("16MiB", 2**24), ("1GiB", 2**30), ("512k", 2**19), ("7", 7), ("1.5KB", 1536)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    """A size is a number with a unit of 1024."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "1QiB", "-1", "1 2"])
def test_what_is_no_size_is_refused_with_a_hint(text: str) -> None:
    """Anything else is refused, and the message shows how one is written."""
    with pytest.raises(ValueError, match="write it like 16MiB"):
        parse_size(text)


def test_sizes_and_slots_are_written_for_people() -> None:
    """Sizes have one decimal at most, slots are RFC 3339 in UTC."""
    assert [format_size(size) for size in (0, 1023, 1536, 2**30)] == ["0B", "1023B", "1.5KiB", "1GiB"]
    assert format_slot(1761832800) == "2025-10-30T14:00:00Z"
