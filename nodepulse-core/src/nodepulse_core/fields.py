"""The language in which an exporter says what its snapshot holds, without code.

A field is a selector as in PromQL, and stands for the sum over the series it selects:

    "pg_up": "pg_up"
    "cpu_idle_seconds": 'node_cpu_seconds_total{mode="idle"}'
    "network_receive_bytes_total": 'node_network_receive_bytes_total{device!~"lo|veth.*"}'

The other kinds of field wrap selectors, or each other. A field whose metric is absent is left out of
the snapshot, never zero.

Source of the selector's syntax: https://prometheus.io/docs/prometheus/latest/querying/basics/
(instant vector selectors; regular expressions are anchored at both ends, and are Python's).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from attrs import field, frozen

from nodepulse_core.errors import FieldError
from nodepulse_core.exposition import Exposition, Sample

Number = int | float
Aggregate = Callable[[Iterable[float]], float]

_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*")
_MATCHER = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*"""
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "r": "\r"}
_LARGEST_INTEGER = 2**63 - 1


class Field(Protocol):
    """One value of a snapshot, taken from an exposition."""

    def take(self, exposition: Exposition) -> float | None:
        """Return the value, or None where there is nothing to take it from."""
        ...


@frozen
class Matcher:
    """One condition on a label; an absent label counts as empty, as in PromQL."""

    label: str
    operator: str
    value: str
    _pattern: re.Pattern[str] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        try:
            pattern = re.compile(self.value if "~" in self.operator else re.escape(self.value), re.DOTALL)
        except re.error as error:
            raise FieldError(f"{self.value!r} is no regular expression: {error}") from None
        object.__setattr__(self, "_pattern", pattern)

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a series with these labels meets the condition."""
        met = self._pattern.fullmatch(labels.get(self.label, "")) is not None
        return met is (self.operator[0] == "=")


@frozen
class Selector:
    """A metric and conditions on its labels; taken as a field, the sum over the series it selects."""

    metric: str
    matchers: tuple[Matcher, ...] = ()

    def samples(self, exposition: Exposition) -> list[Sample]:
        """Return the samples of the selected series."""
        return [
            sample
            for sample in exposition.samples(self.metric)
            if all(matcher.accepts(sample.labels) for matcher in self.matchers)
        ]

    def take(self, exposition: Exposition) -> float | None:
        """Return the sum over the selected series, or None where there is none."""
        return _aggregate(math.fsum, self, exposition)


def parse_selector(text: str) -> Selector:
    """Read `metric` or `metric{label="value", other!~"regex"}`; raises FieldError where it is something else."""
    match = _SELECTOR.fullmatch(text)
    if not match:
        raise FieldError(f'{text!r} is no selector; write it like metric or metric{{label="value"}}')
    matchers, at, rest = [], 0, (match[2] or "").strip()
    while at < len(rest):
        found = _MATCHER.match(rest, at)
        if not found or (found.end() < len(rest) and rest[found.end()] != ","):
            raise FieldError(f'{text!r} is no selector: expected label="value" at {rest[at:]!r}')
        value = found[3] if found[3] is not None else found[4]
        matchers.append(Matcher(found[1], found[2], _ESCAPE.sub(_unescape, value)))
        at = found.end() + 1
    return Selector(match[1], tuple(matchers))


def _unescape(escape: re.Match[str]) -> str:
    if escape[1] not in _ESCAPED:
        raise FieldError(f"{escape[0]} is no escape in a string; a backslash is written \\\\, as in PromQL")
    return _ESCAPED[escape[1]]


def parse_field(source: str | Field) -> Field:
    """Make a field of what an exporter wrote: a string is a selector, anything else must be a field."""
    if isinstance(source, str):
        return parse_selector(source)
    if not callable(getattr(source, "take", None)):
        raise FieldError(f"{source!r} is no field; known are a selector in a string and {', '.join(_KINDS)}")
    return source


def _aggregate(how: Aggregate, selector: Selector, exposition: Exposition) -> float | None:
    values = [sample.value for sample in selector.samples(exposition)]
    if not values:
        return None
    try:
        return how(values)
    except (ValueError, OverflowError):  # fsum refuses inf - inf and sums past the largest float
        return math.nan


@frozen
class Max:
    """The largest value among the selected series."""

    selector: Selector = field(converter=parse_selector)

    def take(self, exposition: Exposition) -> float | None:
        """Return the largest value, or None where nothing is selected."""
        return _aggregate(max, self.selector, exposition)


@frozen
class Min:
    """The smallest value among the selected series."""

    selector: Selector = field(converter=parse_selector)

    def take(self, exposition: Exposition) -> float | None:
        """Return the smallest value, or None where nothing is selected."""
        return _aggregate(min, self.selector, exposition)


@frozen
class Count:
    """How many different values a label has among the selected series: `Count("node_cpu_seconds_total", by="cpu")`."""

    selector: Selector = field(converter=parse_selector)
    by: str

    def take(self, exposition: Exposition) -> float | None:
        """Return the number of different values, or None where nothing is selected."""
        return len({sample.labels.get(self.by, "") for sample in self.selector.samples(exposition)}) or None


@frozen
class Age:
    """The seconds from the moment a metric names (seconds since the epoch) to the slot of the scrape."""

    selector: Selector = field(converter=parse_selector)

    def take(self, exposition: Exposition) -> float | None:
        """Return slot minus value of the first selected series, or None where nothing is selected."""
        for sample in self.selector.samples(exposition):
            if sample.timestamp is not None:
                return sample.timestamp / 1000 - sample.value
        return None


def _parse_fields(sources: Iterable[str | Field]) -> tuple[Field, ...]:
    return tuple(map(parse_field, sources))


@frozen
class Ratio:
    """One field divided by the sum of others: `Ratio("hits", of=("hits", "misses"))`; left out when that is 0."""

    part: Field = field(converter=parse_field)
    of: tuple[Field, ...] = field(converter=_parse_fields)

    def take(self, exposition: Exposition) -> float | None:
        """Return part / sum(of), or None where one of them is absent or the sum is 0."""
        part = self.part.take(exposition)
        whole = [each.take(exposition) for each in self.of]
        if part is None or None in whole:
            return None
        total = math.fsum(value for value in whole if value is not None)
        return part / total if total else None


@frozen(init=False)
class First:
    """The first of several fields that has a value: `First('size{fstype!="overlay"}', "size")`."""

    fields: tuple[Field, ...]

    def __init__(self, *fields: str | Field) -> None:
        self.__attrs_init__(_parse_fields(fields))

    def take(self, exposition: Exposition) -> float | None:
        """Return the first value there is, or None."""
        return next((value for each in self.fields if (value := each.take(exposition)) is not None), None)


@frozen
class Integer:
    """Another field, cut to a whole number: for what a reader keeps in a 64-bit integer."""

    source: Field = field(converter=parse_field)

    def take(self, exposition: Exposition) -> float | None:
        """Return the value without its fraction; NaN and infinities stay what they are."""
        value = self.source.take(exposition)
        return value if value is None or not math.isfinite(value) else float(math.trunc(value))


_KINDS = tuple(kind.__name__ for kind in (Max, Min, Count, Age, Ratio, First, Integer))


def as_number(value: float) -> Number | None:
    """Write a value as JSON can: whole numbers as integers of at most 64 bits, NaN and infinities as None."""
    if not math.isfinite(value):
        return None
    if value == (whole := int(value)) and abs(whole) <= _LARGEST_INTEGER:
        return whole
    return value


def take_fields(fields: Mapping[str, Field], text: str) -> dict[str, Number | None]:
    """Take every field from an exposition; one whose metric is absent is left out."""
    exposition = Exposition(text)
    taken = ((name, source.take(exposition)) for name, source in fields.items())
    return {name: as_number(value) for name, value in taken if value is not None}
