"""The forms in which exporters are listed: a list, a mapping of names to settings, and that of version 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nodepulse_core.config.paths import KeyPath
from nodepulse_core.config.structure import Structure

OLD = "prometheus"
"""The key of version 2.0, which held the settings of the only exporter there was."""
OLD_NAME = "node_exporter"


def list_exporters(structure: Structure, data: dict[str, Any]) -> list[tuple[KeyPath, dict[str, Any]]]:
    """Return each exporter's settings with their place, whichever form they are written in."""
    listed = data.get("exporters")
    if OLD in data and "exporters" in data:
        structure.note((OLD,), "this old key and exporters cannot both be there; keep exporters")
    elif OLD in data:
        return list(_named(structure, OLD_NAME, data[OLD], (OLD,)))
    if isinstance(listed, dict):
        named = {name: item for name, item in listed.items() if name != "discovery"}
        return [pair for name, item in named.items() for pair in _named(structure, name, item, ("exporters", name))]
    if isinstance(listed, list):
        for index, item in enumerate(listed):
            if not isinstance(item, dict):
                structure.note(("exporters", index), "expected a mapping with a name")
        return [(("exporters", index), item) for index, item in enumerate(listed) if isinstance(item, dict)]
    if listed is not None:
        structure.note(("exporters",), "expected a list, or a mapping of names to settings")
    return []


def _named(structure: Structure, name: str, item: Any, path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield settings with the name that they stand under; nothing, noted, where there are none."""
    if item is not None and not isinstance(item, dict):
        structure.note(path, "expected a mapping of settings, such as interval and endpoint")
        return
    if item and "name" in item and (path == (OLD,) or item["name"] != name):
        structure.note((*path, "name"), f"its name is {name!r}; leave this key out")
    yield path, {**(item or {}), "name": name}
