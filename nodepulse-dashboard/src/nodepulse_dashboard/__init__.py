"""The reference receiver of NodePulse batches: checks them strictly, keeps them in SQLite, draws them.

This module is imported whenever `nodepulse` runs, so it brings in nothing but the hook.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nodepulse_core.hookspecs import hookimpl

if TYPE_CHECKING:
    import click

__version__ = "0.1.0"


@hookimpl
def nodepulse_commands() -> Iterable[click.Command]:
    """Register `nodepulse dashboard`."""
    from nodepulse_dashboard.command import dashboard  # noqa: PLC0415 - only whoever asks for commands pays for them

    yield dashboard
