"""`nodepulse buffer retry`, `export` and `drop`: what an operator does to a buffer while no agent runs on it."""

from __future__ import annotations

import contextlib
import io
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import click
from attrs import frozen

from nodepulse_core.buffer import Store, decode, locked, name_file
from nodepulse_core.cli.buffer_place import on_store
from nodepulse_core.errors import EntryError, NodePulseError, StorageError, UsageError
from nodepulse_core.model import Entry
from nodepulse_core.units import format_size, format_slot, parse_duration

Put = Callable[[Entry, str, bytes], None]
"""Takes an entry, its place in an export, and its file's content."""


def _read_duration(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@frozen
class Chosen:
    """Which entries a command is about: of these targets, or all; older than so many seconds, or of any age."""

    targets: tuple[str, ...]
    older_than: float | None
    quarantined: bool

    @contextlib.contextmanager
    def held(self, store: Store) -> Iterator[list[Entry]]:
        """Hold the buffer's lock and give the chosen entries, oldest first; raises where an agent runs on it."""
        if not store.path.is_dir():
            raise NodePulseError(f"there is no buffer {store.path}; the agent makes it when it starts")
        with locked(store.path):
            listing = store.scan()
            entries = listing.quarantined if self.quarantined else listing.entries
            missing = set(self.targets) - {entry.target for entry in (*listing.entries, *listing.quarantined)}
            if missing:
                raise NodePulseError(f"no entries of {', '.join(sorted(missing))} are in {store.path}")
            yield sorted(entry for entry in entries if self._has(entry))

    def _has(self, entry: Entry) -> bool:
        of_target = not self.targets or entry.target in self.targets
        return of_target and (self.older_than is None or entry.slot < time.time() - self.older_than)


_target = click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="Only this target's; may be repeated."
)
_older_than = click.option(
    "--older-than", metavar="DURATION", callback=_read_duration, help="Only entries of slots longer ago, like 2h or 3d."
)
_quarantine = click.option("--quarantine", is_flag=True, help="Quarantined entries instead of those that wait.")


@click.command()
@_target
@_older_than
@on_store
def retry(store: Store, targets: tuple[str, ...], older_than: float | None) -> None:
    """Put quarantined entries back into the queue; the agent delivers them after its next start.

    Refused while an agent runs on the buffer.
    """
    moved = kept = 0
    with Chosen(targets, older_than, quarantined=True).held(store) as entries:
        for entry in entries:
            try:
                store.release(entry)
                moved += 1
            except OSError as error:
                kept += 1
                _say(entry, f"stays quarantined: {error.strerror}")
    click.echo(f"{moved} entries wait again in {store.path}")
    if kept:
        raise click.exceptions.Exit(1)


@click.command()
@_target
@_older_than
@_quarantine
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def drop(
    store: Store,
    targets: tuple[str, ...],
    older_than: float | None,
    *,
    quarantine: bool,
    everything: bool,
    yes: bool,
) -> None:
    """Remove entries for good, undelivered; asks before it does.

    Say which: --target, --older-than, both, or --all. Refused while an agent runs on the buffer.
    """
    if everything == bool(targets or older_than is not None):
        raise UsageError("say which entries to drop: --target, --older-than or both; or --all of them")
    failed = 0
    with Chosen(targets, older_than, quarantine).held(store) as entries:
        if not entries:
            click.echo(f"nothing to drop in {store.path}")
            return
        what = "quarantined entries" if quarantine else "entries that were never delivered"
        size = format_size(sum(entry.size for entry in entries))
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(f"{len(entries)} {what} ({size}) would be removed for good; say --yes for that")
            click.confirm(f"Remove {len(entries)} {what} ({size}) from {store.path} for good?", abort=True)
        remove = store.remove_quarantined if quarantine else store.remove
        for entry in entries:
            try:
                remove(entry)
            except OSError as error:
                failed += 1
                _say(entry, f"cannot be removed: {error.strerror}")
    click.echo(f"dropped {len(entries) - failed} {what}")
    if failed:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("destination", type=click.Path(path_type=Path, allow_dash=True))
@_target
@_older_than
@_quarantine
@on_store
def export(
    store: Store, destination: Path, targets: tuple[str, ...], older_than: float | None, *, quarantine: bool
) -> None:
    """Copy entries to DESTINATION: a new directory, a new .tar or .tar.gz, or - for a tar on standard output.

    An export has the layout of the buffer, TARGET/YYYYMMDD-HHMMSS-SERVER_ID.prom in UTC, and each file is Prometheus
    text 0.0.4 with timestamps, so any reader of that format reads it; a buffer that it is copied into delivers it.
    Nothing is removed. Refused while an agent runs on the buffer. Exit status 1 where an entry is not whole: that one
    is named and left out.
    """
    exported = left_out = 0
    with Chosen(targets, older_than, quarantine).held(store) as entries, _opened(destination) as put:
        for entry in entries:
            try:
                content = store.read_bytes(entry, quarantined=quarantine)
                if not quarantine:  # what is quarantined may be damaged: it is exported as it is
                    decode(entry, content)
            except (EntryError, StorageError) as error:
                left_out += 1
                _say(entry, f"left out: {error}")
                continue
            put(entry, f"{entry.target}/{name_file(entry.window)}", content)
            exported += 1
    click.echo(f"exported {exported} entries to {destination}", err=True)
    if left_out:
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def _opened(destination: Path) -> Iterator[Put]:
    """Open an export; raises NodePulseError where its destination is there already or cannot be written."""
    try:
        if str(destination) == "-":
            if sys.stdout.isatty():
                raise UsageError("a tar is not for a terminal; name a file, or pipe it")
            with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
                yield _into_tar(tar)
        elif destination.suffixes[-1:] == [".tar"] or destination.suffixes[-2:] == [".tar", ".gz"]:
            with destination.open("xb") as file, _tar(file, destination) as tar:
                yield _into_tar(tar)
        else:
            destination.mkdir(mode=0o700)
            yield _into_directory(destination)
    except FileExistsError as error:
        raise NodePulseError(f"{destination} is there already; nothing was exported") from error
    except OSError as error:
        raise NodePulseError(f"cannot export to {destination}: {error.strerror}; it is not complete") from error


def _tar(file: IO[bytes], path: Path) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w|gz" if path.suffix == ".gz" else "w|")


def _into_tar(tar: tarfile.TarFile) -> Put:
    def put(entry: Entry, place: str, content: bytes) -> None:
        about = tarfile.TarInfo(place)
        about.size, about.mtime, about.mode = len(content), entry.slot, 0o600
        tar.addfile(about, io.BytesIO(content))

    return put


def _into_directory(directory: Path) -> Put:
    def put(_: Entry, place: str, content: bytes) -> None:
        path = directory / place
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(content)

    return put


def _say(entry: Entry, what: str) -> None:
    click.secho(f"{entry.target} {format_slot(entry.slot)}: {what}", fg="yellow", err=True)
