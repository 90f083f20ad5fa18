"""docs/security.md names, for each claim, a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT)))


@pytest.mark.parametrize("path", NAMED)
def test_a_test_that_is_named_is_there(path: str) -> None:
    """No claim refers to a test that was moved or removed."""
    assert (ROOT / path).is_file()


def test_every_claim_has_its_test() -> None:
    """Each row of a table of claims ends with a test, or with that of the row above."""
    tables = re.split(r"\n\n", TEXT)
    claims = [table.splitlines()[2:] for table in tables if table.startswith(("| claim |", "| what |"))]
    assert len(claims) == 4
    for row in (row for rows in claims for row in rows):
        last = row.rstrip("| ").rpartition("|")[2]
        assert "`tests/" in last or "the same" in last or last.strip() == "both", row
