"""Which buffer a command is about: the one of --path, or the configured one."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click
from attrs import frozen

from nodepulse_core.buffer import Store
from nodepulse_core.cli.context import Context
from nodepulse_core.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")


@frozen
class Place:
    """Where a buffer is, as far as the command line says it. The configuration is read once a command needs it."""

    ctx: click.Context
    path: Path | None

    def store(self) -> Store:
        """Return the buffer's files; raises ConfigError where only a configuration could tell which they are."""
        if self.path is not None:
            return Store(self.path)
        context = self.ctx.find_object(Context)
        if context is None:
            raise UsageError("buffer is a command of nodepulse")
        return Store(find_buffer_path(context))


def find_buffer_path(context: Context) -> Path:
    """Return the directory of the configured buffer."""
    from nodepulse_core.config import find_buffer, find_state_dir  # noqa: PLC0415 - not needed where --path is given

    settings = context.load().settings
    return find_buffer(settings, find_state_dir(settings, context.environ))


def on_store(command: Callable[Concatenate[Store, P], R]) -> Callable[P, R]:
    """Hand the chosen buffer's files to a command, once it runs: its help needs none."""

    @click.pass_obj
    def with_store(place: Place, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return command(place.store(), *args, **kwargs)

    return update_wrapper(with_store, command)
