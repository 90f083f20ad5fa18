"""`nodepulse plugins`: what is installed, and what of it works."""

from __future__ import annotations

import json

import click

from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table
from nodepulse_core.errors import PluginError
from nodepulse_core.plugins import Installed, PluginHost, Registry


@click.group()
def plugins() -> None:
    """Show the installed plugins."""


@plugins.command("list")
@click.option("--load", is_flag=True, help="Import each of them, and show what fails and why.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_obj
def list_plugins(context: Context, *, load: bool, as_json: bool) -> None:
    """Show every plugin, with what speaks against it.

    Without --load this reads metadata only, and imports no plugin.
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
        columns = ("name", "kind", "distribution", "version", "status")
        write_table(columns, [[str(row[column]) for column in columns] for row in rows])
        for row in rows:
            if row["error"]:
                click.secho(
                    f"{row['name']} ({row['distribution']} {row['version']}): {row['error']}", fg="red", err=True
                )


def _describe(host: PluginHost, plugin: Installed) -> dict[str, str | None]:
    error = host.error(plugin)
    status = "broken" if error else "disabled" if plugin.name in host.disabled else "ok"
    return {
        "name": plugin.name,
        "kind": plugin.group.removeprefix("nodepulse.").removesuffix("s"),
        "distribution": plugin.distribution,
        "version": plugin.version,
        "status": status,
        "error": error,
    }


def _load_all(host: PluginHost) -> None:
    registry = Registry(host)
    for plugin in host.installed:
        if plugin.name in host.disabled or host.error(plugin):
            continue
        try:
            registry.load(plugin.name) if plugin.name in registry.names() else host.load(plugin)
        except PluginError:
            continue  # the host keeps the reason, and it is shown
