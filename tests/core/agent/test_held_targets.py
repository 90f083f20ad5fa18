"""The targets that are isolated after they have held the event loop for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from nodepulse_core.agent.held_targets import HeldTargets
from nodepulse_core.plugins import EXPORTERS, Installed

PLUGIN = Installed("odd_exporter", EXPORTERS, "odd_module", "odd", "1.2")


def test_they_are_kept_for_the_version_that_did_it(tmp_path: Path) -> None:
    """After a restart they are there, readable by the agent's user only; with another version they are not."""
    held = HeldTargets(tmp_path)
    held.add("one", PLUGIN)
    HeldTargets(tmp_path).add("two", PLUGIN)
    assert HeldTargets(tmp_path).find([PLUGIN]) == {"one", "two"}
    assert HeldTargets(tmp_path).find([evolve(PLUGIN, version="1.3")]) == frozenset()
    assert HeldTargets(tmp_path).find([]) == frozenset()
    assert held.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"one": 1}', b'{"one": ["odd"]}', b"\xff", b"[" * 10_000])
def test_what_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that was damaged keeps the agent from nothing; the next note replaces it."""
    held = HeldTargets(tmp_path)
    held.path.write_bytes(content)
    assert held.find([PLUGIN]) == frozenset()
    held.add("one", PLUGIN)
    assert held.find([PLUGIN]) == {"one"}
