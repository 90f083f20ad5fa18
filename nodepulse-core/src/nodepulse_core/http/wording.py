"""How the status page says times, durations and numbers: short, for people.

`static/page.js` says ages in the same words as `say_span`, once it keeps them up to date.
"""

from __future__ import annotations

from nodepulse_core.http.markup import Markup, fill
from nodepulse_core.units import format_size, format_slot

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400
_SECONDS_UNTIL = 120
_MINUTES_UNTIL = 7200
_HOURS_UNTIL = 172_800
_SMALL = 10
_MILLI = 1000
_K = 10_000
_M = 10_000_000


def say_span(seconds: float) -> str:
    """Write how long something lasts, in its largest unit: `3 s`, `12 min`, `5 h`, `2 d`."""
    whole = max(0, int(seconds))
    if whole < _SECONDS_UNTIL:
        return f"{whole} s"
    if whole < _MINUTES_UNTIL:
        return f"{whole // _MINUTE} min"
    if whole < _HOURS_UNTIL:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} d"


def say_took(seconds: float) -> str:
    """Write how long a scrape took: `12 ms`, `1.3 s`."""
    milliseconds = round(seconds * _MILLI)
    if milliseconds < _MILLI:
        return f"{milliseconds} ms" if milliseconds else "< 1 ms"
    return f"{seconds:.1f} s"


def say_number(value: float) -> str:
    """Write a count or rate with three or four digits that matter: `7`, `6.5`, `1,234`, `12.3 k`."""
    if value >= _M:
        return f"{value / 1e6:.1f} M"
    if value >= _K:
        return f"{value / 1e3:.1f} k"
    return f"{value:,.0f}" if value >= _SMALL or value == int(value) else f"{value:.1f}"


def say_size(size: int) -> str:
    """Write bytes as `16 MiB`."""
    text = format_size(size)
    unit = text.lstrip("0123456789.")
    return f"{text.removesuffix(unit)} {unit}"


def say_count(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 entry`, `12 entries`."""
    return f"{say_number(count)} {one if count == 1 else many or one + 's'}"


def ago(at: float, now: float | None) -> Markup:
    """Return an element that says how long ago a moment was; without `now` its words are left to the page's script."""
    return _time(at, "ago", "" if now is None else f"{say_span(now - at)} ago")


def ahead(at: float, now: float | None) -> Markup:
    """Return an element that says how soon a moment comes."""
    return _time(at, "ahead", "" if now is None else f"in {say_span(at - now)}" if at > now else "now")


def lasting(since: float, now: float | None) -> Markup:
    """Return an element that says how long something has lasted."""
    return _time(since, "lasting", "" if now is None else say_span(now - since))


def _time(at: float, kind: str, words: str) -> Markup:
    moment = format_slot(int(at))
    return fill(
        '<time datetime="{moment}" title="{moment}" data-say="{kind}">{words}</time>',
        moment=moment,
        kind=kind,
        words=words,
    )
