"""`nodepulse setup`: a configuration, a place for what is kept, and a user to run as, in one command."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
from attrs import frozen

from nodepulse_core import config as configuration
from nodepulse_core.cli.account import USER, ensure_account
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.replacement import replace_file
from nodepulse_core.config_file import SHARED_CONFIG
from nodepulse_core.errors import NodePulseError


@frozen
class _Place:
    """Where all goes, and whose it is; `owner` is None where it is this user's."""

    config: Path
    state: Path
    owner: tuple[int, int] | None

    @property
    def file_mode(self) -> int:
        """The mode of the configuration: the service may read it, and only root may write it."""
        return 0o600 if self.owner is None else 0o640

    @property
    def group(self) -> tuple[int, int] | None:
        """User and group of the configuration."""
        return None if self.owner is None else (0, self.owner[1])


def _check(check: Callable[[str], str | None]) -> Callable[..., str | None]:
    def callback(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        try:
            return None if value is None else check(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return callback


@click.command()
@click.option(
    "--endpoint-url",
    required=True,
    metavar="URL",
    callback=_check(configuration.check_url),
    help="The dashboard's URL, where batches are sent.",
)
@click.option(
    "--server-id",
    metavar="ID",
    callback=_check(configuration.check_server_id),
    help="What the dashboard knows this server by; by default a new id is made at the first start, and kept.",
)
@click.option("--force", is_flag=True, help="Replace a configuration that says otherwise; it is kept as FILE.bak.")
@click.pass_obj
def setup(context: Context, endpoint_url: str, server_id: str | None, *, force: bool) -> None:
    """Make ready what the agent needs: its configuration, its state directory, and its user.

    As root that is /etc/nodepulse/nodepulse.yml (0640), /var/lib/nodepulse and the user nodepulse, for the service;
    as anybody else ~/.nodepulse/nodepulse.yml and a directory of the user's. --config names another file. The
    configuration lists the installed exporters. What is there already stays: it can be called again and again.

    Exit status: 0 all is ready, 1 something cannot be made or says otherwise, 78 the configuration is wrong.
    """
    try:
        place = _find_place(context)
        _make_directory(place.config.parent, 0o750 if place.owner else 0o700, place.group)
        _make_directory(place.state, 0o700, place.owner)
        _configure(context, place, endpoint_url, server_id, force=force)
    except OSError as error:
        raise NodePulseError(f"cannot make {error.filename}: {error.strerror}; nothing after it was made") from error
    click.echo(f"state          {place.state}")
    if place.owner is not None:
        click.echo(f"user           {USER}")
    named = "" if context.config is None else f" --config {place.config}"
    click.echo(f"next           nodepulse{named} " + ("start" if place.owner is None else "service install"))


def _find_place(context: Context) -> _Place:
    if os.geteuid() == 0:
        state = configuration.SHARED_STATE
        return _Place(context.config or SHARED_CONFIG, state, ensure_account(state))
    home = Path(context.environ.get("HOME") or Path.home())
    state = Path(context.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "nodepulse"
    return _Place(context.config or home / ".nodepulse" / "nodepulse.yml", state, None)


def _make_directory(path: Path, mode: int, owner: tuple[int, int] | None) -> None:
    """Make a directory; one that is there keeps its owner and mode, since others may have their reasons."""
    if path.is_dir():
        return
    path.mkdir(parents=True)
    if owner is not None:
        os.chown(path, *owner)
    path.chmod(mode)


def _configure(context: Context, place: _Place, url: str, server_id: str | None, *, force: bool) -> None:
    """Write the configuration, unless it is there and says the same."""
    path = place.config
    if os.path.lexists(path):
        loaded = configuration.load_settings(path, context.environ)
        settings = loaded.settings
        told = {"server.endpoint": url, "agent.server_id": server_id}
        kept = {"server.endpoint": settings.server.endpoint, "agent.server_id": settings.agent.server_id}
        differing = [key for key, value in told.items() if value is not None and value != kept[key]]
        if not differing:
            click.echo(f"configuration  {path} is there already, and stays as it is")
            return
        if not force:
            said = "; ".join(f"{key} is {kept[key] or 'not set'}, not {told[key]}" for key in differing)
            raise NodePulseError(f"{path} is there already: {said}; edit it, or replace it by --force")
        _keep(path)
    exporters = [(name, None, None) for name in context.host.exporter_names()]
    replace_file(path, configuration.starter(url, exporters, server_id).encode(), place.file_mode, place.group)
    click.echo(f"configuration  {path}: {', '.join(name for name, _, _ in exporters) or 'an example'}")


def _keep(path: Path) -> None:
    backup = path.with_name(path.name + ".bak")
    try:
        os.link(path, backup)
    except FileExistsError as error:
        raise NodePulseError(f"{backup} is there already; move it away, then try again") from error
    click.echo(f"kept           {backup}")
