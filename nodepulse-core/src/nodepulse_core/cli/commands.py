"""The subcommands: the built-in ones, and those that plugins bring."""

from __future__ import annotations

import importlib
from typing import Any

import click

from nodepulse_core.errors import PluginError
from nodepulse_core.plugins import Installed, PluginHost

BUILT_IN = {
    "setup": "Make configuration, state directory and user ready.",
    "start": "Run the agent in the foreground.",
    "status": "Show how the running agent is, and what waits.",
    "top": "Watch the running agent, live.",
    "plugins": "Show the installed plugins.",
    "config": "Check, show, write and migrate the configuration.",
    "scrape": "Scrape one target once, to standard output.",
    "discover": "Look for exporters on this machine, as YAML to paste.",
    "exporters": "Show, add and remove targets while the agent runs.",
    "buffer": "Look into the buffer, and mend it.",
    "service": "Run the agent as a service of systemd.",
    "completion": "Print what makes a shell complete commands and names.",
    "man": "Print the manual page.",
    "demo": "Run agent, dashboard and a page to look at, on this machine only.",
}
"""Each is a module of this package, which is imported when the command is called."""


def import_built_in(name: str) -> click.Command:
    """Return a built-in command."""
    command: click.Command = getattr(importlib.import_module(f"{__package__}.{name}"), name)
    return command


def find_commands(host: PluginHost) -> dict[str, tuple[Installed, click.Command]]:
    """Return the commands that loaded plugins bring, by name, with their plugins; a built-in one is never replaced."""
    return host.registered("nodepulse_commands", _check, BUILT_IN)


def _check(command: Any) -> str:
    if not isinstance(command, click.Command) or not isinstance(command.name, str):
        raise PluginError(f"nodepulse_commands registers {type(command).__name__}, where a click command is due")
    command.get_short_help_str()  # it is asked for in the list of commands
    return command.name
