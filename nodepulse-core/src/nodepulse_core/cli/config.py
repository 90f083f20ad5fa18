"""`nodepulse config`: check, show, write and migrate the configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from nodepulse_core import config as configuration
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.replacement import replace_file
from nodepulse_core.cli.table import write_table
from nodepulse_core.config_file import find_config, read_content
from nodepulse_core.errors import NodePulseError

_ENDPOINT = "http://localhost:8089/metrics/prometheus"


@click.group()
def config() -> None:
    """Check, show, write and migrate the configuration."""


@config.command()
@click.pass_obj
def check(context: Context) -> None:
    """Say all that is wrong with the configuration, one problem a line.

    Nothing is started, and no target is asked. Warnings, such as of secret files that others may read, change
    nothing. Exit status: 0 all is well, 78 something is wrong.
    """
    loaded = context.examine()
    made = context.targets(loaded, context.make_registry())
    names = ", ".join(
        target.name if target.name == target.type else f"{target.name} ({target.type})" for target in made.targets
    )
    count = f"{len(made.targets)} target{'' if len(made.targets) == 1 else 's'}"
    click.echo(f"{loaded.document.source}: all is well; {count}{f': {names}' if names else ''}")


@config.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects: path, value, origin.")
@click.pass_obj
def show(context: Context, *, as_json: bool) -> None:
    """Show every value, and where it is from.

    Secrets are masked, and what the environment holds is shown as `${VAR}`.
    """
    rows = configuration.show(context.load())
    if as_json:
        click.echo(json.dumps([{"path": row.path, "value": row.value, "origin": row.origin} for row in rows], indent=2))
    else:
        write_table(("key", "value", "from"), [(row.path, _write(row.value), row.origin) for row in rows])


def _write(value: Any) -> str:
    return "-" if value is None or value == {} else value if isinstance(value, str) else json.dumps(value)


@config.command()
def schema() -> None:
    """Write the configuration's JSON Schema, with which editors complete and check it.

    Save it, and put this at the top of the configuration: # yaml-language-server: $schema=nodepulse.schema.json
    """
    click.echo(json.dumps(configuration.make_schema(), indent=2))


@config.command()
@click.argument("path", type=click.Path(path_type=Path), default="nodepulse.yml")
@click.option("--endpoint", default=_ENDPOINT, show_default=True, help="The dashboard's URL.")
@click.option("--from-discovery", is_flag=True, help="With what answers on this machine, instead of what is installed.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_obj
def init(context: Context, path: Path, endpoint: str, *, from_discovery: bool, force: bool) -> None:
    """Write a commented configuration with the installed exporters to PATH (nodepulse.yml)."""
    try:
        configuration.check_url(endpoint)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--endpoint") from error
    if os.path.lexists(path) and not force:
        raise NodePulseError(f"{path} is there already, and stays as it is; --force replaces it")
    text = configuration.starter(endpoint, _find_targets(context, from_discovery=from_discovery))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode(), 0o600)
    except OSError as error:
        raise NodePulseError(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"wrote {path}; next: nodepulse --config {path} config check, then nodepulse --config {path} start")


def _find_targets(context: Context, *, from_discovery: bool) -> list[tuple[str, str | None, str | None]]:
    if not from_discovery:
        return [(name, None, None) for name in context.host.exporter_names()]
    from nodepulse_core.cli.discover import find  # noqa: PLC0415 - HTTP costs every other command

    found, looked = find(context, None)
    if not found:
        ports = ", ".join(map(str, looked))
        raise NodePulseError(f"nothing answers as an exporter on this machine, at ports {ports}; nothing is written")
    return [(each.name, each.type, each.endpoint) for each in found]


@config.command()
@click.option("--write", is_flag=True, help="Rewrite the file in place, and keep the old one as FILE.bak.")
@click.pass_obj
def migrate(context: Context, *, write: bool) -> None:
    """Rewrite a configuration of version 2.0 to the present form; comments are kept.

    Without --write the new form goes to standard output.
    """
    path = find_config(context.config, context.environ).resolve()
    document = read_content(path)
    migrated = configuration.migrate(document, str(path))
    if migrated is None:
        click.echo(f"{path} is in the present form already", err=True)
    elif not write:
        click.echo(migrated, nl=False)
    else:
        backup = path.with_name(path.name + ".bak")
        try:
            os.link(path, backup)
        except FileExistsError as error:
            raise NodePulseError(f"{backup} is there already; move it away, then migrate again") from error
        except OSError as error:
            raise NodePulseError(f"cannot keep {path} as {backup}: {error.strerror}; it is as it was") from error
        try:
            replace_file(path, migrated, path.stat().st_mode & 0o777)
        except OSError as error:
            backup.unlink()
            raise NodePulseError(f"cannot rewrite {path}: {error.strerror}; it is as it was") from error
        click.echo(f"rewrote {path}; the old one is {backup}")
