"""What every command is given: where the configuration is, the environment, and the installed plugins."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import frozen

from nodepulse_core.config_file import find_config, read_content
from nodepulse_core.errors import ConfigError, Problem
from nodepulse_core.plugins import PluginHost, Registry

if TYPE_CHECKING:
    from nodepulse_core.config import Loaded, Targets
    from nodepulse_core.isolation import Isolation

_DISABLED = re.compile(rb"\bdisabled\b")
log = logging.getLogger(__name__)


@frozen(slots=False)
class Context:
    """The root command's options, and what commands make of them. Nothing is read before it is asked for."""

    config: Path | None
    environ: Mapping[str, str]

    @cached_property
    def host(self) -> PluginHost:
        """The plugins that are installed, without those that the environment or the configuration disables."""
        named = self.environ.get("NODEPULSE_DISABLED_PLUGINS", "")
        return PluginHost(disabled={*filter(None, re.split(r"[,\s]+", named)), *self._find_disabled()})

    @cached_property
    def isolation(self) -> Isolation:
        """The processes in which exporters run that must not run in this one."""
        from nodepulse_core.isolation import Isolation  # noqa: PLC0415 - needs asyncio, and few commands need it

        return Isolation()

    def make_registry(self) -> Registry:
        """Return the exporters that are installed."""
        return Registry(self.host, lambda installed: self.isolation.describe(installed))  # noqa: PLW0108 - made when it is needed

    def load(self) -> Loaded:
        """Return the configuration; says its warnings on standard error, and raises ConfigError."""
        loaded = self.examine()
        if loaded.problems:
            raise ConfigError(loaded.problems, loaded.document.source)
        return loaded

    def examine(self) -> Loaded:
        """Return the configuration with its problems, for `targets`, which raises them together with its own."""
        loaded = self.read()
        say_warnings(loaded.warnings, loaded.document.source)
        return loaded

    def targets(self, loaded: Loaded, registry: Registry) -> Targets:
        """Return the configured targets; says their warnings, and raises ConfigError, with the file's problems too."""
        from nodepulse_core.config import make_targets  # noqa: PLC0415 - YAML is read only where it is needed

        made = make_targets(loaded, registry.names(), registry.load, registry.describe)
        say_warnings(made.warnings, loaded.document.source)
        return made

    def has_configuration(self) -> bool:
        """Tell whether a configuration is named or found, without reading it."""
        try:
            self._path()
        except ConfigError:
            return False
        return True

    @property
    def names_configuration(self) -> bool:
        """Whether the command line or the environment names a configuration, so that no other is meant."""
        return self.config is not None or bool(self.environ.get("NODEPULSE_CONFIG"))

    def _path(self) -> Path:
        return find_config(self.config, self.environ)

    def read(self) -> Loaded:
        """Return the configuration with its problems, and say nothing; raises ConfigError where it is not YAML."""
        from nodepulse_core.config import examine_settings  # noqa: PLC0415 - the same

        return examine_settings(self._path(), self.environ)

    def _find_disabled(self) -> tuple[str, ...]:
        """Return what the configuration disables; it is not parsed for that where it does not have the word."""
        try:
            path = self._path()
            if not _DISABLED.search(read_content(path)):
                return ()
        except ConfigError:  # whoever needs a configuration says that there is none
            return ()
        try:
            return self.read().settings.plugins.disabled
        except ConfigError:
            log.warning("%s cannot be read, so plugins that it disables are not disabled", path)
            return ()


def say_warnings(warnings: tuple[Problem, ...], source: str) -> None:
    """Write warnings to standard error, one a line."""
    for warning in warnings:
        click.secho(f"warning: {warning.render(source)}", fg="yellow", err=True)
