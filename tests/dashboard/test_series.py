"""Columns for charts: thinned, with gaps as gaps and counters as rates."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodepulse_dashboard.series import MAX_POINTS, MAX_SERIES, draw, numbers, per_second, piece_width

INTERVAL = 15


def points(*values: float | None, field: str = "x", step: int = INTERVAL) -> list[tuple[int, str]]:
    """Return one snapshot each interval; for None there is none."""
    return [(at * step, json.dumps({field: value})) for at, value in enumerate(values) if value is not None]


def test_a_gauge_comes_as_it_is() -> None:
    """A gauge has values and no rates."""
    chart = draw(points(3, 1, 2, field="load_1min"))
    (series,) = chart.series
    assert (chart.timestamps, series.values, series.rates, series.kind) == ([0, 15, 30], [3, 1, 2], None, "gauge")


def test_a_counter_comes_with_rates() -> None:
    """A counter has changes per second beside its values; where it fell, it began anew, and there is no rate."""
    (series,) = draw(points(100, 160, 10, 70, field="processes_total")).series
    assert series.values == [100, 160, 10, 70]
    assert series.rates == [None, 4, None, 4]
    assert series.kind == "counter"


def test_a_gap_breaks_the_line() -> None:
    """Where snapshots are missing stands a point without values; one that is late is no gap."""
    chart = draw(points(1, 1, 1, None, None, None, 1, 1))
    assert chart.timestamps == [0, 15, 30, 45, 90, 105]
    assert chart.series[0].values == [1, 1, 1, None, 1, 1]
    assert None not in draw(points(1, 1, 1, None, 1, 1)).series[0].values


def test_a_rate_across_a_gap_is_not_invented() -> None:
    """After a gap the first point has no rate: what happened within the gap is not known."""
    (series,) = draw(points(0, 15, 30, None, None, None, 900, 915, field="x_total")).series
    assert series.rates == [None, 1, 1, None, None, 1]


def test_objects_of_one_snapshot_are_lines_of_their_own() -> None:
    """Each object has its line, told apart by its name, or its place."""
    body = json.dumps([{"name": "a", "x": 1}, {"x": 2}, {"name": "b", "x": 3}])
    chart = draw([(0, body)])
    assert {series.object: series.values for series in chart.series} == {"a": [1], "#2": [2], "b": [3]}


def test_only_numbers_are_drawn() -> None:
    """Strings, null, the timestamp and the instance are no series."""
    assert numbers('{"timestamp":"t","instance":"i","s":"1","n":null,"x":1,"y":0.5}') == {("x", ""): 1, ("y", ""): 0.5}


def test_a_chart_is_bounded() -> None:
    """Above the most series that are drawn, the rest is counted as left off."""
    chart = draw([(0, json.dumps({f"x{number}": number for number in range(MAX_SERIES + 7)}))])
    assert (len(chart.series), chart.left_off) == (MAX_SERIES, 7)
    assert [series.field for series in draw([(0, '{"a":1,"b":2}')], frozenset({"b"})).series] == ["b"]
    assert draw([]).series == []


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_pieces_are_few_enough(seconds: int, begin: int) -> None:
    """However long a time is and wherever it begins, no more pieces than MAX_POINTS make it up."""
    width = piece_width(seconds)
    assert (begin + seconds) // width - begin // width + 1 <= MAX_POINTS


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=1, max_size=30))
def test_a_rate_is_never_negative(values: list[int | None]) -> None:
    """Whatever a counter does, its rate is a change per second that is not negative, or no value."""
    rates = per_second([INTERVAL * at for at in range(len(values))], values)
    assert len(rates) == len(values)
    assert rates[0] is None
    for before, value, rate in zip(values, values[1:], rates[1:], strict=False):
        if before is None or value is None or value < before:
            assert rate is None
        else:
            assert rate == pytest.approx((value - before) / INTERVAL)
