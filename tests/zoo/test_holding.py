"""A plugin that blocks the event loop of an agent that runs: it is named while it does, and for some time after."""

from __future__ import annotations

import os
from pathlib import Path

from support.agents import agent_of
from support.plugins import Site
from zoo.animals import scrapes

NAPPING = scrapes("napping", "time.sleep(3.5); return b'up 1\\n'", "", "import time")


def test_it_is_named_in_log_health_and_metrics(tmp_path: Path) -> None:
    """The log names exporter, target, distribution and version, and what to do; health is degraded with it."""
    site = Site(tmp_path / "site")
    site.add("napping", exporters={NAPPING.exporter: "napping_module"}, napping_module=NAPPING.module)
    config = tmp_path / "nodepulse.yml"
    config.write_text(
        "server: {endpoint: 'http://127.0.0.1:1/in'}\n"
        f"agent: {{state_dir: '{tmp_path}', server_id: zoo}}\n"
        "exporters: [{name: mine, type: napping_exporter, interval: 10s, timeout: 8s}]\n"
        "buffer: {min_free_bytes: 1MiB}\napi: {listen: '127.0.0.1:0'}\n"
    )
    command = ["env", f"PYTHONPATH={site.path}{os.pathsep}"]
    named = "the exporter napping_exporter of target mine (napping 1.0) has held the event loop"
    with agent_of(config, tmp_path / "agent.log", command=command) as agent:
        health = agent.until("/health", lambda said: said["holds"] and said["holds"][0]["seconds"] > 0)
        assert any(reason.startswith(f"{named} once, for ") for reason in health["reasons"]), health["reasons"]
        assert health["status"] == "degraded"
        (hold,) = health["holds"]
        assert (hold["plugin"], hold["distribution"], hold["version"], hold["target"]) == (
            *("napping_exporter", "napping", "1.0"),
            "mine",
        )
        assert 1 <= hold["longest"] <= 10
    said = agent.log.read_text()
    assert named in said
    assert "make it async, or set isolation: process" in said
