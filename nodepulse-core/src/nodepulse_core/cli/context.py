"""What every command is given: where the configuration is, the environment, and the installed plugins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import frozen

from nodepulse_core.errors import ConfigError, Problem
from nodepulse_core.plugins import PluginHost, Registry

if TYPE_CHECKING:
    from nodepulse_core.config import Loaded, Targets


@frozen(slots=False)
class Context:
    """The root command's options, and what commands make of them. Nothing is read before it is asked for."""

    config: Path | None
    environ: Mapping[str, str]

    @cached_property
    def host(self) -> PluginHost:
        """The plugins that are installed, without those that the environment disables."""
        disabled = self.environ.get("NODEPULSE_DISABLED_PLUGINS", "")
        return PluginHost(disabled=[name for name in re.split(r"[,\s]+", disabled) if name])

    def load(self) -> Loaded:
        """Return the configuration; says its warnings on standard error, and raises ConfigError."""
        from nodepulse_core.config import find_config, load_settings  # noqa: PLC0415 - YAML costs every other command

        loaded = load_settings(find_config(self.config, self.environ), self.environ)
        say_warnings(loaded.warnings, loaded.document.source)
        return loaded

    def host_for(self, loaded: Loaded) -> PluginHost:
        """Return the plugins without those that the environment or the configuration disables."""
        return PluginHost(self.host.installed, {*self.host.disabled, *loaded.settings.plugins.disabled})

    def targets(self, loaded: Loaded, registry: Registry) -> Targets:
        """Return the configured targets; says their warnings, and raises ConfigError."""
        from nodepulse_core.config import make_targets  # noqa: PLC0415 - the same

        made = make_targets(loaded, registry.names(), registry.load)
        say_warnings(made.warnings, loaded.document.source)
        return made

    def has_configuration(self) -> bool:
        """Tell whether there is a configuration, without reading it."""
        from nodepulse_core.config import find_config  # noqa: PLC0415 - the same

        try:
            return find_config(self.config, self.environ).is_file()
        except ConfigError:
            return False


def say_warnings(warnings: tuple[Problem, ...], source: str) -> None:
    """Write warnings to standard error, one a line."""
    for warning in warnings:
        click.secho(f"warning: {warning.render(source)}", fg="yellow", err=True)
