"""`nodepulse plugins install` and `uninstall`: the right installer for this environment, told before it runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from nodepulse_core.cli.context import Context
from nodepulse_core.cli.installer import Command, Place, Source, environment_of, find_installer
from nodepulse_core.cli.requirement import Requirement, normalize, parse_requirement
from nodepulse_core.cli.uses import find_uses
from nodepulse_core.errors import NodePulseError, UsageError
from nodepulse_core.plugins import Installed

_KILLED = 128
_names = click.argument("names", nargs=-1, required=True, metavar="NAME…")
_dry_run = click.option("--dry-run", is_flag=True, help="Print the command, and run nothing.")


@click.command()
@_names
@click.option(
    "--find-links",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Take distributions from this folder too.",
)
@click.option("--no-index", is_flag=True, help="Ask no index: take them from --find-links only.")
@click.option("--upgrade", is_flag=True, help="Replace those that are there by newer ones.")
@_dry_run
@click.pass_obj
def install(
    context: Context, names: tuple[str, ...], *, find_links: Path | None, no_index: bool, upgrade: bool, dry_run: bool
) -> None:
    """Install plugins into the environment of this command.

    NAME is short, such as mysql, or a whole distribution whose name has nodepulse in it, each with [extra] or ==1.2.
    pip, uv or pipx does the work, whichever made this environment; the command is shown before it runs.

    Exit status: the installer's; 1 where it went well and the plugin is not there, or broken.
    """
    requirements = [parse_requirement(name) for name in names]
    source = Source(find_links, no_index, upgrade)
    _run(find_installer(Place.here()).install(requirements, source), dry_run=dry_run)
    if not dry_run:
        _say_what_is_there(context, requirements)


@click.command()
@_names
@click.option("--yes", is_flag=True, help="Do not ask.")
@_dry_run
@click.pass_obj
def uninstall(context: Context, names: tuple[str, ...], *, yes: bool, dry_run: bool) -> None:
    """Remove plugins from the environment of this command.

    NAME is a distribution, its short name, or that of an exporter or plugin, as `nodepulse plugins list` has them.

    Exit status: the installer's; 2 where nothing of that name is installed.
    """
    chosen = {normalize(each.distribution): each for name in names for each in _find(context, name)}
    distributions = sorted(chosen)
    command = find_installer(Place.here()).uninstall(distributions)
    if not dry_run:
        _ask(context, distributions, yes=yes)
    _run(command, dry_run=dry_run)
    if not dry_run:
        context.host.refresh()
        left = {normalize(each.distribution) for each in context.host.installed} & set(distributions)
        if left:
            raise NodePulseError(f"{', '.join(sorted(left))} is still there, although the installer ended well")
        click.echo(
            f"removed: {', '.join(distributions)}; a running agent keeps what it has loaded until it is restarted"
        )


def _find(context: Context, name: str) -> list[Installed]:
    """Return the plugins of a distribution that is named whole, short, or by one of its plugins."""
    whole = parse_requirement(name).name
    wanted = {whole, normalize(name)}
    found = [each for each in context.host.installed if normalize(each.distribution) in wanted or each.name == name]
    if not found:
        known = ", ".join(sorted({each.distribution for each in context.host.installed})) or "none"
        raise UsageError(f"no plugin {name!r} is installed; installed are: {known}")
    return found


def _ask(context: Context, distributions: Sequence[str], *, yes: bool) -> None:
    """Say what goes and who uses it, and ask; raises UsageError where there is nobody to ask."""
    uses = find_uses(context).by_type()
    for each in context.host.installed:
        if normalize(each.distribution) in distributions:
            users = ", ".join(uses.get(each.name, ()))
            click.echo(f"{each.name} of {each.origin}" + (f", used by {users}" if users else ""), err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked whether to remove them; say --yes")
    click.confirm(f"Remove {', '.join(distributions)}?", abort=True, err=True)


def _run(command: Command, *, dry_run: bool) -> None:
    """Tell a command and run it, its output as it comes; exits with its status where that is not 0."""
    click.echo(str(command), err=not dry_run)
    if dry_run:
        return
    try:
        ended = subprocess.run(command.words, env=environment_of(command), check=False)  # noqa: S603 - words are checked
    except OSError as error:
        raise NodePulseError(f"cannot run {command.words[0]}: {error.strerror}") from error
    if ended.returncode:
        raise click.exceptions.Exit(ended.returncode if ended.returncode > 0 else _KILLED - ended.returncode)


def _say_what_is_there(context: Context, requirements: Sequence[Requirement]) -> None:
    """Say which plugins were brought, and what comes next; raises NodePulseError where one was not, or is broken."""
    host = context.host
    host.refresh()
    faults = []
    for requirement in requirements:
        brought = [each for each in host.installed if normalize(each.distribution) == requirement.name]
        if not brought:
            faults.append(f"{requirement.name} is installed, and brings no plugin that this Python sees ({sys.prefix})")
        for each in brought:
            if error := host.error(each):
                faults.append(f"{each.name} of {each.origin} is broken: {error}")
            else:
                click.echo(f"{each.name} of {each.origin} is there; next: nodepulse plugins show {each.name}")
    if faults:
        raise NodePulseError("; ".join(faults))
