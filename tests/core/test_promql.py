"""Fields as a person reads them, and what an exposition lacks for them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core import Age, Count, Exposition, Field, First, Integer, Max, Min, Ratio
from nodepulse_core.fields import Matcher, Selector, parse_field
from nodepulse_core.promql import find_absent, is_whole, list_metrics, write_promql, write_selector


class Own:
    """A field of a plugin's own kind."""

    def take(self, exposition: Exposition) -> float | None:
        """Take nothing."""
        del exposition
        return None

    def __str__(self) -> str:
        return "the moon's phase"


@pytest.mark.parametrize(
    ("source", "text", "metrics"),
    [
        ("a", "sum(a)", ("a",)),
        ('a{b="c",d!~"e|f"}', 'sum(a{b="c",d!~"e|f"})', ("a",)),
        (Max("a"), "max(a)", ("a",)),
        (Min("a"), "min(a)", ("a",)),
        (Count("a", by="cpu"), "count(count by (cpu) (a))", ("a",)),
        (Age("a"), "slot - a", ("a",)),
        (Ratio("a", of=("a", "b")), "sum(a) / (sum(a) + sum(b))", ("a", "b")),
        (First('a{x="1"}', Max("b")), 'sum(a{x="1"}) or max(b)', ("a", "b")),
        (Integer(First("a", "b")), "sum(a) or sum(b)", ("a", "b")),
        (Own(), "the moon's phase", ()),
        (Integer(Own()), "the moon's phase", ()),
    ],
)
def test_a_field_is_written_as_promql(source: str | Field, text: str, metrics: tuple[str, ...]) -> None:
    """Every kind says what it does, and names its metrics once; a plugin's own kind speaks for itself."""
    field = parse_field(source)
    assert (write_promql(field), list_metrics(field)) == (text, metrics)


def test_every_kind_of_field_is_known_here() -> None:
    """A kind that is added to the language is written as PromQL too, and not as its repr."""
    arguments = {"Count": ("a", "b"), "Ratio": ("a", ("a",))}
    kinds = [each for each in kinds_of_fields() if each.__name__ != "Selector"]
    assert len(kinds) >= 7
    for kind in kinds:
        field = kind(*arguments.get(kind.__name__, ("a",)))
        assert list_metrics(field) == ("a",), kind
        assert kind.__name__ not in write_promql(field)


def kinds_of_fields() -> list[type]:
    """Return the classes of `nodepulse_core.fields` that can be taken."""
    from nodepulse_core import fields  # noqa: PLC0415 - the module itself is what is looked at

    return [
        each for each in vars(fields).values() if isinstance(each, type) and hasattr(each, "take") and each is not Field
    ]


@given(st.text())
def test_a_label_is_written_on_one_line_and_whole(value: str) -> None:
    """Whatever a label's value holds, it is quoted, on one line, and says all of it."""
    written = write_selector(Selector("a", (Matcher("b", "=", value),)))
    assert "\n" not in written
    assert json.loads(written.removeprefix("a{b=").removesuffix("}")) == value


@pytest.mark.parametrize(
    ("source", "absent"),
    [
        ("there", ()),
        ("gone", ("gone",)),
        ('there{x="1"}', ()),
        ('there{x="2"}', ('there{x="2"}',)),
        (Ratio("zero", of=("zero",)), ()),
        (Ratio("there", of=("there", "gone")), ("gone",)),
        (First("gone", 'there{x="2"}'), ("gone", 'there{x="2"}')),
        (Own(), ()),
    ],
)
def test_what_is_absent_is_named(source: str | Field, absent: tuple[str, ...]) -> None:
    """A metric that is gone by its name, labels that match nothing with them, and nothing where all is there."""
    exposition = Exposition('there{x="1"} 1 1800000000000\nzero 0 1800000000000\n')
    assert find_absent(parse_field(source), exposition) == absent


def test_a_whole_number_is_known_as_one() -> None:
    """Integer and Count are whole whatever the metric says; a sum need not be."""
    assert is_whole(Integer("a"))
    assert is_whole(Count("a", by="b"))
    assert not is_whole(parse_field("a"))
