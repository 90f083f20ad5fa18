"""`nodepulse plugins check [NAME|PATH]`: whether a plugin keeps to all that the agent relies on."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from nodepulse_core.cli.context import Context
from nodepulse_core.cli.names import complete_exporters
from nodepulse_core.errors import UsageError
from nodepulse_core.plugins import EXPORTERS, Installed

if TYPE_CHECKING:
    from nodepulse_core.testing.project import Project
    from nodepulse_core.testing.verdict import Verdict

_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", "yellow")}
_Found = tuple[Installed, "Project | None"]


@click.command()
@click.argument("plugin", metavar="[NAME|PATH]", required=False, shell_complete=complete_exporters)
@click.option(
    "--recorded",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What its exporter answered; by default the source tree's tests/*.prom. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list of plugins, with a verdict for each check.")
@click.pass_obj
def check(context: Context, plugin: str | None, *, recorded: tuple[Path, ...], as_json: bool) -> None:
    """Check whether a plugin keeps to all that the agent relies on.

    NAME is an installed plugin, PATH the folder of one's pyproject.toml, which need not be installed. Without either,
    all installed plugins are checked. Servers that misbehave are started on 127.0.0.1 for it; nothing else is asked.

    Exit status: 0 all checks passed or were skipped, 1 a check failed, 2 there is no such plugin.
    """
    judged: list[tuple[Installed, list[Verdict]]] = []
    for found, project in _find(context, plugin):
        with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is no part of the verdict
            verdicts = _judge(context, found, project, recorded)
        judged.append((found, verdicts))
        if not as_json:
            _write(found, verdicts)
    if as_json:
        click.echo(json.dumps([_describe(*each) for each in judged], indent=2, ensure_ascii=False))
    if any(each.status == "failed" for _, verdicts in judged for each in verdicts):
        raise click.exceptions.Exit(1)


def _find(context: Context, name: str | None) -> Iterator[_Found]:
    from nodepulse_core.testing.project import read_project  # noqa: PLC0415 - the kit, for this command only

    installed = context.host.installed
    if name is None:
        enabled = [each for each in installed if each.name not in context.host.disabled]
        if not enabled:
            raise UsageError("no plugin is installed; give the folder of one, as in: nodepulse plugins check .")
        yield from ((each, None) for each in enabled)
        return
    named = [each for each in installed if each.name == name]
    if named:
        yield from ((each, None) for each in named)
        return
    if not Path(name).is_dir():
        known = ", ".join(sorted({each.name for each in installed})) or "none"
        raise UsageError(f"{name!r} is neither a folder nor an installed plugin; installed are: {known}")
    project = read_project(Path(name))
    yield from ((each, project) for each in project.plugins)


def _judge(context: Context, plugin: Installed, project: Project | None, recorded: tuple[Path, ...]) -> list[Verdict]:
    from nodepulse_core.testing.checks import EXPORTER_CHECKS, PLUGIN_CHECKS  # noqa: PLC0415 - the same
    from nodepulse_core.testing.subject import Subject  # noqa: PLC0415 - the same
    from nodepulse_core.testing.verdict import judge_all  # noqa: PLC0415 - the same

    texts = recorded or (project.recorded(plugin.name) if project else ())
    readme = project.readme if project else None
    subject = Subject(plugin, project, readme, texts, others=context.host.installed)
    checks = EXPORTER_CHECKS if plugin.group == EXPORTERS else PLUGIN_CHECKS
    with project.importable() if project else contextlib.nullcontext():
        return judge_all(checks, subject)


def _write(plugin: Installed, verdicts: list[Verdict]) -> None:
    click.secho(f"{plugin.name} of {plugin.origin}", bold=True)
    for each in verdicts:
        mark, color = _MARKS[each.status]
        said = f": {each.message}" if each.status == "skipped" else ""
        click.echo(f"  {click.style(mark, fg=color)} {each.sentence}{said}")
        if each.status == "failed":
            click.echo(f"      {each.message}\n      → {each.remedy}")
    counts = {status: sum(each.status == status for each in verdicts) for status in _MARKS}
    click.echo(", ".join(f"{count} {status}" for status, count in counts.items() if count))


def _describe(plugin: Installed, verdicts: list[Verdict]) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "status": "failed" if any(each.status == "failed" for each in verdicts) else "passed",
        "checks": [attrs.asdict(each) for each in verdicts],
    }
