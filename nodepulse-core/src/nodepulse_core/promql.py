"""Fields as PromQL: what a person reads of where a snapshot's field is from, and which selectors it stands on.

The text is for people. It says the same as the field where PromQL can: `slot` stands for the slot of the scrape.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from nodepulse_core.exposition import Exposition
from nodepulse_core.fields import Age, Count, Field, First, Integer, Max, Min, Ratio, Selector


def write_selector(selector: Selector) -> str:
    """Write a selector as it is written in PromQL: `metric{label="value"}`."""
    matchers = ",".join(
        f"{each.label}{each.operator}{json.dumps(each.value, ensure_ascii=False)}" for each in selector.matchers
    )
    return f"{selector.metric}{{{matchers}}}" if matchers else selector.metric


def write_promql(source: Field) -> str:  # noqa: PLR0911 - one for each kind of field
    """Write a field as PromQL; one of a plugin's own kind says itself what it is."""
    match source:
        case Selector():
            return f"sum({write_selector(source)})"
        case Max(selector):
            return f"max({write_selector(selector)})"
        case Min(selector):
            return f"min({write_selector(selector)})"
        case Count(selector, by):
            return f"count(count by ({by}) ({write_selector(selector)}))"
        case Age(selector):
            return f"slot - {write_selector(selector)}"
        case Ratio(part, of):
            return f"{write_promql(part)} / ({' + '.join(map(write_promql, of))})"
        case First(fields):
            return " or ".join(map(write_promql, fields))
        case Integer(inner):
            return write_promql(inner)
    return str(source)


def is_whole(source: Field) -> bool:
    """Tell whether a field is a whole number whatever its metric says."""
    return isinstance(source, Integer | Count)


def list_metrics(source: Field) -> tuple[str, ...]:
    """Return the names of the metrics that a field is taken from, each once; none where it does not say them."""
    return tuple(dict.fromkeys(selector.metric for selector in _selectors(source)))


def find_absent(source: Field, exposition: Exposition) -> tuple[str, ...]:
    """Return what an exposition lacks for a field: metrics, or selectors that select none of their metric's series.

    Nothing where the field has all it is taken from, and still no value: a ratio of zeros, for instance.
    """
    absent = (
        write_selector(selector) if exposition.samples(selector.metric) else selector.metric
        for selector in _selectors(source)
        if not selector.samples(exposition)
    )
    return tuple(dict.fromkeys(absent))


def _selectors(source: Field) -> Iterator[Selector]:
    match source:
        case Selector():
            yield source
        case Max(selector) | Min(selector) | Count(selector, _) | Age(selector):
            yield selector
        case Ratio(part, of):
            for each in (part, *of):
                yield from _selectors(each)
        case First(fields):
            for each in fields:
                yield from _selectors(each)
        case Integer(inner):
            yield from _selectors(inner)
