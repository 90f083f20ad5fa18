"""`nodepulse exporters`: the targets of the running agent, and how they change without a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from nodepulse_core.cli.client import Client, make_client, quote_name
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.names import complete_exporters, complete_running
from nodepulse_core.cli.table import write_table
from nodepulse_core.errors import UsageError
from nodepulse_core.units import parse_duration

Connect = Callable[[], Client]
"""Makes the client of the agent; raises NodePulseError where its address is not known."""

_PATH = "/api/exporters"
_SPARE_SECONDS = 5.0
_DEFAULT_TIMEOUT = 3.0


@click.group()
@click.option("--url", metavar="URL", help="The agent's address, http://127.0.0.1:8088; by default the configured one.")
@click.pass_context
def exporters(ctx: click.Context, url: str | None) -> None:
    """Show, add and remove targets while the agent runs.

    Changes are for root, the agent's own user, and whoever may read the token of api.token_file.
    """
    context = ctx.find_object(Context)
    if context is None:
        raise UsageError("exporters is a command of nodepulse")
    ctx.obj = partial(make_client, context, url)  # made once a command begins: its help needs no configuration


@exporters.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every figure.")
@click.pass_obj
def list_(connect: Connect, *, as_json: bool) -> None:
    """List all targets: what they are, where each is from, and how its last scrape went."""
    targets = connect().get(_PATH)["exporters"]
    if as_json:
        click.echo(json.dumps(targets, indent=2))
    elif not targets:
        click.echo("no targets; add one with: nodepulse exporters add NAME")
    else:
        columns = ("name", "type", "status", "every", "from", "endpoint", "last scrape or error")
        write_table(columns, [_row(target) for target in targets])


@exporters.command()
@click.argument("name", shell_complete=complete_exporters)
@click.option("--endpoint", help="Where it answers; by default where its exporter usually does.")
@click.option("--type", "type_", metavar="TYPE", help="Its exporter; by default the one of that name.")
@click.option("--interval", help="Time between two scrapes, such as 15s.")
@click.option("--timeout", help="How long a scrape may take, such as 3s.")
@click.option("--payload", type=click.Choice(["snapshot", "raw"]), help="What is sent of it.")
@click.option("--force", is_flag=True, help="Add it although its first scrape fails.")
@click.pass_obj
def add(connect: Connect, /, name: str, type_: str | None, *, force: bool, **given: str | None) -> None:
    """Scrape one more target from now on, also after a restart.

    It is scraped once before it is added. The configuration is not changed.
    """
    target = {"name": name, "type": type_, **given}
    body = {key: value for key, value in target.items() if value is not None}
    made = connect().ask("POST", f"{_PATH}{'?force=1' if force else ''}", body, _patience(given.get("timeout")))
    click.echo(f"{made['name']} is scraped every {made['interval']} from {made['endpoint']}")


@exporters.command()
@click.argument("name", shell_complete=complete_running)
@click.pass_obj
def remove(connect: Connect, name: str) -> None:
    """Stop scraping a target that was added; what was scraped of it is still delivered."""
    connect().ask("DELETE", f"{_PATH}/{quote_name(name)}")
    click.echo(f"{name} is not scraped any more")


def _row(target: dict[str, Any]) -> tuple[str, ...]:
    last = target["last_error"] or target["last_scrape"] or "not yet"
    keys = ("name", "type", "status", "interval", "origin", "endpoint")
    return (*(str(target[key]) for key in keys), last)


def _patience(timeout: str | None) -> float:
    """Return how long an answer may take: as long as the first scrape, and a moment more."""
    try:
        scrape = _DEFAULT_TIMEOUT if timeout is None else parse_duration(timeout)
    except ValueError:  # the agent says so, with all else that is wrong
        scrape = _DEFAULT_TIMEOUT
    return scrape + _SPARE_SECONDS
