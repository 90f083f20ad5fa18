"""The agent of the kit, where it does not run; tests/core/test_pytest_plugin.py has it run."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodepulse_core.testing.running_agent import running_agent


def test_an_agent_that_does_not_start_says_why(tmp_path: Path) -> None:
    """A wrong setting is in the error, both for who waits for the log and at the end."""
    agents = running_agent(tmp_path, {"shop": {"endpoint": "nowhere"}}, "http://127.0.0.1:1/in")
    with pytest.raises(AssertionError, match="'nowhere' is no URL"), agents as agent:
        agent.wait_for_log("never logged")
    again = running_agent(tmp_path, {"shop": {"endpoint": "nowhere"}}, "http://127.0.0.1:1/in")
    with pytest.raises(AssertionError, match="ended with status 78"), again as agent:
        agent.process.wait(30)
