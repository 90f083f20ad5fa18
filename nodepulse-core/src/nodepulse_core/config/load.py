"""A configuration from its file to settings, with all its problems at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from nodepulse_core.config.checks import is_loopback
from nodepulse_core.config.document import Document, read_document
from nodepulse_core.config.expand import expand
from nodepulse_core.config.exporters import OLD, list_exporters
from nodepulse_core.config.files import check_tls, peers, warn_of_files
from nodepulse_core.config.paths import KeyPath, did_you_mean, write_path
from nodepulse_core.config.rules import URLText
from nodepulse_core.config.settings import Discovery, ExporterSettings, Server, Settings
from nodepulse_core.config.structure import Structure
from nodepulse_core.errors import ConfigError, Problem

_SECTIONS = {each.name: each for each in attrs.fields(attrs.resolve_types(Settings))}
_TWO_FORMS = ("exporters", "discovery")
_NOWHERE = Server(endpoint=URLText("http://dashboard.invalid"))


@frozen
class Loaded:
    """Settings, the file they are from, and what is wrong with them or worth a warning."""

    settings: Settings
    """Where there are problems, without what is wrong: good for finding more of them, and nothing else."""
    document: Document = field(repr=False)
    expanded: frozenset[KeyPath]
    """The paths of values that the environment had a part in."""
    exporter_paths: tuple[KeyPath, ...]
    """Where each of `settings.exporters` stands."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def load_settings(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read, expand and check a configuration; raises ConfigError with every problem of it."""
    loaded = examine_settings(path, environ)
    if loaded.problems:
        raise ConfigError(loaded.problems, loaded.document.source)
    return loaded


def examine_settings(path: Path, environ: Mapping[str, str]) -> Loaded:
    """Read, expand and check a configuration; problems are in what is returned.

    Raises ConfigError where the file cannot be read, or is not YAML.
    """
    return check_document(read_document(path), environ)


def check_document(document: Document, environ: Mapping[str, str]) -> Loaded:
    """Expand and check a configuration that was read; problems are in what is returned, in the order of the file."""
    expansion = expand(document, environ)
    structure = Structure(document, expansion.paths, (*document.problems, *expansion.problems))
    data = expansion.data
    exporters, paths = _take_exporters(structure, data)
    settings = Settings(
        **_take_sections(structure, data), exporters=tuple(exporters), discovery=_take_discovery(structure, data)
    )
    _check_together(structure, settings, paths, data)
    warnings: list[Problem] = []

    def warn(path: KeyPath, message: str) -> None:
        warnings.append(document.problem(path, message))

    if OLD in data:
        rewrite = "rewrite it with: nodepulse config migrate --write"
        warn((OLD,), f"this is the form of version 2.0, which still works; {rewrite}")
    warn_of_files(settings, paths, Path(document.source), warn)
    return Loaded(
        settings=settings,
        document=document,
        expanded=expansion.paths,
        exporter_paths=tuple(paths),
        problems=in_order(structure.problems),
        warnings=tuple(warnings),
    )


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return problems in the order in which they stand in the file."""
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _take_sections(structure: Structure, data: dict[str, Any]) -> dict[str, Any]:
    for key in data:
        if key not in _SECTIONS and key != OLD:
            structure.note((key,), f"unknown key{did_you_mean(key, list(_SECTIONS))}")
    sections: dict[str, Any] = {"server": _NOWHERE}
    if "server" not in data:
        structure.note(("server",), "this key is required, and is missing; it holds the endpoint of the dashboard")
    for name, section in _SECTIONS.items():
        if name in data and name not in _TWO_FORMS and section.type is not None:
            taken = structure.take(section.type, data[name], (name,))
            if taken is not None:
                sections[name] = taken
    return sections


def _take_exporters(structure: Structure, data: dict[str, Any]) -> tuple[list[ExporterSettings], list[KeyPath]]:
    taken: list[ExporterSettings] = []
    paths: list[KeyPath] = []
    names: dict[str, KeyPath] = {}
    for path, item in list_exporters(structure, data):
        exporter = structure.take(ExporterSettings, item, path)
        if exporter is None:
            continue
        if exporter.name in names:
            structure.note((*path, "name"), f"{exporter.name!r} is taken by {write_path(names[exporter.name])}")
            continue
        names[exporter.name] = path
        taken.append(exporter)
        paths.append(path)
    return taken, paths


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
    if not settings.discovery.enabled:
        if "exporters" not in data and OLD not in data:
            structure.note(("exporters",), "this key is required, and is missing, unless discovery is enabled")
        elif not data.get("exporters", True):
            structure.note(("exporters",), "it names no exporter, and discovery is not enabled: there is nothing to do")
    for path, peer in peers(settings, paths):
        check_tls(peer.tls, (*path, "tls"), structure.note)
        ways = [f"headers.{name}" for name in peer.headers if name.lower() == "authorization"]
        ways += [key for key in ("basic_auth", "bearer_token_file") if getattr(peer, key, None)]
        auth = getattr(peer, "basic_auth", None)
        if auth and auth.password is not None and auth.password_file:
            structure.note((*path, "basic_auth"), "password and password_file exclude each other")
        if len(ways) > 1:
            structure.note((*path, ways[-1]), f"{' and '.join(ways)} exclude each other")
    api = settings.api
    if api.enabled and not is_loopback(api.listen) and api.token_file is None:
        structure.note(("api", "listen"), f"{api.listen!r} is no loopback address: set api.token_file")
