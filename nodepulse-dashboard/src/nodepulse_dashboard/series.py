"""From stored snapshots to columns that a chart draws: thinned, with gaps as gaps and counters as rates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import orjson
from attrs import frozen

from nodepulse_dashboard.quantities import Kind, Unit, quantity

MAX_POINTS = 360
MAX_SERIES = 200
MAX_BODY = 64 * 1024
"""Snapshots above this size, which are raw text, are not looked through for numbers."""

_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_GAP = 2.5
_NO_NUMBERS = {"timestamp", "instance"}

Number = int | float
Column = list[Number | None]


@frozen
class Series:
    """One field over time, of one of the snapshot's objects.

    `object` tells several objects of a snapshot apart: by their `name`, else by their place; a single one has "".
    `rates` are changes per second, for a counter only. None is where there is no value.
    """

    field: str
    object: str
    kind: Kind
    unit: Unit
    values: Column
    rates: Column | None


@frozen
class Chart:
    """Columns of one length: the times in seconds since the epoch, and the series. `left_off` counts those too many."""

    timestamps: list[int]
    series: list[Series]
    left_off: int


def piece_width(seconds: int) -> int:
    """Return the width, in seconds, of pieces of which MAX_POINTS at most make up that time.

    It is a round number, and pieces begin at its multiples, so a chart that moves on keeps the points it has.
    """
    for width in _WIDTHS:
        if seconds <= width * (MAX_POINTS - 1):  # one less: the first and the last piece may both be cut
            return width
    return -(-seconds // (_WIDTHS[-1] * (MAX_POINTS - 1))) * _WIDTHS[-1]


def numbers(body: str) -> dict[tuple[str, str], Number]:
    """Return the numbers in a snapshot's body, by field and object."""
    value = orjson.loads(body)
    objects = value if isinstance(value, list) else [value]
    return {
        (field, _object_name(item, index)): number
        for index, item in enumerate(objects)
        for field, number in item.items()
        if isinstance(number, (int, float)) and field not in _NO_NUMBERS
    }


def _object_name(item: dict[str, Any], index: int) -> str:
    name = item.get("name")
    if isinstance(name, str):
        return name
    return f"#{index + 1}" if index else ""


def draw(points: Sequence[tuple[int, str]], fields: frozenset[str] = frozenset()) -> Chart:
    """Make columns of slots and bodies, which are in the order of time, for some fields or for all.

    Where snapshots are missing (two are more than 2.5 times as far apart as is usual among these), a point without
    values is put in, so that a line breaks there.
    """
    rows = _with_gaps([(timestamp, numbers(body)) for timestamp, body in points])
    timestamps = [timestamp for timestamp, _ in rows]
    names = dict.fromkeys(name for _, row in rows for name in row if not fields or name[0] in fields)
    kept = list(names)[:MAX_SERIES]
    series = []
    for name in kept:
        measured = quantity(name[0])
        values: Column = [row.get(name) for _, row in rows]
        rates = per_second(timestamps, values) if measured.kind == "counter" else None
        series.append(Series(*name, measured.kind, measured.unit, values, rates))
    return Chart(timestamps, series, len(names) - len(kept))


def per_second(timestamps: Sequence[int], values: Sequence[Number | None]) -> Column:
    """Return the change per second since the point before.

    None where either value is missing, or where the value fell: what it counts began anew, and how far it had come
    is not known.
    """
    rates: Column = [None] if values else []
    for (before, old), (now, new) in pairwise(zip(timestamps, values, strict=True)):
        rates.append(None if old is None or new is None or new < old else (new - old) / (now - before))
    return rates


def _with_gaps(
    rows: list[tuple[int, dict[tuple[str, str], Number]]],
) -> list[tuple[int, dict[tuple[str, str], Number]]]:
    if not rows:
        return []
    usual = median([later[0] - earlier[0] for earlier, later in pairwise(rows)] or [0])
    filled = rows[:1]
    for earlier, later in pairwise(rows):
        if later[0] - earlier[0] > _GAP * usual:
            filled.append((earlier[0] + round(usual), {}))
        filled.append(later)
    return filled
