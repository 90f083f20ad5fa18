"""The source tree of a plugin, as its pyproject.toml describes it: what can be checked before it is installed."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from nodepulse_core.errors import UsageError
from nodepulse_core.plugins import EXPORTERS, PLUGINS, Installed
from nodepulse_core.plugins.metadata import read_declared


@frozen
class Project:
    """A folder with a pyproject.toml that declares plugins."""

    folder: Path
    plugins: tuple[Installed, ...]

    @property
    def sources(self) -> Path:
        """The folder from which its modules are imported."""
        src = self.folder / "src"
        return src if src.is_dir() else self.folder

    @property
    def readme(self) -> str:
        """The text of its README; nothing where there is none."""
        path = self.folder / "README.md"
        return path.read_text() if path.is_file() else ""

    def recorded(self, name: str) -> tuple[Path, ...]:
        """Return the recorded texts of an exporter: `tests/*.prom`; of several exporters, those that bear its name."""
        found = sorted(self.folder.glob("tests/**/*.prom"))
        only = sum(each.group == EXPORTERS for each in self.plugins) == 1
        return tuple(path for path in found if only or path.name.startswith(name))

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Let its modules be imported, before any that is installed under the same name."""
        source = str(self.sources)
        sys.path.insert(0, source)
        importlib.invalidate_caches()
        try:
            yield
        finally:
            if source in sys.path:
                sys.path.remove(source)


def read_project(folder: Path) -> Project:
    """Return the project of a folder; raises UsageError with what its pyproject.toml lacks."""
    path = folder / "pyproject.toml"
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise UsageError(f"{path} is not there; give the folder that has a plugin's pyproject.toml") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    project = _table(content.get("project"))
    groups = _table(project.get("entry-points"))
    plugins = read_declared(
        str(project.get("name", folder.resolve().name)),
        str(project.get("version", "0")),
        {group: _entries(groups.get(group)) for group in (EXPORTERS, PLUGINS)},
    )
    if not plugins:
        raise UsageError(
            f'{path} declares no plugin; add [project.entry-points."{EXPORTERS}"] with a line like '
            'nginx_exporter = "nodepulse_exporter_nginx"'
        )
    return Project(folder, plugins)


def find_project(start: Path, plugin: str) -> Project | None:
    """Return the nearest project above a path that declares a plugin of that name; None where there is none."""
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            try:
                project = read_project(folder)
            except UsageError:
                continue
            if any(each.name == plugin for each in project.plugins):
                return project
    return None


def _entries(value: Any) -> dict[str, str]:
    return {str(name): str(module) for name, module in _table(value).items()}


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
