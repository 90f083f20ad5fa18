"""Families: what is written of them is the text format, and says the same."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_core import Distribution, Exposition, Family, write_exposition
from nodepulse_core.exposition import stamp

SLOT = 1_800_000_000
NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.one_of(st.floats(), st.integers(-(2**63), 2**63))
SERIES = st.lists(st.tuples(st.dictionaries(LABEL_NAMES, TEXTS, max_size=3), VALUES), max_size=5).map(tuple)
FAMILIES = st.lists(
    st.builds(Family, NAMES, st.sampled_from(["counter", "gauge", "untyped"]), TEXTS, SERIES),
    max_size=5,
    unique_by=lambda family: family.name,
)


def one(value: float, labels: dict[str, str] | None = None) -> str:
    """Return the sample's line of a family with one series."""
    return write_exposition([Family("m", "gauge", "Help.", ((labels or {}, value),))]).splitlines()[2]


@given(FAMILIES)
def test_what_is_written_is_read(families: list[Family]) -> None:
    """Any families make text that the agent accepts, and that holds every label and value exactly."""
    text, samples = stamp(write_exposition(families).encode(), SLOT)
    exposition = Exposition(text.decode())
    assert samples == sum(len(family.series) for family in families)
    for family in families:
        read = exposition.samples(family.name)
        assert [dict(sample.labels) for sample in read] == [labels for labels, _ in family.series]
        for sample, (_, value) in zip(read, family.series, strict=True):
            assert isinstance(value, int | float)
            assert sample.value == float(value) or (math.isnan(sample.value) and math.isnan(value))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (8589934592, "8589934592"),
        (2**63, "9223372036854775808"),
        (True, "1"),
        (0.25, "0.25"),
        (1e300, "1e+300"),
        (-0.0, "-0.0"),
        (math.nan, "NaN"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)
def test_values_are_written_as_the_format_says(value: float, written: str) -> None:
    """Integers stay integers, whatever their size; what is not finite has the format's names."""
    assert one(value) == f"m {written}"


def test_label_values_and_help_are_escaped() -> None:
    """A label's value escapes quote, backslash and line feed; a help text only the latter two."""
    family = Family("m", "counter", 'a "b" \\ \n', (({"path": 'C:\\ "x"\n'}, 1),))
    assert write_exposition([family]) == ('# HELP m a "b" \\\\ \\n\n# TYPE m counter\nm{path="C:\\\\ \\"x\\"\\n"} 1\n')


def test_a_family_without_series_is_left_out() -> None:
    """Where there is nothing to say there is no header either, and no families make no text."""
    assert write_exposition([Family("empty", "gauge", "Help.", ()), Family("m", "gauge", "Help.", (({}, 1),))]) == (
        "# HELP m Help.\n# TYPE m gauge\nm 1\n"
    )
    assert write_exposition([]) == ""


def test_a_histogram_has_cumulative_buckets() -> None:
    """A histogram's points become buckets, closed by +Inf, with sum and count behind them."""
    value = Distribution(count=4, sum=2.5, points=((0.1, 1), (1.0, 3)))
    written = write_exposition([Family("d", "histogram", "Help.", (({"a": "b"}, value),))])
    assert written.splitlines()[1:] == [
        "# TYPE d histogram",
        'd_bucket{a="b",le="0.1"} 1',
        'd_bucket{a="b",le="1.0"} 3',
        'd_bucket{a="b",le="+Inf"} 4',
        'd_sum{a="b"} 2.5',
        'd_count{a="b"} 4',
    ]


def test_a_histogram_closes_once() -> None:
    """A histogram that brings its own +Inf gets no second one."""
    value = Distribution(count=4, sum=2.5, points=((math.inf, 4),))
    assert write_exposition([Family("d", "histogram", "Help.", (({}, value),))]).count("+Inf") == 1


def test_a_summary_has_quantiles() -> None:
    """A summary's points become quantiles under its own name."""
    value = Distribution(count=2, sum=3, points=((0.5, 1.0), (0.99, 2.0)))
    written = write_exposition([Family("d", "summary", "Help.", (({}, value),))])
    assert written.splitlines()[1:] == [
        "# TYPE d summary",
        'd{quantile="0.5"} 1.0',
        'd{quantile="0.99"} 2.0',
        "d_sum 3",
        "d_count 2",
    ]


def test_a_distribution_of_a_gauge_is_refused() -> None:
    """A distribution where a number is due names the family, instead of making text that means nothing."""
    with pytest.raises(ValueError, match="d is a gauge"):
        write_exposition([Family("d", "gauge", "Help.", (({}, Distribution(1, 1)),))])
