"""`nodepulse plugins`: what is installed, and what of it works."""

from __future__ import annotations

import json
from typing import Any

import click

from nodepulse_core.cli.commands import find_commands
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table
from nodepulse_core.errors import PluginError
from nodepulse_core.plugins import EXPORTERS, Installed, PluginHost, Registry

_COLUMNS = ("name", "kind", "distribution", "version", "status")


@click.group()
def plugins() -> None:
    """Show the installed plugins."""


@plugins.command("list")
@click.option("--load", is_flag=True, help="Import each of them, and show what fails and why.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_obj
def list_plugins(context: Context, *, load: bool, as_json: bool) -> None:
    """Show every plugin, with what speaks against it.

    Without --load this reads metadata only, and imports no plugin. A disabled plugin is not imported either way.

    Exit status: with --load, 1 where any plugin is broken.
    """
    host = context.host
    if load:
        _load_all(host)
    rows = [_describe(host, plugin) for plugin in host.installed]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("no plugin is installed; try: pip install nodepulse-exporter-node")
    else:
        _write(rows)
    if load and any(row["error"] for row in rows):
        raise click.exceptions.Exit(1)


def _describe(host: PluginHost, plugin: Installed) -> dict[str, Any]:
    error = host.error(plugin)
    return {
        "name": plugin.name,
        "kind": plugin.group.removeprefix("nodepulse.").removesuffix("s"),
        "distribution": plugin.distribution,
        "version": plugin.version,
        "status": "broken" if error else "ok",
        "error": error,
        "disabled": plugin.name in host.disabled,
    }


def _write(rows: list[dict[str, Any]]) -> None:
    shown = [row | {"status": "disabled" if row["disabled"] and not row["error"] else row["status"]} for row in rows]
    write_table(_COLUMNS, [[str(row[column]) for column in _COLUMNS] for row in shown])
    for row in rows:
        if row["error"]:
            what = f"{row['name']} ({row['distribution']} {row['version']})"
            click.secho(f"{what}: {row['error']}", fg="red", err=True)


def _load_all(host: PluginHost) -> None:
    registry = Registry(host)
    for plugin in host.installed:
        if plugin.name in host.disabled or host.error(plugin):
            continue
        try:
            registry.load(plugin.name) if plugin.group == EXPORTERS else host.load(plugin)
        except PluginError:
            continue  # the host keeps the reason, and it is shown
    find_commands(host)
