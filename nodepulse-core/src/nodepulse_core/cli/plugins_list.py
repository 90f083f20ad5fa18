"""`nodepulse plugins list`: what is installed, who uses it, and what speaks against it."""

from __future__ import annotations

import json
from typing import Any

import click

from nodepulse_core.cli.commands import find_commands
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table
from nodepulse_core.cli.uses import find_uses
from nodepulse_core.errors import PluginError
from nodepulse_core.plugins import EXPORTERS, Installed, PluginHost, Registry, api_version

_COLUMNS = ("name", "kind", "distribution", "version", "status", "used by")
_MOST_SHOWN = 3


@click.command("list")
@click.option("--load", is_flag=True, help="Import each of them, and show what fails and why.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects.")
@click.pass_obj
def list_plugins(context: Context, *, load: bool, as_json: bool) -> None:
    """Show every plugin, the targets that use it, and what speaks against it.

    Without --load this reads metadata only, and imports no plugin. A disabled plugin is not imported either way.

    Exit status: with --load, 1 where any plugin is broken.
    """
    host = context.host
    uses = find_uses(context)
    if uses.unknown:
        click.secho(f"warning: not all targets that use plugins are known: {uses.unknown}", fg="yellow", err=True)
    if load:
        _load_all(host)
    targets = uses.by_type()
    rows = [_describe(host, plugin, targets.get(plugin.name, [])) for plugin in host.installed]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("no plugin is installed; try: nodepulse plugins install node")
    else:
        _write(rows, ("api",) if load else ())
    if load and any(row["error"] for row in rows):
        raise click.exceptions.Exit(1)


def _describe(host: PluginHost, plugin: Installed, targets: list[str]) -> dict[str, Any]:
    error = host.error(plugin)
    module = host.module(plugin)
    return {
        "name": plugin.name,
        "kind": plugin.group.removeprefix("nodepulse.").removesuffix("s"),
        "distribution": plugin.distribution,
        "version": plugin.version,
        "status": "broken" if error else "ok",
        "error": error,
        "disabled": plugin.name in host.disabled,
        "used_by": targets if plugin.group == EXPORTERS else [],
        "api_version": None if module is None else api_version(module),
    }


def _write(rows: list[dict[str, Any]], more: tuple[str, ...]) -> None:
    columns = (*_COLUMNS, *more)
    write_table(columns, [[_cells(row)[column] for column in columns] for row in rows])
    for row in rows:
        if row["error"]:
            what = f"{row['name']} ({row['distribution']} {row['version']})"
            click.secho(f"{what}: {row['error']}", fg="red", err=True)


def _cells(row: dict[str, Any]) -> dict[str, str]:
    targets = row["used_by"]
    others = len(targets) - _MOST_SHOWN
    return {
        **{column: str(row.get(column)) for column in _COLUMNS},
        "status": "disabled" if row["disabled"] and not row["error"] else row["status"],
        "used by": ", ".join(targets[:_MOST_SHOWN]) + (f" and {others} more" if others > 0 else ""),
        "api": "" if row["api_version"] is None else str(row["api_version"]),
    }


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
