"""What is installed, read from metadata alone: no plugin is imported to know of it.

Distributions are read one at a time, so one with garbled metadata is a plugin with a reason, and hides no other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Final, Literal

from attrs import evolve, frozen

from nodepulse_core.model import GENERIC

Group = Literal["nodepulse.exporters", "nodepulse.plugins"]
EXPORTERS: Final[Group] = "nodepulse.exporters"
PLUGINS: Final[Group] = "nodepulse.plugins"

_MARK = "nodepulse."
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_RESERVED = {GENERIC, "discovery"}


@frozen
class Installed:
    """One entry point of one distribution; `error` says why it cannot be used, where that is known already."""

    name: str
    group: Group
    module: str
    distribution: str
    version: str
    error: str | None = None

    @property
    def origin(self) -> str:
        """The distribution and its version, as errors name them."""
        return f"{self.distribution} {self.version}"


def read_installed(found: Iterable[Distribution] | None = None) -> tuple[Installed, ...]:
    """Return all plugins that are installed, by group and name; clashing ones with the clash as their error."""
    entries = []
    seen = set()
    for distribution in distributions() if found is None else found:
        for entry in _read(distribution):
            key = (entry.distribution, entry.group, entry.name)
            if key not in seen:  # the same distribution twice on the path: the first is the one that is imported
                seen.add(key)
                entries.append(entry)
    return tuple(_mark_clashes(sorted(entries, key=lambda entry: (entry.group, entry.name, entry.distribution))))


def _read(distribution: Distribution) -> Iterator[Installed]:
    error = None
    declared: list[EntryPoint] = []
    try:
        text = distribution.read_text("entry_points.txt") or ""
        if _MARK not in text:
            return
        declared = [entry for entry in distribution.entry_points if entry.group in {EXPORTERS, PLUGINS}]
    except UnicodeDecodeError as failure:
        if _MARK.encode() not in failure.object:
            return
        error = "its entry_points.txt is not UTF-8"
    except Exception as failure:  # noqa: BLE001 - the metadata of any distribution at all
        error = f"its entry_points.txt cannot be read: {type(failure).__name__}: {failure}"
    name, version = _identify(distribution)
    if error:
        yield Installed(name, EXPORTERS, "", name, version, error)
    for entry in declared:
        group: Group = EXPORTERS if entry.group == EXPORTERS else PLUGINS
        yield Installed(entry.name, group, entry.value, name, version, _find_fault(entry))


def _identify(distribution: Distribution) -> tuple[str, str]:
    try:
        return str(distribution.metadata["Name"] or "unnamed"), str(distribution.metadata["Version"] or "unknown")
    except Exception:  # noqa: BLE001 - the same: its METADATA may be missing or garbled
        return "unnamed", "unknown"


def _find_fault(entry: EntryPoint) -> str | None:
    if not _NAME.fullmatch(entry.name):
        return f"its entry point {entry.name!r} is no name; names match {_NAME.pattern}"
    if entry.group == EXPORTERS and entry.name in _RESERVED:
        return f"{entry.name!r} is built in, and nothing takes its place"
    if not _MODULE.fullmatch(entry.value):
        return f'its entry point names {entry.value!r}, where a module is due, as in {entry.name} = "package.module"'
    return None


def _mark_clashes(entries: list[Installed]) -> Iterator[Installed]:
    named: dict[tuple[str, str], list[Installed]] = defaultdict(list)
    for entry in entries:
        named[entry.group, entry.name].append(entry)
    for same in named.values():
        origins = " and ".join(entry.origin for entry in same)
        for entry in same:
            clash = f"{origins} both bring {entry.name!r}; neither is used until one of them is uninstalled"
            yield evolve(entry, error=entry.error or clash) if len(same) > 1 else entry
