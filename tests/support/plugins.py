"""Fake plugins: distributions written by hand into a directory, as pip would leave them."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from nodepulse_core.plugins import Installed, PluginHost, Registry, read_installed

HOOK = "from nodepulse_core import HTTPExporter, hookimpl\n"

ENDS = [
    "ValueError('boom')",
    "SystemExit(1)",
    "KeyboardInterrupt()",
    "GeneratorExit()",
    "__import__('asyncio').CancelledError()",
]
"""What a plugin may raise to take more with it than itself."""


def exporter_source(*names: str) -> str:
    """Return a module that brings exporters of those names."""
    return (
        HOOK
        + "@hookimpl\ndef nodepulse_exporters():\n    return ["
        + ", ".join(
            f'HTTPExporter("{name}", default_endpoint="http://localhost:1/{name}", fields={{"up": "up"}})'
            for name in names
        )
        + "]\n"
    )


class Site:
    """A directory on the path, with distributions in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._modules: set[str] = set()
        path.mkdir(parents=True, exist_ok=True)

    def add(
        self,
        distribution: str,
        *,
        version: str = "1.0",
        exporters: Mapping[str, str] | None = None,
        plugins: Mapping[str, str] | None = None,
        metadata: str | None = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        entry_points: str | bytes | None = None,
        **modules: str,
    ) -> Path:
        """Install a distribution; `modules` are the sources of its modules. Returns its `dist-info` folder."""
        info = self.path / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        if metadata is not None:
            (info / "METADATA").write_text(metadata.format(name=distribution, version=version))
        if entry_points is None:
            groups = {"nodepulse.exporters": exporters or {}, "nodepulse.plugins": plugins or {}}
            entry_points = "".join(
                f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
                for group, entries in groups.items()
                if entries
            )
        (info / "entry_points.txt").write_bytes(
            entry_points if isinstance(entry_points, bytes) else entry_points.encode()
        )
        self._modules |= set(modules)
        for name, source in modules.items():
            (self.path / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return info

    def read(self) -> tuple[Installed, ...]:
        """Return what is installed here."""
        return read_installed(distributions(path=[str(self.path)]))

    def host(self, *disabled: str) -> PluginHost:
        """Return a host of what is installed here."""
        return PluginHost(self.read, disabled)

    def registry(self) -> Registry:
        """Return a registry of the exporters that are installed here."""
        return Registry(self.host())

    def forget(self) -> None:
        """Take the modules that were imported from here out of this process."""
        for name in self._modules:
            sys.modules.pop(name, None)
