"""The command against real exporters: the session that the README shows."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.nodepulse import NODEPULSE, SERVER_ID, running_dashboard, write_config
from support.programs import await_text, running


@pytest.mark.parametrize(
    ("exporter", "field", "least"),
    [
        ("node_exporter", "memory_total_bytes", 1024**2),
        ("redis_exporter", "redis_keys", 3),
        ("postgres_exporter", "pg_connections_max", 10),
    ],
)
def test_a_real_exporter_is_scraped_by_hand(
    exporter: str, field: str, least: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """`nodepulse scrape` shows a snapshot with true values of the running exporter."""
    config = write_config(tmp_path, "127.0.0.1:1", {exporter: request.getfixturevalue(exporter)})
    scraped = subprocess.run([*NODEPULSE, "--config", config, "scrape", exporter], capture_output=True, check=True)
    snapshot = json.loads(scraped.stdout)[exporter][0]
    assert snapshot[field] >= least
    taken = datetime.strptime(snapshot["timestamp"], "%Y-%m-%dT%H:%M:%S%z")
    assert abs(datetime.now(UTC) - taken) < timedelta(minutes=1)


def test_three_real_exporters_arrive_at_the_dashboard(
    node_exporter: str, redis_exporter: str, postgres_exporter: str, tmp_path: Path
) -> None:
    """Agent, dashboard and three real exporters: every slot arrives once, and SIGTERM leaves nothing behind."""
    endpoints = {
        "node_exporter": node_exporter,
        "redis_exporter": redis_exporter,
        "postgres_exporter": postgres_exporter,
    }
    with running_dashboard(tmp_path) as dashboard:
        config = write_config(tmp_path, dashboard, endpoints)
        with running([*NODEPULSE, "--config", str(config), "start"], tmp_path / "agent.log") as agent:
            latest = f"http://{dashboard}/api/servers/{SERVER_ID}/latest"
            for exporter in endpoints:
                await_text(latest, contains=exporter, log=tmp_path / "agent.log")
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(6) == 0, (tmp_path / "agent.log").read_text()
        with urllib.request.urlopen(latest, timeout=5) as response:
            text = response.read().decode()
        assert "memory_total_bytes" in text
        assert "pg_connections_max" in text
        assert "redis_keys" in text
    assert not list((tmp_path / "buffer").glob("[a-z]*/*.prom"))
    assert " 0 entries wait" in (tmp_path / "agent.log").read_text()
