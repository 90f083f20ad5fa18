"""`nodepulse node-source`: a stand-in for node_exporter where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click
from nodepulse_core import hookimpl


@click.command("node-source")
@click.option("--listen", default="127.0.0.1:9100", show_default=True, help="Address to serve at.")
def node_source(listen: str) -> None:
    """Serve this host's metrics from /proc, in node_exporter's names.

    For machines without node_exporter; it has what a snapshot needs, and no more.
    """
    from nodepulse_exporter_node.source import serve  # noqa: PLC0415 - HTTP costs every other command

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter(f"{listen!r} is no address; write it like 127.0.0.1:9100", param_hint="--listen")
    click.echo(f"serving http://{listen}/metrics")
    asyncio.run(serve(host.strip("[]"), int(port)))


@hookimpl
def nodepulse_commands() -> Iterator[click.Command]:
    """Bring the command."""
    yield node_source
