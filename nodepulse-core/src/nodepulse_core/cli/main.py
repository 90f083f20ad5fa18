"""The root command: finds subcommands without importing all of them, and turns errors into sentences."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from nodepulse_core import __version__
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import ConfigError, NodePulseError

_BUILT_IN = {
    "start": ("nodepulse_core.cli.start", "Run the agent in the foreground."),
    "status": ("nodepulse_core.cli.status", "Show the agent and its buffer, as far as files tell it."),
    "plugins": ("nodepulse_core.cli.plugins", "Show the installed plugins."),
    "config": ("nodepulse_core.cli.config", "Check, show, write and migrate the configuration."),
    "scrape": ("nodepulse_core.cli.scrape", "Scrape one target once, to standard output."),
    "buffer": ("nodepulse_core.cli.buffer", "Look into the buffer."),
    "demo": ("nodepulse_core.cli.demo", "Run agent, dashboard and a page to look at, on this machine only."),
}


class _Commands(click.Group):
    """Built-in commands by name, each imported when it is called; any other is asked of the plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_BUILT_IN, *sorted(self._from_plugins(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _BUILT_IN:
            module = importlib.import_module(_BUILT_IN[cmd_name][0])
            command: click.Command = getattr(module, cmd_name)
            return command
        return self._from_plugins(ctx).get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands; the built-in ones are not imported for it."""
        rows = [(name, summary) for name, (_, summary) in _BUILT_IN.items()]
        brought = sorted(self._from_plugins(ctx).items())
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        if brought:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, command.get_short_help_str(limit=80)) for name, command in brought])

    def _from_plugins(self, ctx: click.Context) -> dict[str, click.Command]:
        host = _context(ctx).host
        host.load_behaviour()
        commands: dict[str, click.Command] = {}
        for origin, command in host.collect("nodepulse_commands"):
            if not isinstance(command, click.Command) or not command.name:
                click.secho(f"warning: {origin.name} of {origin.origin} brings {command!r}, no command", err=True)
            elif command.name in _BUILT_IN or command.name in commands:
                click.secho(f"warning: {command.name!r} of {origin.origin} is there already; not used", err=True)
            else:
                commands[command.name] = command
        return commands


def _context(ctx: click.Context) -> Context:
    if not isinstance(ctx.obj, Context):
        ctx.obj = Context(config=ctx.params.get("config"), environ=os.environ)
    return ctx.obj


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="The configuration; by default the first one found.")
@click.version_option(__version__, prog_name="nodepulse", message="%(prog)s %(version)s")
@click.pass_context
def nodepulse(ctx: click.Context, config: Path | None) -> None:
    """Scrape exporters, keep every scrape on disk, deliver in batches."""
    ctx.obj = Context(config=config, environ=os.environ)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration."""
    color = False if os.environ.get("NO_COLOR") else None
    try:
        nodepulse.main(arguments, prog_name="nodepulse", standalone_mode=False, color=color)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_status)
    except NodePulseError as error:
        click.echo(f"nodepulse: {error}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
