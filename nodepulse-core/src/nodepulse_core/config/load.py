"""A configuration from its file to settings, with all its problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from nodepulse_core.config.document import Document, KeyPath, read_document, write_path
from nodepulse_core.config.expand import expand
from nodepulse_core.config.settings import Discovery, ExporterSettings, Settings, TlsSettings
from nodepulse_core.config.structure import Structure, is_loopback
from nodepulse_core.errors import ConfigError, Problem

_SEPARATE = ("exporters", "discovery", "prometheus")


@frozen
class Loaded:
    """Settings, the file they are from, and what it says that is worth a warning."""

    settings: Settings
    document: Document
    expanded: frozenset[KeyPath]
    """The paths of values that the environment had a part in."""
    exporter_paths: tuple[KeyPath, ...]
    """Where each of `settings.exporters` stands."""
    warnings: tuple[Problem, ...] = ()


def load_settings(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read, expand and check a configuration; raises ConfigError with every problem of it."""
    return check_document(read_document(path), environ)


def check_document(document: Document, environ: Mapping[str, str]) -> Loaded:
    """Expand and check a configuration that was read; raises ConfigError with every problem of it."""
    data, expanded, problems = expand(document, environ)
    structure = Structure(document)
    structure.problems += problems
    exporters, paths = _take_exporters(structure, data)
    discovery = _take_discovery(structure, data)
    settings = _take_rest(structure, data)
    warnings = _warn_of_old_form(document, data)
    if settings is not None:
        settings = attrs.evolve(settings, exporters=tuple(exporters), discovery=discovery)
        _check_together(structure, settings, paths, data)
    if structure.problems or settings is None:
        ordered = sorted(structure.problems, key=lambda problem: (problem.line or 0, problem.column or 0))
        raise ConfigError(ordered, document.source)
    return Loaded(settings, document, expanded, tuple(paths), tuple(warnings))


def _take_rest(structure: Structure, data: dict[str, Any]) -> Settings | None:
    rest = {key: value for key, value in data.items() if key not in _SEPARATE}
    if "server" in rest:
        return structure.take(Settings, rest, ())
    structure.note((), "server: this key is required, and is missing; it holds the endpoint of the dashboard")
    structure.take(Settings, {**rest, "server": {"endpoint": "http://localhost"}}, ())  # for the other problems
    return None


def _take_exporters(structure: Structure, data: dict[str, Any]) -> tuple[list[ExporterSettings], list[KeyPath]]:
    taken: list[ExporterSettings] = []
    paths: list[KeyPath] = []
    names: dict[str, KeyPath] = {}
    for path, item in _list_exporters(structure, data):
        exporter = structure.take(ExporterSettings, item, path)
        if exporter is None:
            continue
        if exporter.name in names:
            structure.note(path, f"the name {exporter.name!r} is taken by {write_path(names[exporter.name])}")
            continue
        names[exporter.name] = path
        taken.append(exporter)
        paths.append(path)
    return taken, paths


def _list_exporters(structure: Structure, data: dict[str, Any]) -> list[tuple[KeyPath, dict[str, Any]]]:
    """Return each exporter's settings with their place, whichever form they are written in."""
    listed = data.get("exporters")
    if "prometheus" in data:
        if "exporters" in data:
            structure.note(("prometheus",), "this old key and exporters cannot both be there; keep exporters")
            return []
        return _from_mapping(structure, {"node_exporter": data["prometheus"]}, ("prometheus",), named_by_path=False)
    if isinstance(listed, dict):
        return _from_mapping(structure, listed, ("exporters",), named_by_path=True)
    if isinstance(listed, list):
        return _from_list(structure, listed)
    if listed is not None:
        structure.note(("exporters",), "expected a list, or a mapping of names to settings")
    return []


def _from_list(structure: Structure, listed: list[Any]) -> list[tuple[KeyPath, dict[str, Any]]]:
    for index, item in enumerate(listed):
        if not isinstance(item, dict):
            structure.note(("exporters", index), "expected a mapping with a name")
    return [(("exporters", index), item) for index, item in enumerate(listed) if isinstance(item, dict)]


def _from_mapping(
    structure: Structure, listed: dict[str, Any], root: KeyPath, *, named_by_path: bool
) -> list[tuple[KeyPath, dict[str, Any]]]:
    found: list[tuple[KeyPath, dict[str, Any]]] = []
    for name, item in listed.items():
        path = (*root, name) if named_by_path else root
        if name == "discovery":
            continue
        if item is not None and not isinstance(item, dict):
            structure.note(path, "expected a mapping of settings, such as interval and endpoint")
        elif item and item.get("name", name) != name:
            structure.note((*path, "name"), f"{item['name']!r} is not its name above, {name!r}; leave it out")
        else:
            found.append((path, {"name": name, **(item or {})}))
    return found


def _take_discovery(structure: Structure, data: dict[str, Any]) -> Discovery:
    listed = data.get("exporters")
    inner = isinstance(listed, dict) and "discovery" in listed
    if inner and "discovery" in data:
        structure.note(("discovery",), "discovery stands under exporters too; keep one of them")
    path: KeyPath = ("exporters", "discovery") if inner else ("discovery",)
    given = listed["discovery"] if inner and isinstance(listed, dict) else data.get("discovery")
    return structure.take(Discovery, given, path) or Discovery()


def _check_together(structure: Structure, settings: Settings, paths: list[KeyPath], data: dict[str, Any]) -> None:
    """Check what concerns more than one key."""
    if not settings.discovery.enabled and not any(key in data for key in ("exporters", "prometheus")):
        structure.note((), "exporters: this key is required, and is missing, unless discovery is enabled")
    elif not settings.discovery.enabled and not settings.exporters and not structure.problems:
        structure.note(("exporters",), "it names no exporter, and discovery is not enabled: there is nothing to do")
    _check_tls(structure, settings.server.tls, ("server", "tls"))
    for exporter, path in zip(settings.exporters, paths, strict=True):
        _check_tls(structure, exporter.tls, (*path, "tls"))
        if exporter.basic_auth and exporter.bearer_token_file:
            structure.note((*path, "basic_auth"), "basic_auth and bearer_token_file exclude each other")
        if exporter.basic_auth and exporter.basic_auth.password is not None and exporter.basic_auth.password_file:
            structure.note((*path, "basic_auth"), "password and password_file exclude each other")
    if not is_loopback(settings.api.listen) and settings.api.token_file is None:
        structure.note(("api", "listen"), f"{settings.api.listen} is no loopback address: set api.token_file")


def _check_tls(structure: Structure, tls: TlsSettings, path: KeyPath) -> None:
    if (tls.cert_file is None) != (tls.key_file is None):
        structure.note(path, "cert_file and key_file go together")
    for key in ("ca_file", "cert_file", "key_file"):
        file: Path | None = getattr(tls, key)
        if file is not None and not file.is_file():
            structure.note((*path, key), f"there is no file {file}")


def _warn_of_old_form(document: Document, data: dict[str, Any]) -> list[Problem]:
    if "prometheus" not in data:
        return []
    message = "this is the form of version 2.0, which still works; rewrite it with: nodepulse config migrate --write"
    return [document.problem(("prometheus",), message)]
