"""What the configuration comes to: every value, and where it is from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from nodepulse_core.config.load import Loaded
from nodepulse_core.config.paths import KeyPath, write_path

_MASK = "********"
_SECRET_KEYS = {"password"}
_SECRET_VALUES = {"headers"}


@frozen
class Shown:
    """One value: its path, what it is (plain data, secrets masked), and where it comes from."""

    path: str
    value: Any
    origin: str


def show(loaded: Loaded) -> list[Shown]:
    """Return every effective value in the order of the settings."""
    rows = []
    settings = loaded.settings
    for part in attrs.fields(type(settings)):
        value = getattr(settings, part.name)
        if part.name == "exporters":
            for exporter, path in zip(value, loaded.exporter_paths, strict=True):
                rows += [_row(loaded, key, leaf) for key, leaf in _leaves(exporter, path)]
            continue
        given = part.name in loaded.document.data
        root: KeyPath = ("exporters", "discovery") if part.name == "discovery" and not given else (part.name,)
        rows += [_row(loaded, key, leaf) for key, leaf in _leaves(value, root)]
    return rows


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if attrs.has(type(value)):
        for part in attrs.fields(type(value)):
            yield from _leaves(getattr(value, part.name), (*path, part.name))
    elif isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    else:
        yield path, value


def _row(loaded: Loaded, path: KeyPath, value: Any) -> Shown:
    places = loaded.document.places
    origin = "default"
    if path in places:
        line, column = places[path]
        origin = f"{loaded.document.source}:{line}:{column}" + (" (environment)" if path in loaded.expanded else "")
    elif path[-1] == "name" and path[:-1] in places:
        line, column = places[path[:-1]]
        origin = f"{loaded.document.source}:{line}:{column}"
    secret = path[-1] in _SECRET_KEYS or (len(path) > 1 and path[-2] in _SECRET_VALUES)
    plain: Any = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
    return Shown(write_path(path), _MASK if secret and value is not None else plain, origin)
