"""Names that a shell completes. Nothing is said where they cannot be had: a Tab is no place for an error."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from nodepulse_core.cli.client import make_client
from nodepulse_core.cli.context import Context

_SECONDS = 1.0


def complete_exporters(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the installed exporters that begin so; none is imported."""
    return _beginning(incomplete, _find_exporters(ctx), "exporter")


def complete_targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the configured targets that begin so, and the installed exporters."""
    targets = _find_targets(ctx)
    others = [name for name in _find_exporters(ctx) if name not in targets]
    return [*_beginning(incomplete, targets, "target"), *_beginning(incomplete, others, "exporter")]


def complete_running(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the targets of the running agent that begin so, and were not declared in its file."""
    url = ctx.parent.params.get("url") if ctx.parent else None
    try:
        given = make_client(_make_context(ctx), url).ask("GET", "/api/exporters", seconds=_SECONDS)["exporters"]
        names = [each["name"] for each in given if each["origin"] != "file"]
    except Exception:  # noqa: BLE001 - whatever is wrong, a Tab says nothing
        return []
    return _beginning(incomplete, names, "target")


def _make_context(ctx: click.Context) -> Context:
    """Return what commands are given; while a shell completes, the root command has not made it."""
    config = ctx.find_root().params.get("config")
    return Context(config=None if config is None else Path(config), environ=os.environ)


def _find_exporters(ctx: click.Context) -> list[str]:
    try:
        return sorted(_make_context(ctx).host.exporter_names())
    except Exception:  # noqa: BLE001 - the same
        return []


def _find_targets(ctx: click.Context) -> list[str]:
    try:
        return [each.name for each in _make_context(ctx).examine().settings.exporters]
    except Exception:  # noqa: BLE001 - the same
        return []


def _beginning(incomplete: str, names: Iterable[str], what: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=what) for name in names if name.startswith(incomplete)]
