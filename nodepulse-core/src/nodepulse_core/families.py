"""Metrics as families, and the one writer that makes an exposition of them.

For whoever has values instead of text: an exporter that collects by itself, and the agent's own metrics.

    up = Family("app_up", "gauge", "Whether the application answers.", (({}, 1),))
    text = write_exposition([up])

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format, version 0.0.4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from attrs import frozen

FamilyType = Literal["counter", "gauge", "untyped", "histogram", "summary"]
Labels = Mapping[str, str]

_POINTS = {"histogram": ("_bucket", "le"), "summary": ("", "quantile")}


@frozen
class Distribution:
    """The value of a histogram or a summary: how many were observed, their sum, and points between.

    A histogram's points are upper bounds and how many were at most that (cumulative; +Inf is added); a summary's
    are quantiles and their values.
    """

    count: float
    sum: float
    points: tuple[tuple[float, float], ...] = ()


@frozen
class Family:
    """One metric: its name, type and help, and its series as labels and values.

    The values of a histogram or summary are Distributions, all others numbers.
    """

    name: str
    type: FamilyType
    help: str
    series: tuple[tuple[Labels, float | Distribution], ...]


def write_exposition(families: Iterable[Family]) -> str:
    """Return an exposition of the families in their order, without those that have no series.

    Integers are written as integers. Names and labels stand as they are given: `stamp` refuses what is no name.
    Raises ValueError where a Distribution stands in another family than a histogram or a summary.
    """
    lines: list[str] = []
    for family in families:
        if family.series:
            lines += (f"# HELP {family.name} {_escape_help(family.help)}", f"# TYPE {family.name} {family.type}")
            for labels, value in family.series:
                if isinstance(value, Distribution):
                    lines += _write_distribution(family, labels, value)
                else:
                    lines.append(f"{family.name}{_write_labels(labels)} {_write_value(value)}")
    lines.append("")
    return "\n".join(lines)


def _write_distribution(family: Family, labels: Labels, value: Distribution) -> Iterator[str]:
    if family.type not in _POINTS:
        raise ValueError(f"{family.name} is a {family.type}: only a histogram or a summary has a Distribution")
    suffix, label = _POINTS[family.type]
    points = list(value.points)
    if family.type == "histogram" and (not points or points[-1][0] != math.inf):
        points.append((math.inf, value.count))
    for at, height in points:
        pairs = _write_labels({**labels, label: _write_value(at)})
        yield f"{family.name}{suffix}{pairs} {_write_value(height)}"
    for name, total in (("sum", value.sum), ("count", value.count)):
        yield f"{family.name}_{name}{_write_labels(labels)} {_write_value(total)}"


def _write_value(value: float) -> str:
    if math.isfinite(value):
        return repr(+value)  # + makes an integer of a truth value
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _write_labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{_escape(text)}"' for name, text in labels.items()]) + "}"


def _escape(text: str) -> str:
    if text.isalnum():  # as nearly all are
        return text
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
