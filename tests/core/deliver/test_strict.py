"""Values as strict JSON carries them."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core.deliver.strict import strict

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (8589934592.0, "8589934592"),
        (-0.0, "0"),
        (123456.78, "123456.78"),
        (2.0**63, "9223372036854775808"),
        (math.nan, "null"),
        ({"a": [1.0, {"b": math.inf}], "c": (2.0,)}, '{"a":[1,{"b":null}],"c":[2]}'),
        (True, "true"),
    ],
)
def test_what_is_written(value: Any, written: str) -> None:
    """Whole floats are integers and what is no number is null, at every depth; nothing else changes."""
    assert orjson.dumps(strict(value)).decode() == written


@given(VALUES)
def test_every_reader_of_strict_json_can_read_it(value: Any) -> None:
    """Whatever JSON can say is written without NaN or Infinity, and no whole number in 64 bits has a point."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    def check(number: str) -> float:
        read = float(number)
        assert not (read.is_integer() and -(2**63) <= read < 2**64), number
        return read

    json.loads(orjson.dumps(strict(value)), parse_constant=refuse, parse_float=check)


def test_a_value_that_contains_itself_is_refused() -> None:
    """A circle, which has no end, is an error in bounded time."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="more than 64 levels"):
        strict(circle)
