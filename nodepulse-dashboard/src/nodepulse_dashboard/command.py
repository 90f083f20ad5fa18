"""`nodepulse dashboard`: options, what is printed, and how it ends. aiohttp is imported when it runs, not before."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nodepulse_core.units import format_duration, format_size, parse_duration, parse_size

from nodepulse_dashboard.defaults import (
    IDLE,
    KEEP,
    LISTEN,
    MAX_BODY,
    MAX_CONNECTIONS,
    MAX_DATABASE,
    RECEIVE_PATH,
    default_database,
)

if TYPE_CHECKING:
    from nodepulse_core.http import Address

_SMALLEST_BODY = 1024
_SMALLEST_DATABASE = 1024**2
_SHORTEST_KEEP = 60.0


def _read(parse: Callable[[str], Any], least: float = 0.0) -> Callable[[click.Context, click.Parameter, str], Any]:
    def callback(context: click.Context, parameter: click.Parameter, text: str) -> Any:
        del context, parameter
        try:
            value = parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        if value < least:
            raise click.BadParameter(f"{text!r} is too little")
        return value

    return callback


@click.command("dashboard")
@click.option("--listen", default=LISTEN, show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The SQLite file.  [default: in the user's state directory]",
)
@click.option(
    "--max-body",
    default=format_size(MAX_BODY),
    show_default=True,
    metavar="SIZE",
    callback=_read(parse_size, _SMALLEST_BODY),
    help="The largest body that is taken, decoded.",
)
@click.option(
    "--max-database",
    default=format_size(MAX_DATABASE),
    show_default=True,
    metavar="SIZE",
    callback=_read(parse_size, _SMALLEST_DATABASE),
    help="The largest size of the database; the oldest snapshots go first.",
)
@click.option(
    "--keep",
    default=format_duration(KEEP),
    show_default=True,
    metavar="DURATION",
    callback=_read(parse_duration, _SHORTEST_KEEP),
    help="How long snapshots are kept after they arrived.",
)
def dashboard(listen: str, database: Path | None, max_body: int, max_database: int, keep: float) -> None:
    """Receive snapshots, keep them in SQLite, and show them on a page.

    It is the reference receiver: without authentication, for this machine or a trusted network.
    """
    from nodepulse_core.http import Address  # noqa: PLC0415 - brings aiohttp

    try:
        address = Address.parse(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from None
    if not address.is_loopback:
        click.echo(
            f"warning: {address} can be reached from other machines, and this dashboard asks nobody who they are: "
            "anyone who reaches it reads and writes",
            err=True,
        )
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    asyncio.run(_serve(address, database or default_database(), max_body, max_database, keep))


async def _serve(address: Address, database: Path, max_body: int, max_database: int, keep: float) -> None:
    from nodepulse_core.http import listening  # noqa: PLC0415 - brings aiohttp

    from nodepulse_dashboard.app import create_app  # noqa: PLC0415 - the same
    from nodepulse_dashboard.store import Store  # noqa: PLC0415 - the same

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    store = Store(database, max_size=max_database)
    try:
        app = create_app(store, max_body=max_body, keep=keep, hosts=address.hosts)
        async with listening(app, address, max_connections=MAX_CONNECTIONS, idle=IDLE, inflate=True) as taken:
            click.echo(f"look at           http://{taken}/")
            click.echo(f"point an agent at http://{taken}{RECEIVE_PATH}  (server.endpoint of its configuration)")
            click.echo(f"snapshots         for {format_duration(keep)} in {database}; Ctrl-C ends it")
            sys.stdout.flush()
            await stopped.wait()
    finally:
        store.close()
