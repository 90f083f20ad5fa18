"""`nodepulse status`: how the running agent is; without one, what the files tell."""

from __future__ import annotations

import json
from typing import Any

import click

from nodepulse_core.buffer import Store, lock_holder
from nodepulse_core.cli.buffer import summarize
from nodepulse_core.cli.buffer_place import find_buffer_path
from nodepulse_core.cli.client import NoAgentError, make_client
from nodepulse_core.cli.condition import ago, clean, format_age, mark, seconds_between
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table
from nodepulse_core.errors import ConfigError
from nodepulse_core.units import format_size

_SECONDS = 5.0
_SOME_DOWN = 1
_NO_AGENT = 2


@click.command()
@click.option("--url", metavar="URL", help="The agent's address, http://127.0.0.1:8088; by default the configured one.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with every figure; the same as /health.")
@click.pass_obj
def status(context: Context, url: str | None, *, as_json: bool) -> None:
    """Show how the running agent is: its targets, what waits, and the delivery.

    Without an agent, what waits in the configured buffer is shown.

    Exit status: 0 all is up, 1 a target or the dashboard is down or the agent cannot work, 2 no agent answers.
    """
    try:
        report = make_client(context, url).ask("GET", "/health", seconds=_SECONDS)
    except NoAgentError as error:
        _tell_absence(context, error, as_json=as_json)
        raise click.exceptions.Exit(_NO_AGENT) from error
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _tell(report)
    if report["status"] != "healthy":
        raise click.exceptions.Exit(_SOME_DOWN)


def _tell(report: dict[str, Any]) -> None:
    now, targets = report["at"], report["exporters"]
    since = format_age(seconds_between(report["started"], now))
    up = sum(target["status"] == "running" for target in targets)
    click.echo(
        f"{_styled(report['status'])}  nodepulse {report['version']}, up {since}, server_id {report['server_id']}"
    )
    for reason in report["reasons"]:
        click.echo(f"  {clean(reason)}")
    buffer, delivery = report["buffer"], report["delivery"]
    oldest = f", the oldest {format_age(seconds_between(buffer['oldest'], now))}" if buffer["oldest"] else ""
    click.echo(f"buffer    {buffer['files']} waiting, {format_size(buffer['size_bytes'])}{oldest}")
    last = f"last {ago(delivery['last_success'], now)}" if delivery["last_success"] else "none yet"
    click.echo(f"delivery  {last}, to {clean(delivery['endpoint'])}")
    click.echo(f"targets   {up} of {len(targets)} up")
    if targets:
        write_table(
            ("state", "target", "type", "every", "last", "took", "samples", "error"),
            [_row(target, now) for target in targets],
        )


def _row(target: dict[str, Any], now: str) -> tuple[str, ...]:
    last = target["last"]
    took, samples = ("-", "-") if last is None else (f"{last['seconds'] * 1000:.0f}ms", str(last["samples"]))
    names = (clean(target["name"]), clean(target["type"]), target["interval"])
    error = clean(target["last_error"] or "")
    return _styled(target["status"]), *names, ago(target["last_scrape"], now), took, samples, error


def _styled(state: str) -> str:
    shown = mark(state)
    return click.style(str(shown), fg=shown.colour)


def _tell_absence(context: Context, error: NoAgentError, *, as_json: bool) -> None:
    """Say that no agent answers, and what the files tell of it and of what waits."""
    try:
        path = find_buffer_path(context)
    except ConfigError as wrong:
        if as_json:
            click.echo(json.dumps({"status": "away", "error": str(error), "buffer": None}, indent=2))
        else:
            click.echo(f"{_styled('away')}  {clean(error)}")
            click.echo(str(wrong), err=True)
        return
    pid, there = lock_holder(path), path.is_dir()
    listing = Store(path).scan() if there else None
    waiting, aside = (len(listing.entries), len(listing.quarantined)) if listing else (0, 0)
    if as_json:
        kept = {"path": str(path), "files": waiting, "quarantined": aside}
        click.echo(json.dumps({"status": "away", "error": str(error), "process": pid, "buffer": kept}, indent=2))
        return
    click.echo(f"{_styled('away')}  {clean(error)}")
    if pid:
        click.echo(f"process   {pid} works on the buffer, though")
    if not there:
        click.echo(f"buffer    {path}: not there yet")
        return
    put_aside = f", {aside} quarantined (nodepulse buffer ls --quarantine)" if aside else ""
    click.echo(f"buffer    {path}: {waiting} waiting{put_aside}")
    if listing and listing.entries:
        write_table(("target", "waiting", "size", "oldest", "newest"), summarize(listing.entries))
