"""Markup: HTML that is made from templates, in which nothing is markup but what was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def fill(template: str, **values: object) -> Markup:
    """Put values into the `{names}` of a template; whatever is no Markup is escaped, quotes included."""
    return Markup(template.format_map({name: escape(value) for name, value in values.items()}))


def escape(value: object) -> Markup:
    """Return a value as HTML text that is safe in an element and in a quoted attribute."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def join(pieces: Iterable[Markup], between: str = "") -> Markup:
    """Put pieces of HTML together; `between` is escaped."""
    return Markup(escape(between).join(pieces))
