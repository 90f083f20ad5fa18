"""What is remembered of fields over restarts, and what becomes of a file that is none."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from nodepulse_core.errors import NodePulseError
from nodepulse_core.field_memory import MOST_TARGETS, FieldMemory, MissingField, Remembered

KNOWN = Remembered(
    "pg", "http://localhost:1", frozenset({"pg_up", "pg_size"}), (MissingField("pg_size", 1_800_000_000, "gone"),)
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """All of it, also where the state directory is made first; the file is its user's alone."""
    memory = FieldMemory(tmp_path / "state")
    assert memory.read() == {}
    memory.write({"orders": KNOWN})
    assert FieldMemory(tmp_path / "state").read() == {"orders": KNOWN}
    file = tmp_path / "state" / "fields.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_missing_field_is_a_sentence() -> None:
    """It says which, since when, and why."""
    assert str(KNOWN.missing[0]) == "pg_size has been missing since 2027-01-15T08:00:00Z: gone"


def test_no_more_than_a_thousand_targets_are_remembered(tmp_path: Path) -> None:
    """The ones that were new longest ago are forgotten."""
    memory = FieldMemory(tmp_path)
    memory.write({str(number): KNOWN for number in range(MOST_TARGETS + 5)})
    assert list(memory.read()) == [str(number) for number in range(5, MOST_TARGETS + 5)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"no",
        b"\xff",
        b'{"a": 5}',
        b'{"a": {}}',
        b'{"a": {"type": "t", "endpoint": "", "seen": [], "missing": [5]}}',
    ],
)
def test_a_damaged_file_is_said_and_costs_nothing_else(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be read is learned again; the next write puts the file right."""
    (tmp_path / "fields.json").write_bytes(content)
    memory = FieldMemory(tmp_path)
    assert memory.read() == {}
    assert "fields.json: it holds no fields; which fields targets had is learned again" in caplog.text
    memory.write({"orders": KNOWN})
    assert memory.read() == {"orders": KNOWN}


def test_a_directory_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(NodePulseError, match=r"cannot keep which fields targets have in .*fields.json: "):
        FieldMemory(tmp_path / "state").write({"orders": KNOWN})
