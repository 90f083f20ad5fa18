"""`nodepulse scrape NAME`: one scrape to standard output, nothing stored."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import time

import attrs
import click
import orjson

from nodepulse_core import __version__
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.names import complete_targets
from nodepulse_core.collect import Scraper, TargetHTTP
from nodepulse_core.config import Loaded
from nodepulse_core.deliver import SnapshotMaker, Unfit
from nodepulse_core.errors import NodePulseError, ScrapeError, UsageError
from nodepulse_core.exporter import Exporter, HTTPExporter
from nodepulse_core.model import GENERIC, Entry, StoredScrape, Target, Window, show_endpoint
from nodepulse_core.plugins import Registry

_SERVER_ID = "scrape"
_TIMEOUT = 3.0
_ENDING = 0.2


@click.command()
@click.argument("name", shell_complete=complete_targets)
@click.option("--raw", "form", flag_value="raw", help="The exposition as the exporter gave it, stamped with the slot.")
@click.option("--json", "form", flag_value="json", default=True, help="What would be sent of it (the default).")
@click.pass_obj
def scrape(context: Context, name: str, form: str) -> None:
    """Scrape one target once, to standard output; nothing is stored or sent.

    NAME is a configured target, enabled or not; without a configuration, or if it names none, an installed exporter,
    which is scraped at its default endpoint.

    Exit status: 0 done, 1 the scrape failed, 78 the configuration is wrong.
    """
    registry = context.make_registry()
    target = _find(context, name, registry)
    context.host.load_behaviour()
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is no part of the scrape
        made = _scrape_once(context, registry, target, form)
    click.echo(made, nl=False)


def _scrape_once(context: Context, registry: Registry, target: Target, form: str) -> bytes:
    exporter: Exporter = (
        HTTPExporter(GENERIC, default_endpoint=target.endpoint)
        if target.type == GENERIC
        else registry.load(target.type)
    )
    slot = int(time.time())
    try:
        body = _run(target, exporter, slot)
    except ScrapeError as error:
        raise NodePulseError(f"cannot scrape {target.name} at {show_endpoint(target.endpoint)}: {error}") from error
    if form == "raw":
        return body
    maker = SnapshotMaker(
        read=lambda _: StoredScrape(target.type, body.decode()),
        target={target.name: target}.get,
        exporter=lambda target: registry.find(target.type),
        transform=context.host.transform,
    )
    made = maker.make(Entry(Window(slot, _SERVER_ID), target.name))
    if isinstance(made, Unfit):
        raise NodePulseError(f"{target.name}: {made.reason}")
    return orjson.dumps({made.key: made.objects}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _find(context: Context, name: str, registry: Registry) -> Target:
    known: set[str] = set()
    if context.has_configuration():
        loaded = context.load()
        known = {exporter.name for exporter in loaded.settings.exporters}
        if name in known:
            return context.targets(_only(loaded, name), registry).targets[0]
    if name not in registry.names():
        names = ", ".join(sorted({*known, *registry.names()})) or "none"
        raise UsageError(f"there is no target or exporter {name!r}; known: {names}")
    exporter = registry.load(name)
    interval = exporter.default_interval
    return Target(
        name=name,
        type=name,
        endpoint=exporter.default_endpoint,
        interval=interval,
        timeout=min(_TIMEOUT, interval),
        payload="snapshot",
    )


def _only(loaded: Loaded, name: str) -> Loaded:
    """Return a configuration of that one target, enabled, so that what is wrong with the others is left aside."""
    pairs = zip(loaded.settings.exporters, loaded.exporter_paths, strict=True)
    exporter, path = next(pair for pair in pairs if pair[0].name == name)
    settings = attrs.evolve(loaded.settings, exporters=(attrs.evolve(exporter, enabled=True),))
    return attrs.evolve(loaded, settings=settings, exporter_paths=(path,))


def _run(target: Target, exporter: Exporter, slot: int) -> bytes:
    runner = asyncio.Runner()
    loop = runner.get_loop()
    try:
        return runner.run(_scrape(target, exporter, slot))
    finally:
        # Not the runner's own end, which waits for every task: an exporter's may never end.
        if tasks := asyncio.all_tasks(loop):
            _, stuck = loop.run_until_complete(asyncio.wait(tasks, timeout=_ENDING))
            if stuck:  # it may keep even the interpreter from ending, which destroys it
                atexit.register(os._exit, NodePulseError.exit_status)
        loop.close()


async def _scrape(target: Target, exporter: Exporter, slot: int) -> bytes:
    http = TargetHTTP(f"nodepulse-agent/{__version__}")
    scraper = Scraper(http)
    try:
        return (await scraper.scrape(target, exporter, slot, target.timeout)).body
    finally:
        await scraper.close(exporter)
        await http.close()
