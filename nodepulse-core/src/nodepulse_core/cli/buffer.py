"""`nodepulse buffer`: what is on disk. What is here reads only, so it may be called while the agent runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import click

from nodepulse_core.buffer import Listing, Store
from nodepulse_core.cli.buffer_changes import drop, export, retry
from nodepulse_core.cli.buffer_place import Place, on_store
from nodepulse_core.cli.table import write_table
from nodepulse_core.errors import NodePulseError, StorageError
from nodepulse_core.model import Entry
from nodepulse_core.units import format_size, format_slot


@click.group()
@click.option("--path", type=click.Path(path_type=Path), help="The buffer's directory; by default the configured one.")
@click.pass_context
def buffer(ctx: click.Context, path: Path | None) -> None:
    """Look into the buffer at any time; retry, export and drop what is in it while no agent runs on it."""
    ctx.obj = Place(ctx, path)


def _list(store: Store) -> Listing:
    if not store.path.is_dir():
        raise NodePulseError(f"there is no buffer {store.path}; the agent makes it when it starts")
    return store.scan()


@buffer.command()
@click.option("--quarantine", is_flag=True, help="What was put aside, and why.")
@on_store
def ls(store: Store, *, quarantine: bool) -> None:
    """List the entries, oldest first."""
    listing = _list(store)
    if quarantine:
        rows = [(*_columns(entry), store.reason(entry)) for entry in sorted(listing.quarantined)]
        write_table(("slot", "target", "server_id", "size", "reason"), rows)
    else:
        write_table(("slot", "target", "server_id", "size"), [_columns(entry) for entry in sorted(listing.entries)])


def _columns(entry: Entry) -> tuple[str, str, str, str]:
    return format_slot(entry.slot), entry.target, entry.window.server_id, format_size(entry.size)


@buffer.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@on_store
def stat(store: Store, *, as_json: bool) -> None:
    """Show how much waits, for how long, of which targets, and what was put aside."""
    listing = _list(store)
    rows = summarize(listing.entries)
    aside = summarize(listing.quarantined)
    if as_json:
        about = {
            "path": str(store.path),
            "entries": len(listing.entries),
            "size_bytes": sum(entry.size for entry in listing.entries),
            "oldest": min((format_slot(entry.slot) for entry in listing.entries), default=None),
            "quarantined": len(listing.quarantined),
            "foreign": [str(path) for path in listing.foreign],
        }
        click.echo(json.dumps(about, indent=2))
        return
    click.echo(f"{store.path}: {len(listing.entries)} entries wait, {len(listing.quarantined)} are quarantined")
    for title, table in (("waiting", rows), ("quarantined", aside)):
        if table:
            click.echo(f"\n{title}")
            write_table(("target", "entries", "size", "oldest", "newest"), table)
    for path in listing.foreign:
        click.secho(f"no entry, left alone: {path}", fg="yellow", err=True)


def summarize(entries: Iterable[Entry]) -> list[tuple[str, str, str, str, str]]:
    """Return a row for each target: its name, its entries, their size, the oldest and the newest slot."""
    by_target: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_target[entry.target].append(entry)
    return [
        (
            target,
            str(len(held)),
            format_size(sum(entry.size for entry in held)),
            format_slot(min(held).slot),
            format_slot(max(held).slot),
        )
        for target, held in sorted(by_target.items())
    ]


@buffer.command()
@click.argument("target")
@click.argument("slot", required=False)
@on_store
def show(store: Store, target: str, slot: str | None) -> None:
    """Write one entry's exposition to standard output: the newest of TARGET, or the one of SLOT.

    SLOT is written as ls does: 2025-10-30T14:00:00Z.
    """
    entries = [entry for entry in sorted(_list(store).entries) if entry.target == target]
    if slot is not None:
        entries = [entry for entry in entries if format_slot(entry.slot) == slot]
    if not entries:
        raise NodePulseError(f"no entry of {target!r}{f' for {slot}' if slot else ''} waits in {store.path}")
    try:
        click.echo(store.read(entries[-1]).text, nl=False)
    except StorageError as error:
        raise NodePulseError(f"{target} {format_slot(entries[-1].slot)}: {error}") from error


@buffer.command()
@on_store
def verify(store: Store) -> None:
    """Read every entry, and say which are not whole. Exit status 1 where any is not.

    The agent puts such an entry aside when it comes to it.
    """
    listing = _list(store)
    bad = 0
    with click.progressbar(sorted(listing.entries), label="verifying", hidden=len(listing.entries) < 1000) as entries:  # noqa: PLR2004 - quick below that
        for entry in entries:
            try:
                store.read(entry)
            except StorageError as error:
                if store.exists(entry):  # else delivered meanwhile
                    bad += 1
                    click.secho(f"{entry.target} {format_slot(entry.slot)}: {error}", fg="red", err=True)
    click.echo(f"{len(listing.entries) - bad} entries are whole, {bad} are not")
    if bad:
        raise click.exceptions.Exit(1)


for _command in (retry, export, drop):
    buffer.add_command(_command)
