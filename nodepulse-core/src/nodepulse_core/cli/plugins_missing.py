"""`nodepulse plugins missing`: what the configuration needs and is not installed."""

from __future__ import annotations

import click

from nodepulse_core.cli.context import Context
from nodepulse_core.cli.uses import read_uses
from nodepulse_core.plugins import Registry, name_distribution


@click.command()
@click.pass_obj
def missing(context: Context) -> None:
    """Print what the configuration needs and is not installed, as one line for pip.

    A target that has an endpoint and no type works without its plugin: its text is sent raw. Where its name is that of
    an exporter, that is said, and is not missing.

    Exit status: 0 nothing is missing, 1 something is, 78 the configuration cannot be read.
    """
    from nodepulse_core.config import near_miss  # noqa: PLC0415 - YAML is read only where it is needed

    settings = context.read().settings
    found = read_uses(settings, context.environ)
    if found.unknown:
        click.secho(f"warning: not all targets are known: {found.unknown}", fg="yellow", err=True)
    installed = {each.name for each in context.host.installed if each.is_exporter}  # be it disabled or not
    known = sorted({*Registry(context.host).names(), *installed})
    wanted: list[str] = []
    mistaken = 0
    for use in found.uses:
        if use.type in known:
            continue
        if use.optional:
            if use.type.endswith("_exporter"):
                plugin = name_distribution(use.type)
                click.echo(f"{use.target} is sent as raw text; with {plugin} it would be a snapshot", err=True)
        elif near := near_miss(use.type, known):
            mistaken += 1
            click.secho(f"{use.target}: there is no exporter {use.type!r}; did you mean {near!r}?", fg="red", err=True)
        else:
            wanted.append(name_distribution(use.type))
            click.echo(f"{use.target} needs {use.type}", err=True)
    sender = settings.server.sender
    if sender != "dashboard" and not _has_sender(context, sender):
        mistaken += 1
        click.secho(f"server.sender: no plugin that is installed brings {sender!r}", fg="red", err=True)
    if wanted:
        click.echo(f"pip install {' '.join(dict.fromkeys(wanted))}")
    if wanted or mistaken:
        raise click.exceptions.Exit(1)
    click.echo("nothing is missing", err=True)


def _has_sender(context: Context, name: str) -> bool:
    context.host.load_behaviour()
    return name in context.host.senders(context.read().settings.server.destination())
