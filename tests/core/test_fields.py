"""The field language: selectors as in PromQL, and what wraps them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.errors import FieldError
from nodepulse_core.fields import (
    Age,
    Count,
    Field,
    First,
    Integer,
    Max,
    Min,
    Ratio,
    as_number,
    parse_field,
    parse_selector,
    take_fields,
)

TEXT = """\
http_requests_total{code="200",path="/"} 10 1800000000000
http_requests_total{code="404",path="/"} 3 1800000000000
http_requests_total{code="500",path="/x y"} 1 1800000000000
boot_seconds 1.7999999995e+09 1800000000000
zero 0 1800000000000
nan NaN 1800000000000
inf +Inf 1800000000000
minus -Inf 1800000000000
"""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("http_requests_total", 14),
        ('http_requests_total{code="200"}', 10),
        ('http_requests_total{code!="200"}', 4),
        ('http_requests_total{code=~"4..|5.."}', 4),
        ('http_requests_total{code!~"4.*|5.*"}', 10),
        ('http_requests_total{code=~"20"}', None),
        ("http_requests_total{path='/x y', code=~'.*',}", 1),
        ('http_requests_total{absent=""}', 14),
        (Max("http_requests_total"), 10),
        (Min("http_requests_total"), 1),
        (Count("http_requests_total", by="path"), 2),
        (Ratio('http_requests_total{code="200"}', of=("http_requests_total",)), 10 / 14),
        (Ratio("zero", of=("zero",)), None),
        (Ratio("zero", of=("zero", "absent")), None),
        (First("absent", "zero", "boot_seconds"), 0),
        (Age("boot_seconds"), 0.5),
        (Integer(Age("boot_seconds")), 0),
        ("absent", None),
        (Max("absent"), None),
        (Count("absent", by="x"), None),
    ],
)
def test_a_field_takes_its_value(field: str | Field, value: float | None) -> None:
    """A field is the sum, or what wraps it; one that has nothing to be taken from is left out."""
    taken = take_fields({"it": parse_field(field)}, TEXT)
    assert taken == ({} if value is None else {"it": value})


@pytest.mark.parametrize("metric", ["nan", "inf", "minus"])
def test_what_json_cannot_say_is_null(metric: str) -> None:
    """NaN and infinities are null, alone and within a sum; the field is there all the same."""
    assert take_fields({"it": parse_field(metric), "whole": Integer(metric)}, TEXT) == {"it": None, "whole": None}


def test_infinities_that_cancel_are_null() -> None:
    """A sum of both infinities is no number, and no error."""
    text = 'x{a="1"} +Inf 1\nx{a="2"} -Inf 1\n'
    assert take_fields({"it": parse_field("x")}, text) == {"it": None}


@pytest.mark.parametrize("text", ["", "5", "a b", "a{", "a{b}", 'a{b="c" d="e"}', 'a{b="["]}', 'a{b=~"["}', "a{=''}"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    """A selector that is written wrongly is refused when the exporter is made."""
    with pytest.raises(FieldError):
        parse_field(text)


def test_what_is_no_field_is_refused() -> None:
    """An object that cannot be taken is refused, and the kinds of fields are named."""
    with pytest.raises(FieldError, match="known are a selector in a string and Max, Min"):
        parse_field(5)  # type: ignore[arg-type]  # on purpose


@given(st.floats())
def test_numbers_are_what_a_64_bit_reader_takes(value: float) -> None:
    """Whole values are integers of 64 bits at most, others are what they were, and the rest is null."""
    number = as_number(value)
    if not math.isfinite(value):
        assert number is None
    else:
        assert number == value
        assert isinstance(number, int) == (value == int(value) and abs(value) < 2**63)


@pytest.mark.parametrize(
    ("written", "value"),
    [(r"a\\b", "a\\b"), (r"a\nb", "a\nb"), (r"\"", '"'), (r"\'", "'"), (r"\\d+", "\\d+")],
)
def test_escapes_in_a_string_are_those_of_promql(written: str, value: str) -> None:
    """A backslash, a line's end and quotes are escaped as in PromQL."""
    (matcher,) = parse_selector(f'up{{a="{written}"}}').matchers
    assert matcher.value == value


def test_another_escape_is_refused() -> None:
    """A single backslash before a letter of a regular expression is said, and not read as the letter."""
    with pytest.raises(FieldError, match="is no escape in a string"):
        parse_selector(r'up{device=~"sd\d"}')
