"""`nodepulse scrape NAME`: one scrape to standard output, nothing stored."""

from __future__ import annotations

import asyncio
import time

import click
import orjson

from nodepulse_core import __version__
from nodepulse_core.cli.context import Context
from nodepulse_core.collect import Scraper, TargetHTTP
from nodepulse_core.deliver import SnapshotMaker, Unfit
from nodepulse_core.errors import NodePulseError, ScrapeError, UsageError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.model import GENERIC, Entry, StoredScrape, Target, Window
from nodepulse_core.plugins import PluginHost, Registry

_SERVER_ID = "scrape"
_TIMEOUT = 3.0


@click.command()
@click.argument("name")
@click.option("--raw", "form", flag_value="raw", help="The exposition as the exporter gave it, stamped with the slot.")
@click.option("--json", "form", flag_value="json", default=True, help="What would be sent of it (the default).")
@click.pass_obj
def scrape(context: Context, name: str, form: str) -> None:
    """Scrape one target once, to standard output; nothing is stored or sent.

    NAME is a configured target; without a configuration, or if it names none, an installed exporter, which is
    scraped at its default endpoint.
    """
    host, target = _find(context, name)
    registry = Registry(host)
    exporter: Exporter = (
        HTTPExporter(GENERIC, default_endpoint=target.endpoint)
        if target.type == GENERIC
        else registry.load(target.type)
    )
    host.load_behaviour()
    slot = int(time.time())
    try:
        body = asyncio.run(_scrape(target, exporter, slot))
    except ScrapeError as error:
        raise NodePulseError(f"cannot scrape {name} at {target.endpoint}: {error}") from error
    if form == "raw":
        click.echo(body, nl=False)
        return
    maker = SnapshotMaker(
        read=lambda _: StoredScrape(target.type, body.decode()),
        target={target.name: target}.get,
        exporter=registry.find,
        transform=host.transform,
    )
    made = maker.make(Entry(Window(slot, _SERVER_ID), target.name))
    if isinstance(made, Unfit):
        raise NodePulseError(f"{name}: {made.reason}")
    click.echo(orjson.dumps({made.key: made.objects}, option=orjson.OPT_INDENT_2))


def _find(context: Context, name: str) -> tuple[PluginHost, Target]:
    host = context.host
    known = []
    if context.config is not None or context.has_configuration():
        loaded = context.load()
        host = context.host_for(loaded)
        targets = context.targets(loaded, Registry(host)).targets
        known = [target.name for target in targets]
        for target in targets:
            if target.name == name:
                return host, target
    registry = Registry(host)
    if name not in registry.names():
        names = ", ".join(sorted({*known, *registry.names()})) or "none"
        raise UsageError(f"there is no target or exporter {name!r}; known: {names}")
    exporter = registry.load(name)
    interval = exporter.default_interval
    return host, Target(
        name=name,
        type=name,
        endpoint=exporter.default_endpoint,
        interval=interval,
        timeout=min(_TIMEOUT, interval),
        payload="snapshot",
    )


async def _scrape(target: Target, exporter: Exporter, slot: int) -> bytes:
    http = TargetHTTP(f"nodepulse-agent/{__version__}")
    scraper = Scraper(http)
    try:
        return (await scraper.scrape(target, exporter, slot, target.timeout)).body
    finally:
        await scraper.close(exporter)
        await http.close()
