"""`nodepulse discover`: what answers on this machine, as YAML to paste."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import click

from nodepulse_core import __version__
from nodepulse_core.cli.context import Context
from nodepulse_core.collect import Found, Scanner, Scraper, TargetHTTP
from nodepulse_core.config import Api, Settings, write_found
from nodepulse_core.errors import ConfigError
from nodepulse_core.plugins import Registry

_LARGEST_PORT = 65535


def parse_ports(_: click.Context, __: click.Parameter, value: str | None) -> list[int] | None:
    """Read `9100,9187`; raises BadParameter where it is something else."""
    if value is None:
        return None
    words = [word.strip() for word in value.split(",")]
    for word in words:
        if not (word.isascii() and word.isdecimal() and 1 <= int(word) <= _LARGEST_PORT):
            raise click.BadParameter(f"{word!r} is no port; write them like 9100,9187")
    return [int(word) for word in words]


@click.command()
@click.option(
    "--ports",
    callback=parse_ports,
    metavar="PORT,…",
    help="Look at these; by default at discovery.scan_ports, or the ports that installed exporters declare.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects: name, type, endpoint.")
@click.pass_obj
def discover(context: Context, ports: list[int] | None, *, as_json: bool) -> None:
    """Look for exporters on this machine, and write them as YAML to paste into a configuration.

    Only loopback is looked at, and the agent's own port is left out. With discovery.enabled the agent does the same by
    itself.

    Exit status: 0 something was found, 1 nothing was.
    """
    found, looked = find(context, ports)
    if as_json:
        click.echo(json.dumps([{"name": each.name, "type": each.type, "endpoint": each.endpoint} for each in found]))
    elif found:
        click.echo(write_found([(each.name, each.type, each.endpoint) for each in found]), nl=False)
    if not found:
        where = ", ".join(map(str, looked)) or "none, since no exporter is installed; try: --ports 9100"
        click.echo(f"nothing answers as an exporter on this machine; looked at ports: {where}", err=True)
        raise click.exceptions.Exit(1)


def find(context: Context, ports: Sequence[int] | None) -> tuple[tuple[Found, ...], list[int]]:
    """Return what answers, and the ports that were looked at.

    These are `ports`, else those that the configuration names, else those that installed exporters declare.
    """
    registry, settings = context.make_registry(), _read_settings(context)
    if ports is None and settings is not None:
        ports = settings.discovery.scan_ports
    own = (settings.api if settings is not None else Api()).listen.rpartition(":")[2]
    return asyncio.run(_find(registry, ports, int(own)))


def _read_settings(context: Context) -> Settings | None:
    """Return what is configured; None where nothing is, or not rightly: one may look round before that."""
    try:
        loaded = context.read()
    except ConfigError:
        return None
    return None if loaded.problems else loaded.settings


async def _find(registry: Registry, ports: Sequence[int] | None, own: int) -> tuple[tuple[Found, ...], list[int]]:
    http = TargetHTTP(f"nodepulse-agent/{__version__}")
    try:
        scanner = Scanner(Scraper(http), registry.names, registry.load)
        looked = sorted(set(ports if ports is not None else await scanner.ports()) - {own})
        return await scanner.scan(looked), looked
    finally:
        await http.close()
