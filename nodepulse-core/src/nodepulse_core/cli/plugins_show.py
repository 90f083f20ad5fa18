"""`nodepulse plugins show NAME`: all that a person needs to use one plugin."""

from __future__ import annotations

import inspect
import json
from typing import Any

import attrs
import click

from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table
from nodepulse_core.cli.uses import find_uses
from nodepulse_core.errors import PluginError, UsageError
from nodepulse_core.exporter import Exporter, access_of, field_names_of, fields_of, ports_of, schemes_of
from nodepulse_core.fields import Field
from nodepulse_core.plugins import EXPORTERS, PLUGINS, Installed, PluginHost, Registry, api_version, one_line
from nodepulse_core.promql import is_whole, list_metrics, write_promql
from nodepulse_core.units import format_duration


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="A JSON object.")
@click.pass_obj
def show(context: Context, name: str, *, as_json: bool) -> None:
    """Show what a plugin is: its endpoint, what it needs, its fields, the keys of its targets, a sample to paste.

    NAME is that of an exporter or plugin, as `nodepulse plugins list` has it. The plugin is imported.

    Exit status: 0 done, 1 the plugin is broken, 2 there is none of that name.
    """
    host = context.host
    plugin = host.find(name) or host.find(name, PLUGINS)
    if plugin is None:
        known = ", ".join(sorted({each.name for each in host.installed})) or "none"
        raise UsageError(f"there is no plugin {name!r}; installed are: {known}")
    described = _describe(context, host, plugin)
    if as_json:
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
    else:
        _write(described)


def _describe(context: Context, host: PluginHost, plugin: Installed) -> dict[str, Any]:
    """Return all that is shown; raises PluginError where the plugin is broken."""
    exporter = None
    if plugin.group == EXPORTERS:
        exporter = Registry(host).load(plugin.name)
    else:
        host.load(plugin)
    module = host.module(plugin)
    if module is None:
        raise PluginError(f"{plugin.name} of {plugin.origin} is not loaded")
    described = {
        "name": plugin.name,
        "kind": plugin.group.removeprefix("nodepulse.").removesuffix("s"),
        "distribution": plugin.distribution,
        "version": plugin.version,
        "api_version": api_version(module),
        "about": _first_sentence(module.__doc__),
        "hooks": host.hooks(plugin),
    }
    if exporter is not None:
        described |= _describe_exporter(exporter)
        described["used_by"] = find_uses(context).by_type().get(plugin.name, [])
    return described


def _first_sentence(text: object) -> str:
    """Return the first paragraph of a docstring, on one line; "" where there is none."""
    return one_line(inspect.cleandoc(text).partition("\n\n")[0]) if isinstance(text, str) else ""


def _describe_exporter(exporter: Exporter) -> dict[str, Any]:
    from nodepulse_core.config import ExporterSettings, all_keys, write_found  # noqa: PLC0415 - not for other plugins

    sources = fields_of(exporter)
    interval = format_duration(exporter.default_interval)
    own = {"endpoint": exporter.default_endpoint, "interval": interval}
    keys = [
        {
            "key": path,
            "default": own.get(path) or key.otherwise or key.write_default(),
            "required": key.default is attrs.NOTHING and "." not in path,
            "about": key.about,
        }
        for path, key in all_keys(ExporterSettings)
        if not attrs.has(key.kind)
    ]
    return {
        "endpoint": exporter.default_endpoint,
        "interval": interval,
        "schemes": list(schemes_of(exporter)),
        "ports": list(ports_of(exporter)),
        "access": access_of(exporter),
        "fields": [_describe_field(name, sources.get(name)) for name in field_names_of(exporter)],
        "keys": keys,
        "sample": write_found([(exporter.name, None, exporter.default_endpoint)]),
    }


def _describe_field(name: str, source: Field | None) -> dict[str, Any]:
    if source is None:  # made by a function of the exporter's own
        return {"name": name, "from": None, "metrics": [], "integer": None}
    return {
        "name": name,
        "from": one_line(write_promql(source)),
        "metrics": list(list_metrics(source)),
        "integer": is_whole(source),
    }


def _write(described: dict[str, Any]) -> None:
    click.secho(described["name"], bold=True, nl=False)
    about = described["about"].removeprefix(f"{described['name']}: ")
    click.echo(f": {about}" if about else "")
    click.echo()
    facts = {
        "distribution": f"{described['distribution']} {described['version']}",
        "hooks": f"{', '.join(described['hooks'])} (version {described['api_version']})",
        "endpoint": described.get("endpoint"),
        "schemes": ", ".join(described.get("schemes", [])),
        "ports": ", ".join(map(str, described.get("ports", []))),
        "interval": described.get("interval"),
        "needs": described.get("access"),
        "used by": ", ".join(described.get("used_by", [])),
    }
    for label, value in facts.items():
        if value:
            click.echo(f"{label:13}{value}")
    if described["kind"] == "exporter":
        _write_exporter(described)


def _write_exporter(described: dict[str, Any]) -> None:
    if described["fields"]:
        click.echo("\nIts snapshot has, each from these metrics; what is absent is left out:\n")
        rows = [(each["name"], each["from"] or "made by the exporter") for each in described["fields"]]
        write_table(("field", "from"), rows)
    else:
        click.echo("\nWhich fields its snapshot has, it does not say; see: nodepulse scrape " + described["name"])
    click.echo("\nKeys of its targets:\n")
    write_table(
        ("key", "default", "what it is"),
        [(each["key"], _write_default(each), each["about"]) for each in described["keys"]],
    )
    click.echo("\nTo paste into the configuration:\n")
    click.echo(described["sample"], nl=False)


def _write_default(key: dict[str, Any]) -> str:
    if key["required"]:
        return "required"
    default = key["default"]
    return "–" if default in (None, {}) else json.dumps(default) if isinstance(default, bool) else str(default)
