"""Times, durations and numbers as a person reads them."""

from __future__ import annotations

import pytest
from nodepulse_core.http.wording import (
    ago,
    ahead,
    lasting,
    say_count,
    say_number,
    say_size,
    say_span,
    say_took,
)
from support.reports import NOW


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
    ],
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, text: str) -> None:
    """The unit grows once there are two of the next one; what is negative is nothing."""
    assert say_span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0001, "< 1 ms"), (0.012, "12 ms"), (0.9996, "1.0 s"), (2.34, "2.3 s")]
)
def test_a_scrape_takes_milliseconds_or_seconds(seconds: float, text: str) -> None:
    """Never 0 and never 1000 ms."""
    assert say_took(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.26, "0.3"),
        (7, "7"),
        (9.5, "9.5"),
        (86.4, "86"),
        (1234, "1,234"),
        (12_345, "12.3 k"),
        (2.5e7, "25.0 M"),
    ],
)
def test_a_number_has_the_digits_that_matter(value: float, text: str) -> None:
    """Small ones have a decimal, large ones a letter."""
    assert say_number(value) == text


def test_counts_and_sizes_have_their_noun_and_unit() -> None:
    """One entry, several entries; a space before the unit."""
    assert [say_count(1, "entry", "entries"), say_count(0, "entry", "entries")] == ["1 entry", "0 entries"]
    assert say_count(2, "target") == "2 targets"
    assert [say_size(0), say_size(1536), say_size(16 * 1024**2)] == ["0 B", "1.5 KiB", "16 MiB"]


def test_a_moment_is_said_with_the_time_and_in_words() -> None:
    """The element has the time in UTC for a script, and words for a reader, unless they are left to the script."""
    assert ago(NOW - 3, NOW) == (
        '<time datetime="2027-01-15T07:59:57Z" title="2027-01-15T07:59:57Z" data-say="ago">3 s ago</time>'
    )
    assert ">in 11 s</time>" in ahead(NOW + 11, NOW)
    assert ">now</time>" in ahead(NOW - 1, NOW)
    assert ">64 s</time>" in lasting(NOW - 64, NOW)
    assert all(each(NOW, None).endswith("></time>") for each in (ago, ahead, lasting))
