"""The end of an agent whose event loop is held for ever, as a process, and the start after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from nodepulse_core.agent.held_targets import HeldTargets
from nodepulse_core.cli.giving_up import find_held
from nodepulse_core.plugins import EXPORTERS, Installed

PLUGIN = Installed("odd_exporter", EXPORTERS, "odd_module", "odd", "1.2")
_END = """
import logging, sys
from pathlib import Path
from nodepulse_core.cli.giving_up import give_up
from nodepulse_core.agent.held_targets import HeldTargets
from nodepulse_core.watch.holders import Holder
from nodepulse_core.plugins import EXPORTERS, Installed
logging.basicConfig(format="%(message)s")
plugin = Installed("odd_exporter", EXPORTERS, "odd_module", "odd", "1.2")
give_up(HeldTargets(Path(sys.argv[1])), Holder(plugin, sys.argv[2] or None), 60.4)
"""


def end(state_dir: Path, target: str) -> str:
    """Return what an agent says as it gives up."""
    command = [sys.executable, "-c", _END, str(state_dir), target]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 70
    return ran.stderr.strip()


def test_it_ends_with_its_own_status_and_isolates_the_target(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    """The log names the plugin, and the next start finds the target and says why it is isolated."""
    assert end(tmp_path, "one") == (
        "the exporter odd_exporter of target one (odd 1.2) has held the event loop for 60 s, and nothing is scraped or "
        "sent; the agent ends with status 70. it is isolated from the next start on"
    )
    assert find_held(HeldTargets(tmp_path), [PLUGIN]) == {"one"}
    assert "one has held the event loop for ever, so its exporter runs in a process of its own now" in said.text


def test_a_hook_can_only_be_disabled(tmp_path: Path) -> None:
    """A plugin that was not scraping is named, with what can be done about it."""
    assert end(tmp_path, "").endswith("disable it (plugins.disabled)")
    assert find_held(HeldTargets(tmp_path), [PLUGIN]) == frozenset()


def test_a_note_that_cannot_be_kept_keeps_it_from_nothing(tmp_path: Path) -> None:
    """It ends all the same, and says so."""
    assert "it could not be noted for the next start" in end(tmp_path / "none", "one")
