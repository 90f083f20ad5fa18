"""`nodepulse status`: the agent and its buffer, as far as files tell it."""

from __future__ import annotations

import click

from nodepulse_core.buffer import Store, lock_holder
from nodepulse_core.cli.buffer import find_buffer_path, summarize
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table


@click.command()
@click.pass_obj
def status(context: Context) -> None:
    """Show whether an agent runs on the configured buffer, and what waits in it.

    Exit status: 0 it runs, 1 it does not.
    """
    path = find_buffer_path(context)
    pid = lock_holder(path)
    click.secho("running" if pid else "not running", fg="green" if pid else "red", nl=False)
    click.echo(f"  process {pid}" if pid else "")
    if path.is_dir():
        listing = Store(path).scan()
        aside = (
            f", {len(listing.quarantined)} quarantined (nodepulse buffer ls --quarantine)"
            if listing.quarantined
            else ""
        )
        click.echo(f"buffer   {path}: {len(listing.entries)} entries wait{aside}")
        if listing.entries:
            write_table(("target", "waiting", "size", "oldest", "newest"), summarize(listing.entries))
    else:
        click.echo(f"buffer   {path}: not there yet")
    if not pid:
        raise click.exceptions.Exit(1)
