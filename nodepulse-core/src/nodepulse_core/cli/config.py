"""`nodepulse config`: check, show, write and migrate the configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from nodepulse_core import config as configuration
from nodepulse_core.cli.context import Context
from nodepulse_core.cli.table import write_table
from nodepulse_core.errors import NodePulseError
from nodepulse_core.plugins import Registry

_ENDPOINT = "http://localhost:8089/metrics/prometheus"


@click.group()
def config() -> None:
    """Check, show, write and migrate the configuration."""


@config.command()
@click.pass_obj
def check(context: Context) -> None:
    """Say all that is wrong with the configuration, one problem a line.

    Exit status: 0 all is well, 78 something is wrong.
    """
    loaded = context.load()
    made = context.targets(loaded, Registry(context.host))
    names = ", ".join(f"{target.name} ({target.type})" for target in made.targets) or "none"
    click.echo(f"{loaded.document.source}: all is well; {len(made.targets)} targets: {names}")


@config.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list of objects: path, value, origin.")
@click.pass_obj
def show(context: Context, *, as_json: bool) -> None:
    """Show every value, and where it is from; secrets are masked.

    Durations are in seconds, sizes in bytes.
    """
    rows = configuration.show(context.load())
    if as_json:
        click.echo(json.dumps([{"path": row.path, "value": row.value, "origin": row.origin} for row in rows], indent=2))
    else:
        write_table(("key", "value", "from"), [(row.path, _write(row.value), row.origin) for row in rows])


def _write(value: Any) -> str:
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)


@config.command()
@click.argument("path", type=click.Path(path_type=Path), default="nodepulse.yml")
@click.option("--endpoint", default=_ENDPOINT, show_default=True, help="The dashboard's URL.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_obj
def init(context: Context, path: Path, endpoint: str, *, force: bool) -> None:
    """Write a commented configuration with the installed exporters to PATH (nodepulse.yml)."""
    text = configuration.starter(endpoint, context.host.exporter_names())
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, flags, 0o600), "w") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise NodePulseError(f"{path} is there already, and stays as it is; --force replaces it") from error
    except OSError as error:
        raise NodePulseError(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"wrote {path}; next: nodepulse --config {path} config check, then nodepulse --config {path} start")


@config.command()
@click.option("--write", is_flag=True, help="Rewrite the file in place, and keep the old one as FILE.bak.")
@click.pass_obj
def migrate(context: Context, *, write: bool) -> None:
    """Rewrite a configuration of version 2.0 to the present form; comments are kept.

    Without --write the new form goes to standard output.
    """
    path = configuration.find_config(context.config, context.environ)
    configuration.load_settings(path, context.environ)
    text = configuration.migrate(path.read_text(encoding="utf-8-sig"))
    if text is None:
        click.echo(f"{path} is in the present form already", err=True)
    elif not write:
        click.echo(text, nl=False)
    else:
        backup = path.with_name(path.name + ".bak")
        if backup.exists():
            raise NodePulseError(f"{backup} is there already; move it away, then migrate again")
        mode = path.stat().st_mode & 0o777
        temporary = path.with_name(f".{path.name}.new")
        try:
            temporary.touch(mode)
            temporary.write_text(text, encoding="utf-8")
            os.link(path, backup)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise NodePulseError(f"cannot rewrite {path}: {error.strerror}; it is as it was") from error
        click.echo(f"rewrote {path}; the old one is {backup}")
