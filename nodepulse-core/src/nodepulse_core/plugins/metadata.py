"""What is installed, read from metadata alone: no plugin is imported to know of it.

Distributions are read one at a time, so one with garbled metadata is a plugin with a reason, and hides no other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Final, Literal

from attrs import evolve, frozen

from nodepulse_core.foreign import one_line
from nodepulse_core.model import GENERIC

Group = Literal["nodepulse.exporters", "nodepulse.plugins"]
EXPORTERS: Final[Group] = "nodepulse.exporters"
PLUGINS: Final[Group] = "nodepulse.plugins"

_MARK = "nodepulse."
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_EXTRAS = re.compile(r"\s*\[[^\]]*\]\s*$")
_RESERVED = {GENERIC, "discovery"}


@frozen
class Installed:
    """One entry point of one distribution; `error` says why it cannot be used, where that is known already.

    A distribution whose entry points cannot be read stands for all of them, with its own name and no module.
    """

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

    @property
    def is_exporter(self) -> bool:
        """Whether its name is one that a target may have as its type, be it broken or not."""
        nameable = bool(_NAME.fullmatch(self.name)) and self.name not in _RESERVED
        return self.group == EXPORTERS and bool(self.module) and nameable


def read_installed(found: Iterable[Distribution] | None = None) -> tuple[Installed, ...]:
    """Return all plugins that are installed, by group and name; clashing ones with the clash as their error.

    Of a distribution that is on the path twice, the first is read: that is the one whose modules are imported.
    """
    entries: list[Installed] = []
    seen = set()
    for distribution in distributions() if found is None else found:
        key = _key(distribution)
        if key not in seen:
            seen.add(key)
            entries += _read(distribution)
    return tuple(_mark_clashes(sorted(entries, key=lambda entry: (entry.group, entry.name, entry.distribution))))


def read_declared(
    distribution: str, version: str, declared: Mapping[Group, Mapping[str, str]]
) -> tuple[Installed, ...]:
    """Return the plugins that a distribution declares, before it is installed; each with what is wrong with it."""
    plugins = [
        Installed(one_line(name), group, at, one_line(distribution), one_line(version))
        for group, entries in declared.items()
        for name, at in entries.items()
    ]
    return tuple(evolve(each, error=_find_fault(each)) for each in plugins)


def _stem(distribution: Distribution) -> str:
    """Return the name of the folder that holds the metadata, without `.dist-info`; "" where there is none.

    METADATA says the name too, but is slow to parse, and may be missing.
    """
    try:
        name = str(distribution._path.name)  # type: ignore[attr-defined]  # no public way leads to it
    except Exception:  # noqa: BLE001 - any finder at all may have brought it
        return ""
    return name.removesuffix(".dist-info").removesuffix(".egg-info")


def _key(distribution: Distribution) -> object:
    name = _stem(distribution).partition("-")[0]
    return re.sub(r"[-_.]+", "_", name).lower() or id(distribution)


def _read(distribution: Distribution) -> Iterator[Installed]:
    error = None
    declared: list[EntryPoint] = []
    text = ""
    try:
        text = distribution.read_text("entry_points.txt") or ""
        if _MARK not in text:
            return
        declared = [entry for entry in distribution.entry_points if entry.group in {EXPORTERS, PLUGINS}]
    except UnicodeDecodeError as failure:
        if _MARK.encode() not in failure.object:
            return
        error = "its entry_points.txt is not UTF-8; reinstall it"
    except Exception:  # noqa: BLE001 - the metadata of any distribution at all
        error = f"its entry_points.txt cannot be read{_find_garbage(text)}; reinstall it"
    name, version = _identify(distribution)
    if error:
        yield Installed(name, EXPORTERS, "", name, version, error)
    for entry in declared:
        group: Group = EXPORTERS if entry.group == EXPORTERS else PLUGINS
        # Extras are a form of old that readers may ignore.
        plugin = Installed(one_line(entry.name), group, _EXTRAS.sub("", entry.value), name, version)
        yield evolve(plugin, error=_find_fault(plugin))


def _find_garbage(text: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith(("[", "#", ";")) and "=" not in line:
            return f": line {number} is {one_line(line)!r}, where name = module is due"
    return ""


def _identify(distribution: Distribution) -> tuple[str, str]:
    """Return name and version, from METADATA or else from the folder's name."""
    name, _, version = _stem(distribution).partition("-")
    try:
        said = distribution.metadata
        name, version = said["Name"] or name, said["Version"] or version
    except Exception:  # noqa: BLE001, S110 - it may be missing or garbled, and the folder says enough
        pass
    return one_line(str(name)) or "unnamed", one_line(str(version)) or "unknown"


def _find_fault(plugin: Installed) -> str | None:
    name = plugin.name
    if not _NAME.fullmatch(name):
        return f"its entry point {name!r} is no name; names match {_NAME.pattern}"
    if plugin.group == EXPORTERS and name in _RESERVED:
        return f"{name!r} is built in, and nothing takes its place"
    if not _MODULE.fullmatch(plugin.module):
        value = one_line(plugin.module)
        return f'its entry point names {value!r}, where a module is due, as in {name} = "package.module"'
    return None


def _mark_clashes(entries: list[Installed]) -> Iterator[Installed]:
    named: dict[tuple[str, str], list[Installed]] = defaultdict(list)
    for entry in entries:
        named[entry.group, entry.name].append(entry)
    for same in named.values():
        origins = list(dict.fromkeys(entry.origin for entry in same))
        clash = (
            f"{' and '.join(origins)} both bring {same[0].name!r}; neither is used until one of them is uninstalled"
            if len(origins) > 1
            else f"{origins[0]} brings {same[0].name!r} twice, and neither is used; it has to be mended"
        )
        for entry in same:
            yield evolve(entry, error=entry.error or clash) if len(same) > 1 else entry
