"""The command against real exporters: the session that the README shows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.programs import await_text, free_port, running

NODEPULSE = [sys.executable, "-m", "nodepulse_core"]


def _configure(home: Path, dashboard: str, endpoints: dict[str, str]) -> Path:
    config = home / "nodepulse.yml"
    exporters = "\n".join(f"  - {{name: {name}, endpoint: '{url}', interval: 1s}}" for name, url in endpoints.items())
    config.write_text(
        f"server: {{endpoint: 'http://{dashboard}/metrics/prometheus'}}\n"
        f"agent: {{state_dir: '{home}', server_id: real-1}}\n"
        f"exporters:\n{exporters}\n"
        "buffer: {drain_jitter: 0s, min_free_bytes: 1MiB}\n"
    )
    return config


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
    config = _configure(tmp_path, "127.0.0.1:1", {exporter: request.getfixturevalue(exporter)})
    scraped = subprocess.run([*NODEPULSE, "--config", config, "scrape", exporter], capture_output=True, check=True)
    snapshot = json.loads(scraped.stdout)[exporter][0]
    assert snapshot[field] >= least
    taken = datetime.strptime(snapshot["timestamp"], "%Y-%m-%dT%H:%M:%S%z")
    assert abs(datetime.now(UTC) - taken) < timedelta(minutes=1)


def test_three_real_exporters_arrive_at_the_dashboard(
    node_exporter: str, redis_exporter: str, postgres_exporter: str, tmp_path: Path
) -> None:
    """Agent, dashboard and three real exporters: every slot arrives once, and SIGTERM leaves nothing behind."""
    dashboard = f"127.0.0.1:{free_port()}"
    endpoints = {
        "node_exporter": node_exporter,
        "redis_exporter": redis_exporter,
        "postgres_exporter": postgres_exporter,
    }
    config = _configure(tmp_path, dashboard, endpoints)
    receive = [*NODEPULSE, "dashboard", "--listen", dashboard, "--database", str(tmp_path / "dashboard.sqlite")]
    with running(receive, tmp_path / "dashboard.log"):
        await_text(f"http://{dashboard}/", contains="<html", log=tmp_path / "dashboard.log")
        with running([*NODEPULSE, "--config", str(config), "start"], tmp_path / "agent.log") as agent:
            latest = f"http://{dashboard}/api/servers/real-1/latest"
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
