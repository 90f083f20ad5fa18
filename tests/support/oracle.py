"""An independent reading of expositions, against which snapshots are checked: line by line, with string methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

EXPOSITIONS = Path(__file__).parent.parent / "fixtures" / "expositions"
Labels = dict[str, str]
Series = tuple[str, Labels, float]


def read_series(text: str) -> list[Series]:
    """Return name, labels and value of every sample; timestamps are left away."""
    return [_read_line(line) for line in text.splitlines() if line and not line.startswith("#")]


def _read_line(line: str) -> Series:
    if "{" not in line:
        name, value = line.split()[:2]
        return name, {}, float(value)
    name, rest = line.split("{", 1)
    labels: Labels = {}
    while not rest.startswith("}"):
        label, rest = rest.split('="', 1)
        value = ""
        while not rest.startswith('"'):
            if rest.startswith("\\"):
                value += {"n": "\n", "\\": "\\", '"': '"'}[rest[1]]
                rest = rest[2:]
            else:
                value += rest[0]
                rest = rest[1:]
        labels[label] = value
        rest = rest[1:].removeprefix(",")
    return name, labels, float(rest[1:].split()[0])


def total(series: list[Series], metric: str, keep: Callable[[Labels], bool] = lambda _: True) -> float | None:
    """Return the sum of a metric over the series to keep; None where there is none."""
    values = [value for name, labels, value in series if name == metric and keep(labels)]
    return math.fsum(values) if values else None
