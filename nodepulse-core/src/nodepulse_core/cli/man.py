"""`nodepulse man`: the manual page, made from the commands' own help."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from nodepulse_core import __version__

_ABOUT = """\
.SH NAME
nodepulse \\- metrics agent that loses nothing
.SH SYNOPSIS
.B nodepulse
[\\fB\\-\\-config\\fR \\fIFILE\\fR] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]
.SH DESCRIPTION
Scrapes Prometheus exporters, each at its own interval, keeps every scrape on disk, and delivers in batches to a
dashboard. What the dashboard cannot take now waits.
"""
_AFTER = """\
.SH FILES
.TP
.I /etc/nodepulse/nodepulse.yml
The configuration; else ~/.nodepulse/nodepulse.yml, else ./nodepulse.yml.
.TP
.I /var/lib/nodepulse
What is kept: the id, the buffer, targets that were added while it ran.
.SH ENVIRONMENT
.TP
.B NODEPULSE_CONFIG
The configuration, where \\-\\-config names none.
.TP
.B NODEPULSE_DISABLED_PLUGINS
Entry points that are not loaded, with commas or spaces between them.
.TP
.B NO_COLOR
Where it is set, nothing is coloured.
.SH EXIT STATUS
0 done, 1 failed, 2 wrong usage, 78 wrong configuration, 130 interrupted; what a command's own section says comes first.
.SH SIGNALS
\\fBnodepulse start\\fR ends in order at SIGTERM and SIGINT, at once at the second one, and reads its configuration
again at SIGHUP.
"""


@click.command()
@click.pass_context
def man(ctx: click.Context) -> None:
    """Print the manual page, made from the help of all commands, those of plugins included.

    To read it: nodepulse man | man -l -
    """
    root = ctx.find_root()
    click.echo(make_page(root.command, root), nl=False)


def make_page(root: click.Command, ctx: click.Context) -> str:
    """Return the page of a root command in the man macros of roff."""
    parts = [f'.TH NODEPULSE 1 "" "nodepulse {__version__}" "NodePulse"\n', _ABOUT, ".SH OPTIONS\n"]
    parts += _write_options(root, ctx)
    parts.append(".SH COMMANDS\n")
    parts += _write_commands(root, ctx)
    return "".join([*parts, _AFTER])


def _write_commands(command: click.Command, ctx: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        if inner is None or inner.hidden:
            continue
        below = click.Context(inner, info_name=name, parent=ctx)
        usage = " ".join([below.command_path, *inner.collect_usage_pieces(below)])
        yield f".SS {escape(usage)}\n"
        yield from _write_text(inner.help or "")
        yield from _write_options(inner, below)
        yield from _write_commands(inner, below)


def _write_text(text: str) -> Iterator[str]:
    for index, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        words = " ".join(paragraph.replace("\b", "").split())
        yield f"{'.PP' + chr(10) if index else ''}{escape(words)}\n"


def _write_options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and not (ctx.parent and "--help" in parameter.opts):  # every command has that one
            yield f".TP\n.B {escape(record[0])}\n{escape(' '.join(record[1].split()))}\n"


def escape(text: str) -> str:
    """Write a line so that roff takes every character for itself."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
