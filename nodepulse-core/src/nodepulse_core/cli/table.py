"""Rows as columns of text."""

from __future__ import annotations

from collections.abc import Sequence

import click


def write_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows under their columns' names, each column as wide as its longest cell; a cell may be styled."""
    widths = [max(len(click.unstyle(cell)) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    for index, row in enumerate([[name.upper() for name in columns], *rows]):
        padded = (cell + " " * (width - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=True))
        line = "  ".join(padded).rstrip()
        click.secho(line, bold=index == 0)
