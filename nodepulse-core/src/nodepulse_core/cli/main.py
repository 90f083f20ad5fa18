"""The root command: finds subcommands without importing all of them, and turns errors into sentences."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from nodepulse_core import __version__
from nodepulse_core.cli.commands import BUILT_IN, find_commands, import_built_in
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import ConfigError, NodePulseError
from nodepulse_core.logs import log_to_stderr
from nodepulse_core.plugins import Installed

_INTERRUPTED = 130
_Brought = dict[str, tuple[Installed, click.Command]]


class _Commands(click.Group):
    """Built-in commands by name, each imported when it is called; any other is asked of the plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*BUILT_IN, *sorted(_find_brought(ctx))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in BUILT_IN:
            return import_built_in(cmd_name)
        brought = _find_brought(ctx).get(cmd_name)
        return brought[1] if brought else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is asked for; says which one is near where there is none of that name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "A plugin that brings it may not be installed."
            raise click.UsageError(f"No such command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands; the built-in ones are not imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(BUILT_IN.items()))
        brought = sorted(_find_brought(ctx).items())
        if brought:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, command.get_short_help_str(limit=80)) for name, (_, command) in brought])

    def invoke(self, ctx: click.Context) -> None:
        """Run the subcommand; the traceback of a defect in a plugin's command ends with whose it is.

        Returns nothing, whatever the subcommand returns: what click's `main` returns is then an exit status, or None.
        """
        try:
            super().invoke(ctx)
        except Exception as error:
            if (name := ctx.invoked_subcommand) and name not in BUILT_IN:
                plugin, _ = _find_brought(ctx)[name]
                error.add_note(f"the command {name!r} is of {plugin.origin}, a plugin: please tell its authors")
            raise


def _find_brought(ctx: click.Context) -> _Brought:
    """Return the commands of plugins; they are asked once."""
    key = f"{__name__}.brought"
    if key not in ctx.meta:
        if not isinstance(ctx.obj, Context):  # --help comes before the command itself
            ctx.obj = Context(config=ctx.params.get("config"), environ=os.environ)
        ctx.obj.host.load_behaviour()
        ctx.meta[key] = find_commands(ctx.obj.host)
    brought: _Brought = ctx.meta[key]
    return brought


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="The configuration; by default the first one found.")
@click.version_option(__version__, prog_name="nodepulse", message="%(prog)s %(version)s")
@click.pass_context
def nodepulse(ctx: click.Context, config: Path | None) -> None:
    """Scrape exporters, keep every scrape on disk, deliver in batches."""
    ctx.obj = Context(config=config, environ=os.environ)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no "…" gets \u2026, and no traceback
            stream.reconfigure(errors="backslashreplace")
    log_to_stderr()
    color = False if os.environ.get("NO_COLOR") else None
    try:
        sys.exit(nodepulse.main(arguments, prog_name="nodepulse", standalone_mode=False, color=color))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_INTERRUPTED)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_status)
    except NodePulseError as error:
        click.echo(f"nodepulse: {error}", err=True)
        sys.exit(error.exit_status)
