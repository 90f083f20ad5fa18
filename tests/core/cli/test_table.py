"""Rows as columns of text."""

from __future__ import annotations

import pytest
from nodepulse_core.cli.table import write_table


def test_columns_are_as_wide_as_their_longest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """Each column is as wide as its longest cell, its name included; no line ends with spaces."""
    write_table(("a", "name", "last"), [("1", "x", ""), ("22", "longer", "z")])
    assert capsys.readouterr().out == "A   NAME    LAST\n1   x\n22  longer  z\n"


def test_a_table_without_rows_has_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    """The names of the columns are shown also where there is nothing below them."""
    write_table(("slot", "target"), [])
    assert capsys.readouterr().out == "SLOT  TARGET\n"
