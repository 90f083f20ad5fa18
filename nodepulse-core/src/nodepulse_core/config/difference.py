"""In which keys two configurations differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from nodepulse_core.config.settings import Settings

_COMPARED_AS_TARGETS = "exporters"


def differing_keys(old: Settings, new: Settings) -> tuple[str, ...]:
    """Return the dotted keys whose values differ, in the order of the settings; `exporters` are left out."""
    return tuple(_differing(old, new, ""))


def _differing(old: Any, new: Any, path: str) -> Iterator[str]:
    if not attrs.has(type(old)) or type(old) is not type(new):
        if old != new:
            yield path
        return
    for field in attrs.fields(type(old)):
        key = f"{path}.{field.name}" if path else field.name
        if key != _COMPARED_AS_TARGETS:
            yield from _differing(getattr(old, field.name), getattr(new, field.name), key)
