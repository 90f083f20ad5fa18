"""What the configuration comes to: every value, and where it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from nodepulse_core.config.expand import Expanded
from nodepulse_core.config.keys import KeyOf, keys_of
from nodepulse_core.config.load import Loaded
from nodepulse_core.config.paths import KeyPath, write_path
from nodepulse_core.config.rules import EndpointText, Name, ServerID, URLText

_MASK = "********"
_QUERY_VALUE = re.compile(r"(?<==)(?!\$\{\w+\}(?:&|$))[^&]+|(?:^|(?<=&))[^&=]+(?=&|$)")
"""The values of a query, and what stands in it alone, other than a reference to the environment."""
_URLS = (URLText, EndpointText)
_PUBLIC = (Name, ServerID)  # sent and written as they are


@frozen
class Shown:
    """One value: its path, what it is (as the file would hold it, secrets masked), and where it comes from."""

    path: str
    value: Any
    origin: str


def show(loaded: Loaded) -> list[Shown]:
    """Return every value in the order of the settings.

    A string that holds something from the environment is shown as it is written, since it may hold a secret;
    so may the query of a URL.
    """
    rows = []
    settings = loaded.settings
    for key in keys_of(type(settings)):
        value = getattr(settings, key.name)
        if key.name == "exporters":
            for exporter, path in zip(value, loaded.exporter_paths, strict=True):
                rows += [_row(loaded, at, shown) for at, shown in _leaves(exporter, path)]
            continue
        inner: KeyPath = ("exporters", key.name)
        root: KeyPath = inner if inner in loaded.document.places else (key.name,)
        rows += [_row(loaded, at, shown) for at, shown in _leaves(value, root)]
    return rows


def _leaves(section: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key in keys_of(type(section)):
        value = getattr(section, key.name)
        here = (*path, key.name)
        if attrs.has(type(value)):
            yield from _leaves(value, here)
        elif isinstance(value, dict) and value:
            yield from (((*here, name), _MASK) for name in value)
        else:
            yield here, _plain(key, value)


def _plain(key: KeyOf, value: Any) -> Any:
    if value is None or value == {}:
        return value
    if key.rule and key.rule.is_secret:
        return _MASK
    if isinstance(value, Expanded) and key.kind not in _PUBLIC:
        value = value.written
    if key.kind in _URLS:
        return _mask_query(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [each.written if isinstance(each, Expanded) else each for each in value]
    return key.rule.write(value) if key.rule else value


def _mask_query(url: str) -> str:
    before, mark, query = url.partition("?")
    return before + mark + _QUERY_VALUE.sub(_MASK, query)


def _row(loaded: Loaded, path: KeyPath, value: Any) -> Shown:
    places = loaded.document.places
    at = path[:-1] if path[-1] == "name" and path not in places else path  # in the mapping form the key is the name
    if at not in places:
        return Shown(write_path(path), value, "default")
    line, column = places[at]
    environment = " (environment)" if path in loaded.expanded else ""
    return Shown(write_path(path), value, f"{loaded.document.source}:{line}:{column}{environment}")
