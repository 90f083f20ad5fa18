"""`nodepulse service`: the agent as a service of systemd."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

import nodepulse_core
from nodepulse_core.cli.account import USER, ensure_account
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.replacement import replace_file
from nodepulse_core.cli.systemd import UNIT, UNIT_PATH, Systemd
from nodepulse_core.cli.unit import find_hidden, make_unit
from nodepulse_core.config import SHARED_STATE
from nodepulse_core.config_file import SHARED_CONFIG
from nodepulse_core.errors import NodePulseError

_ELSEWHERE = "make an environment that it can see: python3 -m venv /opt/nodepulse"
_CONFIG_ELSEWHERE = f"move it to {SHARED_CONFIG}"


@click.group()
def service() -> None:
    """Run the agent as a service of systemd: hardened, watched, and started at boot.

    `nodepulse setup` comes first. docs/service.md says what the service may, and how to let it do more.
    """


@service.command()
@click.option("--dry-run", is_flag=True, help="Print the unit, and change nothing.")
@click.pass_obj
def install(context: Context, *, dry_run: bool) -> None:
    """Write the unit, and have it start at boot; can be called again, after an upgrade for instance.

    The service runs this very installation, as the user nodepulse, on /etc/nodepulse/nodepulse.yml or what --config
    names. Exit status: 0 done, 1 it cannot be, 78 the configuration is wrong.
    """
    config = (context.config or SHARED_CONFIG).absolute()
    program = _find_program()
    unit = make_unit([*program, "--config", str(config), "start"])
    hidden = find_hidden([Path(program[0]), Path(sys.base_prefix), Path(nodepulse_core.__file__), config])
    lacks = [
        f"the service cannot see {path}: the unit hides {place} from it; "
        + (_CONFIG_ELSEWHERE if path == config else _ELSEWHERE)
        for path, place in hidden.items()
    ]
    if dry_run:
        for lack in lacks:
            click.secho(f"warning: {lack}", fg="yellow", err=True)
        click.echo(unit, nl=False)
        return
    systemd = Systemd.find()
    _need_root("install")
    if lacks:
        raise NodePulseError("\n".join(lacks))
    _check_configuration(context, config)
    _, group = ensure_account(SHARED_STATE)
    _warn_of_unreadable(config, group)
    _write_unit(unit)
    systemd.reload()
    systemd.enable()
    click.echo(f"{UNIT_PATH} is there, and starts at boot")
    click.echo("next: nodepulse service start, or restart where it runs" if systemd.booted else "it starts at boot")


@service.command()
@click.pass_obj
def uninstall(context: Context) -> None:
    """End the service and remove its unit; configuration, state and user stay."""
    del context
    systemd = Systemd.find()
    _need_root("uninstall")
    if not UNIT_PATH.exists():
        click.echo(f"{UNIT_PATH} is not there: nothing to do")
        return
    systemd.disable()
    try:
        UNIT_PATH.unlink()
    except OSError as error:
        raise NodePulseError(f"cannot remove {UNIT_PATH}: {error.strerror}") from error
    systemd.reload()
    click.echo(f"{UNIT} is gone; {SHARED_CONFIG.parent}, {SHARED_STATE} and the user {USER} stay")


def _verb(name: str, text: str) -> Callable[[], None]:
    def run() -> None:
        systemd = Systemd.find()
        _need_root(name)
        systemd.must(name)
        click.echo(f"{name}: done; see: nodepulse status")

    run.__doc__ = text
    return service.command(name)(run)


_verb("start", "Start the service; returns once the agent works.")
_verb("stop", "End the service; what is complete is delivered for at most 5 s.")
_verb("restart", "End the service and start it anew, with another version for instance.")


@service.command()
def status() -> None:
    """Show what systemd knows of the service, and its last log lines; the exit status is systemctl's."""
    raise click.exceptions.Exit(Systemd.find().run("status", "--no-pager", "--full"))


def _find_program() -> list[str]:
    """Return the command of this very installation, as absolute words."""
    beside = Path(sys.executable).parent / "nodepulse"
    return [str(beside)] if os.access(beside, os.X_OK) else [sys.executable, "-m", "nodepulse_core"]


def _need_root(verb: str) -> None:
    if os.geteuid() != 0:
        raise NodePulseError(f"nodepulse service {verb} needs root: sudo {_find_program()[0]} service {verb}")


def _check_configuration(context: Context, config: Path) -> None:
    """Raise ConfigError with all that is wrong with it, and NodePulseError where it is not there."""
    if not config.exists():
        raise NodePulseError(f"{config} is not there; write it with: nodepulse setup --endpoint-url URL")
    named = Context(config=config, environ=context.environ)
    named.targets(named.examine(), named.make_registry())


def _warn_of_unreadable(config: Path, group: int) -> None:
    found = config.stat()
    if not (found.st_mode & 0o004 or (found.st_gid == group and found.st_mode & 0o040)):
        mend = f"chgrp {USER} {config} && chmod 640 {config}"
        click.secho(f"warning: the user {USER} cannot read {config}; mend it with: {mend}", fg="yellow", err=True)


def _write_unit(unit: str) -> None:
    try:
        UNIT_PATH.parent.mkdir(parents=True, exist_ok=True)
        replace_file(UNIT_PATH, unit.encode(), 0o644)
    except OSError as error:
        raise NodePulseError(f"cannot write {UNIT_PATH}: {error.strerror}") from error
